"""Pupils whose subset is assigned: joined to their observations; and what an assignment is made of."""

from hamilton.function_modifiers import config
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from obs2seq.domain.spec import SequenceSpec
from obs2seq.flow.columns import named
from obs2seq.flow.selection import Selection, assigned_name


@config.when(assigned=False)
def assigned_observations__as_mapped(mapped_observations: DataFrame) -> DataFrame:
    """Take the observations as they are."""
    return mapped_observations


@config.when(assigned=True)
def assigned_observations__joined(
    mapped_observations: DataFrame, selection: Selection, spec: SequenceSpec
) -> DataFrame:
    """Add the subset that each pupil is assigned to, as the last column; null where a pupil has none.

    Costs a shuffle by pupil, or nothing but a broadcast where the assignment is small.
    """
    assert selection.assignment is not None, "pupils are assigned"
    name = assigned_name(mapped_observations.columns)
    pupil = f"{name} pupil"
    pupils = selection.assignment.select(F.col("pupil").alias(pupil), F.col("subset").alias(name))
    is_same = named(spec.pupil).cast("string") == named(pupil)
    return mapped_observations.join(pupils, is_same, "left").drop(pupil)


def pupil_counts(judged_observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Count each pupil's observations that no rule over single rows leaves out. Costs a shuffle of the counts.

    Returns:
        pupil (as text), count.
    """
    kept = judged_observations.where(named(judged_observations.columns[-1]).isNull())
    return kept.groupBy(named(spec.pupil).cast("string").alias("pupil")).count()
