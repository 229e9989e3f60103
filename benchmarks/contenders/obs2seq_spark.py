"""The job as spark-submit starts it: check, sequence, count, publish."""

from pathlib import Path

from benchmarks.task import job_arguments
from obs2seq.cli import run_job


def sequences(data: Path, out: Path) -> None:
    """Publish one subset of everything, from whichever session there is."""
    from pyspark.sql import SparkSession

    partitions = SparkSession.builder.getOrCreate().conf.get("spark.sql.shuffle.partitions")
    if run_job(job_arguments(data, out, shuffle_partitions=str(partitions))) != 0:
        raise RuntimeError("obs2seq: expected exit code 0, found another one")
