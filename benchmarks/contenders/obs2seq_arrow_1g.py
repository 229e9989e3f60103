"""The job without Spark, within a gigabyte: beyond it, observations wait in temporary files."""

import sys
from pathlib import Path

from benchmarks.task import job_arguments
from obs2seq.cli import main


def sequences(data: Path, out: Path) -> None:
    """Publish one subset of everything."""
    if code := main(["run", *job_arguments(data, out, engine="arrow", memory_budget="1g")]):
        sys.exit(code)  # it has said why
