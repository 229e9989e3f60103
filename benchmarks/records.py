"""What was measured, as JSON lines: one for each run of the harness, one for each contender in it."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from obs2seq import __version__

_LIBRARIES = ("pyspark", "polars", "duckdb", "pandas", "pyarrow", "numpy")


@dataclass
class Measurement:
    """All repeats of one contender on one set of observations; lists have one element a repeat."""

    contender: str
    kind: str
    """process: from start to end of a process of its own. warm: in a process that did the same before."""
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_bytes: int | None = None
    """The most of all repeats."""
    shuffle_bytes: int | None = None
    stage_s: list[float] = field(default_factory=list)
    """On Spark: seconds that tasks ran, stage by stage, in the last repeat."""
    gc_s: float | None = None
    """On Spark: how much of that was garbage collection."""
    output_bytes: int | None = None
    output: str = ""
    """What the comparison with the others said."""
    failure: str | None = None

    def add(self, wall_s: float, cpu_s: float, peak_bytes: int | None = None) -> None:
        """Take one more repeat in."""
        self.wall_s.append(round(wall_s, 3))
        self.cpu_s.append(round(cpu_s, 3))
        if peak_bytes is not None:
            self.peak_bytes = max(peak_bytes, self.peak_bytes or 0)


@dataclass
class Run:
    """One run of the harness on one set of observations."""

    at: str
    """When it started, ISO 8601 in UTC."""
    observations: int
    data: str
    """even, or heavy: one pupil owns a fifth."""
    command: str
    machine: str
    versions: dict[str, str]
    load: list[float]
    """The mean number of processes that ran or waited, over one minute: at the start, and at the end."""
    measurements: list[Measurement] = field(default_factory=list)


def append(file: Path, run: Run) -> None:
    """Add a run to a file of JSON lines."""
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(run), ensure_ascii=False) + "\n")


def read(file: Path) -> list[Run]:
    """Return all runs in a file, in order; none where there is no file."""
    return [_run(json.loads(line)) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def _run(fields: dict[str, Any]) -> Run:
    return Run(**fields | {"measurements": [Measurement(**one) for one in fields["measurements"]]})


def newest(runs: list[Run]) -> list[Run]:
    """Return the last run for each number of observations and kind of data: even ones first, small before large."""
    last = {(run.data, run.observations): run for run in runs}
    return [last[key] for key in sorted(last)]


def machine() -> str:
    """Describe this machine in a few words."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}"


def versions() -> dict[str, str]:
    """Return the versions of what takes part, as far as it is installed."""
    found = {"obs2seq": " at ".join(filter(None, [__version__, _commit()])), "Python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found | ({"Java": java} if (java := _java()) else {})


def _commit() -> str:
    """Return the commit of this clone, shortened; nothing outside of one."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def _java() -> str | None:
    java = Path(os.environ["JAVA_HOME"], "bin", "java") if "JAVA_HOME" in os.environ else "java"
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        return None
    return said.partition('"')[2].partition('"')[0] or None
