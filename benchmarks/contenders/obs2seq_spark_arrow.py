"""The job on Spark by its arrow execution: each task runs the kernel, and writes its own file."""

import sys
from pathlib import Path

from pyspark.sql import SparkSession

from benchmarks.task import job_arguments
from obs2seq.cli import run_job


def sequences(data: Path, out: Path) -> None:
    """Publish one subset of everything, from whichever session there is."""
    partitions = SparkSession.builder.getOrCreate().conf.get("spark.sql.shuffle.partitions")
    arguments = job_arguments(data, out, shuffle_partitions=str(partitions), execution="arrow")
    if code := run_job(arguments):
        sys.exit(code)  # it has said why
