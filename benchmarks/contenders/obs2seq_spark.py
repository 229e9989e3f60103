"""The job as spark-submit starts it: check, sequence, count, publish."""

import sys
from pathlib import Path

from pyspark.sql import SparkSession

from benchmarks.task import job_arguments
from obs2seq.cli import run_job


def sequences(data: Path, out: Path, **settings: str) -> None:
    """Publish one subset of everything, or what further settings say, from whichever session there is."""
    partitions = SparkSession.builder.getOrCreate().conf.get("spark.sql.shuffle.partitions")
    if code := run_job(job_arguments(data, out, shuffle_partitions=str(partitions), **settings)):
        sys.exit(code)  # it has said why
