"""The job as spark-submit starts it, with the histories of heavy pupils cut for several tasks."""

import sys
from pathlib import Path

from pyspark.sql import SparkSession

from benchmarks.task import job_arguments
from obs2seq.cli import run_job

ABOVE = 1_000_000


def sequences(data: Path, out: Path) -> None:
    """Publish one subset of everything, from whichever session there is."""
    partitions = str(SparkSession.builder.getOrCreate().conf.get("spark.sql.shuffle.partitions"))
    if code := run_job(job_arguments(data, out, shuffle_partitions=partitions, spread_pupils_above=str(ABOVE))):
        sys.exit(code)  # it has said why
