"""What no way on Spark can be spared: scan, shuffle by pupil, sort, write; one flat row an observation."""

from pathlib import Path

from pyspark.sql import SparkSession

from benchmarks.task import COLUMNS, ORDER, PUPIL


def sequences(data: Path, out: Path) -> None:
    """Write the observations in order, in whichever session there is."""
    observations = SparkSession.builder.getOrCreate().read.parquet(str(data)).select(*COLUMNS)
    observations.repartition(PUPIL).sortWithinPartitions(PUPIL, *ORDER).write.parquet(str(out))
