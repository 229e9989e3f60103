"""Cuts histories at given moments, and brings what is known of the pieces to their observations."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from obs2seq.domain.spec import SequenceSpec
from obs2seq.flow.arithmetic import keys
from obs2seq.flow.columns import type_of
from obs2seq.flow.moments import moment_of


def moment(keyed_observations: DataFrame, spec: SequenceSpec) -> Column:
    """Return the time of an observation as a number that never falls where it rises."""
    time = keys(spec)[spec.order_by[0]]
    return moment_of(spec.order_by[0], type_of(keyed_observations, time), F.col(time))


def with_intervals(
    keyed_observations: DataFrame, cuts: DataFrame, spec: SequenceSpec, n_intervals: int, how: str
) -> DataFrame:
    """Add `heavy` and `interval`, how many of the pupil's cuts are at or before the moment; null for other pupils.

    Args:
        keyed_observations: With pupil.
        cuts: A small table of heavy_pupil, heavy and cuts.
        spec: Names the time.
        n_intervals: The most that a pupil has.
        how: The join: inner leaves other pupils out, left keeps them.
    """
    at = moment(keyed_observations, spec)
    theirs = F.col("pupil").eqNullSafe(F.col("heavy_pupil"))
    joined = keyed_observations.withColumn("moment", at).join(F.broadcast(cuts), theirs, how)
    # By halving, a step at a time and each in a column of its own: as one expression it would be computed row by row
    # without generated code.
    counted = joined.withColumn("interval", F.lit(0))
    for step in (2**i for i in reversed(range(n_intervals.bit_length()))):
        is_further = F.get("cuts", F.col("interval") + step - 1) <= F.col("moment")
        counted = counted.withColumn("interval", F.col("interval") + F.when(is_further, step).otherwise(0))
    interval = F.when(F.col("heavy").isNotNull(), F.col("interval"))
    return counted.withColumn("interval", interval).drop("heavy_pupil", "cuts", "moment")
