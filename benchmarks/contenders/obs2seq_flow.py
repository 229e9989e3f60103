"""The function for Spark frames: the plan alone, without checks, ledger and publishing."""

from pathlib import Path

from pyspark.sql import SparkSession

from benchmarks.task import LENGTH, ORDER, PADS
from obs2seq import SequenceSpec, sequence_observations


def sequences(data: Path, out: Path) -> None:
    """Make sequences in whichever session there is."""
    features = [{"name": name, "column": name, "pad": pad} for name, pad in PADS.items()]
    spec = SequenceSpec.model_validate({"order_by": ORDER, "sequence_length": LENGTH, "features": features})
    observations = SparkSession.builder.getOrCreate().read.parquet(str(data))
    sequence_observations(observations, spec).write.parquet(str(out))
