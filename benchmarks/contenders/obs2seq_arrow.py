"""The job without Spark, as `obs2seq run --engine arrow` does it."""

import sys
from pathlib import Path

from benchmarks.task import job_arguments
from obs2seq.cli import main


def sequences(data: Path, out: Path) -> None:
    """Publish one subset of everything."""
    if code := main(["run", *job_arguments(data, out, engine="arrow")]):
        sys.exit(code)  # it has said why
