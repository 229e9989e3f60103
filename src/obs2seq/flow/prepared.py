"""Observations for models that take them raw: whole rows, each pupil's together and in order."""

from hamilton.function_modifiers import config
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from obs2seq.domain.spec import SequenceSpec
from obs2seq.flow.arithmetic import whole_row_keys
from obs2seq.flow.columns import named
from obs2seq.flow.sequences import ROWS_OUT, SEQUENCED
from obs2seq.flow.tallies import Tally


@config.when(kind="observations")
def prepared_observations(
    distinct_observations: DataFrame,
    observations: DataFrame,
    order_keys: list[Column],
    spec: SequenceSpec,
    tally: Tally,
) -> DataFrame:
    """Return whole rows with their own names, sorted by pupil and total order within each partition.

    Ties that the contract leaves are ordered by the other columns, by name. A pupil's rows lie in one partition. Costs
    the one shuffle and sort that counting duplicates has made already.
    """
    in_order = distinct_observations.sortWithinPartitions("pupil", *order_keys)
    names = whole_row_keys(observations, spec)
    counted = tally.counting(in_order, "windows", {SEQUENCED: F.lit(1), ROWS_OUT: F.lit(1)})
    return counted.select(*(named(names[_as_specified(name, names)]).alias(name) for name in observations.columns))


def _as_specified(name: str, names: dict[str, str]) -> str:
    """Find a column of the input under the spelling that the specification gives it."""
    return next(known for known in names if known.lower() == name.lower())
