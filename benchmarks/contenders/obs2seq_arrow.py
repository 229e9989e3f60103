"""The job without Spark, as `obs2seq run --engine arrow` does it."""

from pathlib import Path

from benchmarks.task import job_arguments
from obs2seq.cli import main


def sequences(data: Path, out: Path) -> None:
    """Publish one subset of everything."""
    if main(["run", *job_arguments(data, out, engine="arrow")]) != 0:
        raise RuntimeError("obs2seq: expected exit code 0, found another one")
