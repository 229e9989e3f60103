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
    joined = keyed_observations.join(F.broadcast(cuts), theirs, how)
    interval = F.when(F.col("heavy").isNotNull(), _count_at_most(F.col("cuts"), at, n_intervals))
    return joined.withColumn("interval", interval).drop("heavy_pupil", "cuts")


def _count_at_most(ascending: Column, value: Column, most: int) -> Column:
    """Count the elements of an array that are not above a value, by halving: for so many, each costs ten steps."""
    steps = F.array(*(F.lit(2**i) for i in reversed(range(most.bit_length()))))

    def further(low: Column, step: Column) -> Column:
        return low + F.when(F.get(ascending, low + step - 1) <= value, step).otherwise(0)

    return F.aggregate(steps, F.lit(0), further)
