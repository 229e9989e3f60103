"""Builds and runs the dataflow on Hamilton."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from hamilton import registry
from pyspark.sql import DataFrame

from obs2seq.domain.derived import derived_features
from obs2seq.domain.exploding import require_cuts_allowed
from obs2seq.domain.job import Job
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.splits import FOLD
from obs2seq.domain.vocabularies import encoded_columns
from obs2seq.errors import ConfigurationError, SpecificationError

# Hamilton's autoload imports pyspark.pandas, which numpy 2 breaks on Spark 3.5. It reads its switch when the driver is
# imported; the environment is put back for whoever uses Hamilton beside us.
_AUTOLOAD = "HAMILTON_AUTOLOAD_EXTENSIONS"
_before = os.environ.get(_AUTOLOAD)
registry.disable_autoload()

from hamilton import driver  # noqa: E402
from hamilton.data_quality.base import DataValidationError  # noqa: E402

from obs2seq.flow import (  # noqa: E402
    assignments,
    context,
    derived,
    exploding,
    folds,
    histories,
    parts,
    prepared,
    quality,
    selection,
    sequences,
    stages,
    surveys,
    vocabularies,
    windows,
)
from obs2seq.flow.checks import broken_promise  # noqa: E402
from obs2seq.flow.graph import graph_of  # noqa: E402
from obs2seq.flow.hooks import WatchedNodes  # noqa: E402
from obs2seq.flow.selection import Selection  # noqa: E402
from obs2seq.flow.spreading import spreading_inputs  # noqa: E402
from obs2seq.flow.tallies import Tally  # noqa: E402
from obs2seq.flow.ways import (  # noqa: E402
    Kind,
    Ways,
    ways_of_job,
    ways_of_observations,
    ways_of_selection,
)
from obs2seq.lineage.graph import Graph  # noqa: E402
from obs2seq.tracing.watch import NOBODY, Watch  # noqa: E402

if _before is None:
    del os.environ[_AUTOLOAD]
else:
    os.environ[_AUTOLOAD] = _before

_OUTPUTS = {
    ("sequences", False): "sequences",
    ("sequences", True): "folded_sequences",
    ("observations", False): "prepared_observations",
    ("observations", True): "folded_observations",
}
"""The last node, by what is made and whether with folds."""


def sequence_observations(
    observations: DataFrame, spec: SequenceSpec, *, spread_pupils_above: int | None = None
) -> DataFrame:
    """Turn pupils' raw observations into fixed-length padded sequences.

    Lazy: nothing runs before the result is used. Costs one shuffle, by pupil; where pupils are floating-point numbers,
    Spark groups them anew at every step, with a shuffle each. What one row or buffer holds is bounded by a window and
    a stride, never by a pupil's history.

    Args:
        observations: One row an observation, in any order and partitioning. Columns read are `spec.columns`; others
            are passed over. Null pupils are one pupil together; a null in `order_by` comes first.
        spec: What to make; see `SequenceSpec`.
        spread_pupils_above: Cut the histories of pupils with more observations into parts of about so many, and let
            several tasks share them; the result is the same. Looking for such pupils runs jobs before this returns:
            one reads the pupils, and where there are some, two more read theirs.

    Returns:
        One row a sequence, in no stated order, with `spec.outputs`: the pupil; session_index, sequence_index,
        first_position, n_observations (int); is_pad_sequence, is_new_sequence (array<tinyint>); and an array of the
        feature's own type for each feature. Every array has `spec.sequence_length` elements and no null.

    Raises:
        DataError: A column is missing, or no scalar.
        SpecificationError: A feature is no scalar, a pad is not a value of its column's type,
            `session_gap_seconds` is set and the time is not a timestamp, a date or a number, or `explode_cuts` is not
            allow.
    """
    require_cuts_allowed(spec, "Spark computes natively", "use obs2seq.sequence_table, or a run with execution: arrow")
    _require_no_ids_of_elements(spec)
    ways = ways_of_observations(spec)
    return _made("sequences", ways, {"observations": observations, "spec": spec}, spread_pupils_above, NOBODY)


def select_and_sequence(
    raw_observations: DataFrame,
    spec: SequenceSpec,
    selection: Selection,
    tally: Tally,
    kind: Kind,
    spread_pupils_above: int | None = None,
    watch: Watch = NOBODY,
) -> DataFrame:
    """Turn a raw table into one subset's sequences, or its observations in order; count what is left out, by rule.

    As lazy as `sequence_observations`, and no dearer: `tally` knows the counts at its points "input", "duplicates" and
    "windows" once the result has been used, and at "pupils" where rules look at whole histories. Observations come of
    whole histories: nothing to spread there.
    """
    ways = ways_of_selection(spec, selection, kind)
    inputs = {"raw_observations": raw_observations, "spec": spec, "selection": selection, "tally": tally}
    return _made(_OUTPUTS[kind, selection.folds is not None], ways, inputs, spread_pupils_above, watch)


def flow_graph(job: Job, kind: Kind) -> Graph:
    """Return the steps that `select_and_sequence` takes for a job; no session is started."""
    has_folds = job.folds is not None
    flow = _dataflow(**ways_of_job(job, kind), cut="nothing")
    return graph_of(flow, _OUTPUTS[kind, has_folds], added=[FOLD] if has_folds else ())


def select_observations(
    raw_observations: DataFrame,
    spec: SequenceSpec,
    selection: Selection,
    tally: Tally,
    kind: Kind,
    watch: Watch = NOBODY,
) -> DataFrame:
    """Turn a raw table into one subset's observations, in no order, with the columns that the kind needs.

    Lazy: `tally` knows the counts at its point "input" once the result has been used.
    """
    ways = ways_of_selection(spec, selection, kind)
    inputs = {"raw_observations": raw_observations, "spec": spec, "selection": selection, "tally": tally}
    return _run(_dataflow(watch, **ways, cut="nothing"), "observations", inputs)


def quarantined(
    raw_observations: DataFrame,
    spec: SequenceSpec,
    selection: Selection,
    rules: Sequence[str],
    *,
    by_pupil: bool,
) -> DataFrame:
    """Return the rows of a raw table that rules put aside: whole, and with `broken_rules`, a list of their names.

    Lazy; reads the input anew, but for the parts of Parquet files where none of these rules can be broken.

    Args:
        raw_observations: As for `select_and_sequence`.
        spec: Likewise.
        selection: Likewise; has rules.
        rules: The names of those that are known to put some rows aside.
        by_pupil: Whether to return what rules over pupils put aside, or else what rules over single rows do.
    """
    ways = ways_of_selection(spec, selection, "observations")
    inputs = {"raw_observations": raw_observations, "spec": spec, "selection": selection, "tally": Tally()}
    inputs["quarantining_rules"] = rules
    node = "quarantined_rows_of_pupils" if by_pupil else "quarantined_rows"
    return _run(_dataflow(**ways, cut="nothing"), node, inputs)


def count_pupils(raw_observations: DataFrame, spec: SequenceSpec, selection: Selection) -> DataFrame:
    """Return how many observations of a raw table each pupil has, as text, that no rule leaves out. Lazy."""
    ways = ways_of_selection(spec, selection, "sequences")
    inputs = {"raw_observations": raw_observations, "spec": spec, "selection": selection}
    return _run(_dataflow(**ways, cut="nothing"), "pupil_counts", inputs)


def _made(node: str, ways: Ways, inputs: dict[str, Any], spread_pupils_above: int | None, watch: Watch) -> DataFrame:
    """Return what the flow makes of whole histories; or, where some are to be shared, of parts of them."""
    # Built first, and in any case: what cannot be made is refused before the survey's jobs.
    whole = _run(_dataflow(watch, **ways, cut="nothing"), node, inputs)
    if spread_pupils_above is None:
        return whole
    _require_shareable(inputs["spec"])
    looking = ways | ({"duplicates": "unchecked"} if ways["duplicates"] == "keep" else {})
    survey = _dataflow(**looking, cut="intervals")

    def ask(wanted: str, **further: Any) -> DataFrame:
        # What the survey counts on its way is nobody's.
        return _run(survey, wanted, inputs | {"tally": Tally()} | further)

    found = spreading_inputs(ask, inputs["spec"], spread_pupils_above)
    return whole if found is None else _run(_dataflow(watch, **ways, cut="parts"), node, inputs | found)


def _require_no_ids_of_elements(spec: SequenceSpec) -> None:
    """Raise where elements are to be encoded, for which there is no vocabulary."""
    if spec.explode in encoded_columns(spec).values():
        problem = f"expected a column that no feature encodes, as only runs have vocabularies, found '{spec.explode}'"
        raise SpecificationError("explode", problem, "leave encode out, or make it a run")


def _require_shareable(spec: SequenceSpec) -> None:
    """Raise where something follows from a whole history, which no part of one holds."""
    if spec.explode is not None:
        problem = "expected null where explode counts the elements before, found a number"
        raise ConfigurationError("spread_pupils_above", problem, "set it to null")
    if derived_features(spec):
        problem = "expected null where features are derived from the history, found a number"
        raise ConfigurationError("spread_pupils_above", problem, "set it to null")


@lru_cache(maxsize=64)
def _dataflow(watch: Watch = NOBODY, **ways: object) -> driver.Driver:
    """Build the dataflow with the named ways to do a thing; each combination is built once for those who watch."""
    modules = [histories, derived, exploding, context, windows, sequences, prepared]
    modules.append(surveys if ways["cut"] == "intervals" else parts)
    if ways["counted"]:
        modules += [selection, vocabularies, quality, stages, assignments, folds]
    builder = driver.Builder().with_modules(*modules).with_config(dict(ways))
    return (builder.with_adapters(WatchedNodes(watch)) if watch.is_told else builder).build()


def _run(flow: driver.Driver, node: str, inputs: dict[str, Any]) -> DataFrame:
    with _without_hamiltons_banner():
        try:
            frame: DataFrame = flow.execute([node], inputs=inputs)[node]
        except DataValidationError as error:
            raise broken_promise(error) from error
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
