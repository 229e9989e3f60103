"""Builds and runs the dataflow on Hamilton."""

import os
from functools import cache
from types import ModuleType

from pyspark.sql import DataFrame

from obs2seq.domain.spec import SequenceSpec

# Hamilton's autoload imports pyspark.pandas, which numpy 2 breaks on Spark 3.5. The switch is read at import.
_AUTOLOAD = "HAMILTON_AUTOLOAD_EXTENSIONS"
_before = os.environ.setdefault(_AUTOLOAD, "0")

from hamilton import driver  # noqa: E402

from obs2seq.flow.arithmetic import window_kind  # noqa: E402
from obs2seq.flow import histories, sequences, windows  # noqa: E402

_MODULES: tuple[ModuleType, ...] = (histories, windows, sequences)


def sequence_observations(observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Turn pupils' raw observations into fixed-length padded sequences.

    Lazy: nothing runs before the result is used. Costs one shuffle, by pupil. What is held in memory at a time is
    bounded by a window and a stride, never by a pupil's history.

    Args:
        observations: One row an observation, in any order and partitioning. Columns read are `spec.columns`; others
            are passed over. A null pupil is a pupil of its own; a null in `order_by` comes first.
        spec: What to make; see `SequenceSpec`.

    Returns:
        One row a sequence, in no stated order, with `spec.outputs`: the pupil; session_index, sequence_index,
        first_position, n_observations (int); is_pad_sequence, is_new_sequence (array<tinyint>); and an array of the
        feature's own type for each feature. Every array has `spec.sequence_length` elements and no null.

    Raises:
        DataError: A column is missing.
        SpecificationError: A feature is no scalar, a pad is not a value of its column's type, or
            `session_gap_seconds` is set and the time is not a timestamp, a date or a number.
    """
    flow = dataflow(sessions=spec.session_gap_seconds is not None, window_kind=window_kind(spec))
    frame: DataFrame = flow.execute(["sequences"], inputs={"observations": observations, "spec": spec})["sequences"]
    return frame


@cache
def dataflow(**choices: object) -> driver.Driver:
    """Build the dataflow with the named ways to do a thing; each combination is built once."""
    return driver.Builder().with_modules(*_MODULES).with_config(dict(choices)).build()
