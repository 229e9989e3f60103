"""Builds and runs the dataflow on Hamilton."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

from hamilton import registry
from pyspark.sql import DataFrame

from obs2seq.domain.rule_sets import pupil_rules
from obs2seq.domain.spec import SequenceSpec

# Hamilton's autoload imports pyspark.pandas, which numpy 2 breaks on Spark 3.5. It reads its switch when the driver is
# imported; the environment is put back for whoever uses Hamilton beside us.
_AUTOLOAD = "HAMILTON_AUTOLOAD_EXTENSIONS"
_before = os.environ.get(_AUTOLOAD)
registry.disable_autoload()

from hamilton import driver  # noqa: E402

from obs2seq.flow import histories, prepared, quality, selection, sequences, windows  # noqa: E402
from obs2seq.flow.selection import Selection  # noqa: E402
from obs2seq.flow.tallies import Tally  # noqa: E402

if _before is None:
    del os.environ[_AUTOLOAD]
else:
    os.environ[_AUTOLOAD] = _before

Kind = Literal["sequences", "observations"]
"""What is made: the contract's sequences, or whole observations, checked and in order."""


def sequence_observations(observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Turn pupils' raw observations into fixed-length padded sequences.

    Lazy: nothing runs before the result is used. Costs one shuffle, by pupil; where pupils are floating-point numbers,
    Spark groups them anew at every step, with a shuffle each. What one row or buffer holds is bounded by a window and
    a stride, never by a pupil's history.

    Args:
        observations: One row an observation, in any order and partitioning. Columns read are `spec.columns`; others
            are passed over. Null pupils are one pupil together; a null in `order_by` comes first.
        spec: What to make; see `SequenceSpec`.

    Returns:
        One row a sequence, in no stated order, with `spec.outputs`: the pupil; session_index, sequence_index,
        first_position, n_observations (int); is_pad_sequence, is_new_sequence (array<tinyint>); and an array of the
        feature's own type for each feature. Every array has `spec.sequence_length` elements and no null.

    Raises:
        DataError: A column is missing, or no scalar.
        SpecificationError: A feature is no scalar, a pad is not a value of its column's type, or
            `session_gap_seconds` is set and the time is not a timestamp, a date or a number.
    """
    flow = _dataflow(**_ways(spec), kind="sequences", duplicates="unchecked", counted=False, rules="none")
    return _run(flow, "sequences", {"observations": observations, "spec": spec})


def select_and_sequence(
    raw_observations: DataFrame, spec: SequenceSpec, selection: Selection, tally: Tally, kind: Kind
) -> DataFrame:
    """Turn a raw table into one subset's sequences, or its observations in order; count what is left out, by rule.

    Lazy, and no dearer than `sequence_observations`: `tally` knows the counts at its points "input", "duplicates" and
    "windows" once the result has been used.
    """
    flow = _counting_dataflow(spec, selection, kind)
    inputs = {"raw_observations": raw_observations, "spec": spec, "selection": selection, "tally": tally}
    return _run(flow, "sequences" if kind == "sequences" else "prepared_observations", inputs)


def quarantined(raw_observations: DataFrame, spec: SequenceSpec, selection: Selection, *, by_pupil: bool) -> DataFrame:
    """Return the rows of a raw table that rules put aside: whole, and with `broken_rules`, a list of their names.

    Lazy; reads the input anew.

    Args:
        raw_observations: As for `select_and_sequence`.
        spec: Likewise.
        selection: Likewise; has rules.
        by_pupil: Whether to return what rules over pupils put aside, or else what rules over single rows do.
    """
    flow = _counting_dataflow(spec, selection, "observations")
    inputs = {"raw_observations": raw_observations, "spec": spec, "selection": selection, "tally": Tally()}
    return _run(flow, "quarantined_rows_of_pupils" if by_pupil else "quarantined_rows", inputs)


def _counting_dataflow(spec: SequenceSpec, selection: Selection, kind: Kind) -> driver.Driver:
    rules = "pupils" if pupil_rules(selection.rules) else "rows" if selection.rules else "none"
    return _dataflow(**_ways(spec), kind=kind, duplicates=selection.duplicates, counted=True, rules=rules)


def _ways(spec: SequenceSpec) -> dict[str, object]:
    """Choose between ways to do a thing by what the specification asks for."""
    window_kind = "chunked" if spec.is_chunked else "overlapping"
    return {"sessions": spec.session_gap_seconds is not None, "window_kind": window_kind}


@cache
def _dataflow(**ways: object) -> driver.Driver:
    """Build the dataflow with the named ways to do a thing; each combination is built once."""
    modules = [histories, windows, sequences, prepared]
    if ways["counted"]:
        modules += [selection, quality]
    return driver.Builder().with_modules(*modules).with_config(dict(ways)).build()


def _run(flow: driver.Driver, node: str, inputs: dict[str, Any]) -> DataFrame:
    with _without_hamiltons_banner():
        frame: DataFrame = flow.execute([node], inputs=inputs)[node]
    return frame


@contextmanager
def _without_hamiltons_banner() -> Iterator[None]:
    """Hamilton logs a banner for each exception that passes through; our errors speak for themselves."""
    logger = logging.getLogger("hamilton")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
