"""Spark as people write it: number the rows, group them, sort what was collected, a transform for each field."""

from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from benchmarks.task import LENGTH, ORDER, PADS, PUPIL


def sequences(data: Path, out: Path) -> None:
    """Make sequences in whichever session there is."""
    _sequences(SparkSession.builder.getOrCreate().read.parquet(str(data))).write.parquet(str(out))


def _sequences(observations: DataFrame) -> DataFrame:
    position = F.row_number().over(Window.partitionBy(PUPIL).orderBy(*ORDER)) - 1
    chunk = F.floor(F.col("position") / LENGTH).cast("int")
    collected = F.sort_array(F.collect_list(F.struct("position", *(F.col(name).alias(f"_{name}") for name in PADS))))
    return (
        observations.withColumn("position", position)
        .groupBy(PUPIL, chunk.alias("sequence_index"))
        .agg(collected.alias("observations"))
        .select(
            PUPIL,
            F.lit(0).alias("session_index"),
            "sequence_index",
            (F.col("sequence_index") * LENGTH).alias("first_position"),
            _n().alias("n_observations"),
            _padded(F.array_repeat(_flag(0), _n()), _flag(1)).alias("is_pad_sequence"),
            _padded(F.array_repeat(_flag(1), _n()), _flag(0)).alias("is_new_sequence"),
            *(_padded(_values(name), _pad(observations, name)).alias(f"{name}_sequence") for name in PADS),
        )
    )


def _values(name: str) -> Column:
    pad = PADS[name]
    return F.transform("observations", lambda observation: F.coalesce(observation[f"_{name}"], F.lit(pad)))


def _pad(observations: DataFrame, name: str) -> Column:
    return F.lit(PADS[name]).cast(observations.schema[name].dataType)


def _padded(values: Column, pad: Column) -> Column:
    return F.concat(values, F.array_repeat(pad, LENGTH - _n()))


def _n() -> Column:
    return F.size("observations")


def _flag(value: int) -> Column:
    return F.lit(value).cast("tinyint")
