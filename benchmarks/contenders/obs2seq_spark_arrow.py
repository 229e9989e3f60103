"""The job on Spark by its arrow execution: each task runs the kernel, and writes its own file."""

import sys
from pathlib import Path

from benchmarks.task import job_arguments
from obs2seq.cli import run_job


def sequences(data: Path, out: Path) -> None:
    """Publish one subset of everything, from whichever session there is, in as many tasks as the input asks for."""
    if code := run_job(job_arguments(data, out, execution="arrow")):
        sys.exit(code)  # it has said why
