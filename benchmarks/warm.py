"""A process that stays, and runs contenders when it is asked to."""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from benchmarks.measuring import Cost, RunFailedError, TreeSamples, last_line, stop_tree


class WarmWorker:
    """`benchmarks.worker --serve`, from the beginning to the end of a with statement.

    Args:
        spark: Settings of the session to open; none where it is empty.
        environment: Of the process.
        log: Where it prints its errors.
        timeout_s: After so long without an answer the process is ended.
    """

    def __init__(self, spark: Mapping[str, str], environment: Mapping[str, str], log: Path, timeout_s: float) -> None:
        self._command = [sys.executable, "-m", "benchmarks.worker", "--serve", "--spark", json.dumps(dict(spark))]
        self._environment, self._log, self._timeout_s = dict(environment), log, timeout_s

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log.open("wb"),
            text=True,
        )
        self._answer("ready")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop_tree(self._process.pid)
        self._process.wait()

    def ask(self, contender: str, data: Path, out: Path) -> Cost:
        """Run a contender once; return its cost, without memory, for that holds what others left.

        Raises:
            RunFailedError: It failed or was late; the process has ended.
        """
        before_s = self._cpu_s()
        if self._process.stdin is not None and self._process.poll() is None:
            self._process.stdin.write(json.dumps([contender, str(data), str(out)]) + "\n")
            self._process.stdin.flush()
        wall_s = float(self._answer("wall_s"))
        return Cost(wall_s, self._cpu_s() - before_s, None)

    def _answer(self, key: str) -> Any:
        """Wait for the answer that has the key, past whatever else is printed."""
        limit = threading.Timer(self._timeout_s, stop_tree, [self._process.pid])
        limit.start()
        try:
            for line in self._process.stdout or ():
                if line.startswith("{") and key in (answer := json.loads(line)):
                    return answer[key]
        finally:
            limit.cancel()
        raise RunFailedError(f"ended without an answer: {last_line(self._log)}")

    def _cpu_s(self) -> float:
        if not psutil.pid_exists(self._process.pid):
            return 0.0
        samples = TreeSamples(psutil.Process(self._process.pid))
        samples.take()
        return samples.cpu_s
