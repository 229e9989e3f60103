"""The job without Spark, as `obs2seq run --engine arrow` does it."""

import sys
from pathlib import Path

from benchmarks.task import job_arguments
from obs2seq.cli import main


def sequences(data: Path, out: Path, **settings: str) -> None:
    """Publish one subset of everything, or what further settings say."""
    if code := main(["run", *job_arguments(data, out, engine="arrow", **settings)]):
        sys.exit(code)  # it has said why
