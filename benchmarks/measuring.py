"""What a process and all that it starts cost: wall seconds, CPU seconds, memory."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SHORTEST_INTERVAL_S, LONGEST_INTERVAL_S = 0.05, 0.5


@dataclass(frozen=True)
class Cost:
    """What one run cost."""

    wall_s: float
    cpu_s: float
    """User and system time of the process and all below it."""
    peak_bytes: int | None
    """The most that the processes held in memory together, by samples; pages that they share count for each."""


class RunFailedError(RuntimeError):
    """A process that ended otherwise than with 0, or not in time."""


@dataclass
class TreeSamples:
    """The CPU time and the memory of a process tree, as seen whenever `take` is called."""

    root: psutil.Process
    peak_bytes: int = 0
    _cpu_s: dict[psutil.Process, float] = field(default_factory=dict)

    @property
    def cpu_s(self) -> float:
        """CPU seconds of every process that was ever seen, those that have ended included."""
        return sum(self._cpu_s.values())

    def take(self) -> None:
        """Look at every process of the tree once."""
        held = 0
        for process in _tree(self.root):
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    held += process.memory_info().rss
                self._cpu_s[process] = times.user + times.system
            except psutil.NoSuchProcess:
                continue  # it ended between the list and the look
        self.peak_bytes = max(self.peak_bytes, held)

    def stop(self) -> None:
        """End every process that was ever seen and still runs, be its parent there or not."""
        for process in self._cpu_s:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def measured(command: Sequence[str], environment: Mapping[str, str], log: Path, timeout_s: float) -> Cost:
    """Run a command to its end, with what it prints in a file, and return its cost.

    CPU seconds are the larger of what the system reports for the ended process with the children it waited for, and of
    the samples: a JVM whose parent ends first is in the samples alone, what starts and ends between two samples in the
    report alone.

    Raises:
        RunFailedError: It ended with another code than 0, or was stopped at the time limit; with its last line.
    """
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, env=dict(environment), stdout=output, stderr=subprocess.STDOUT)
        samples = TreeSamples(psutil.Process(process.pid))
        is_late = threading.Event()
        limit = threading.Timer(timeout_s, _stop_late, [process.pid, is_late])
        limit.start()
        try:
            reported_s, code = _waited(process, samples)
            wall_s = time.perf_counter() - start
        finally:
            limit.cancel()
            samples.stop()
    if is_late.is_set():
        raise RunFailedError(f"stopped after {timeout_s:.0f} s")
    if code != 0:
        raise RunFailedError(f"exit code {code}: {last_line(log)}")
    return Cost(wall_s, max(reported_s, samples.cpu_s), samples.peak_bytes)


def _waited(process: subprocess.Popen[bytes], samples: TreeSamples) -> tuple[float, int]:
    """Sample until the process has ended; return the CPU seconds that the system reports, and its exit code."""
    has_ended = threading.Event()
    sampler = threading.Thread(target=_sample, args=(samples, has_ended))
    sampler.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        has_ended.set()
        sampler.join()
    process.returncode = os.waitstatus_to_exitcode(status)  # for Popen has not seen it end
    return usage.ru_utime + usage.ru_stime, process.returncode


def _sample(samples: TreeSamples, has_ended: threading.Event) -> None:
    """Take a sample again and again, less often the longer it lasts: a look costs a millisecond or more."""
    start = time.perf_counter()
    interval_s = SHORTEST_INTERVAL_S
    while not has_ended.is_set():
        samples.take()
        has_ended.wait(interval_s)
        interval_s = min(max(SHORTEST_INTERVAL_S, (time.perf_counter() - start) / 50), LONGEST_INTERVAL_S)


def _stop_late(pid: int, is_late: threading.Event) -> None:
    is_late.set()
    stop_tree(pid)


def stop_tree(pid: int) -> None:
    """End a process and all below it, if there are any left."""
    try:
        processes = _tree(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return
    for process in reversed(processes):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def last_line(log: Path) -> str:
    """Return the last line of a log that says something, shortened."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it printed nothing"


def _tree(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
