"""From observations in any order to histories: each observation with its session and its position.

Columns bear internal names from here on (`pupil`, `key_0` …, `session`, `position`, `value_0` …), so that no name in
the input can collide with one of the flow's own.
"""

from hamilton.function_modifiers import config, tag
from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from obs2seq.domain.columns import require_columns
from obs2seq.domain.padding import pad_value
from obs2seq.domain.rules import DUPLICATE
from obs2seq.domain.spec import Feature, SequenceSpec
from obs2seq.domain.vocabularies import observed_columns
from obs2seq.flow.arithmetic import keys, needs_length, whole_row_keys
from obs2seq.flow.checks import ANY, WHOLE, promises
from obs2seq.flow.columns import literal, named, type_of, zeros_in_order
from obs2seq.flow.derived import feature_type, require_derived, source_keys
from obs2seq.flow.elements import require_readable
from obs2seq.flow.sessions import is_gap_above
from obs2seq.flow.tallies import Tally

POSITIONED = {"pupil": ANY, "session": WHOLE, "position": WHOLE, "length": WHOLE}
"""What a place in a session is to whoever makes windows, beside its values."""
VALUES = (r"value_\d+|context", ANY)


def feature_pads(observations: DataFrame, spec: SequenceSpec) -> list[Column]:
    """Return each feature's pad as a column of its type, after checking that the specification fits the input.

    Raises:
        DataError: A column is missing, or no scalar.
        SpecificationError: A feature is no scalar, or its column's type cannot hold its pad.
    """
    require_columns(observed_columns(spec), observations.columns)
    require_derived(observations, spec)
    types = [feature_type(observations, feature, spec) for feature in spec.features]
    return [
        literal(pad_value(feature, type_.simpleString()), type_)
        for feature, type_ in zip(spec.features, types, strict=True)
    ]


@promises({"pupil": ANY}, others=(r"(key|rest)_\d+", ANY))
@config.when_not(kind="observations")
def keyed_observations__sequences(observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Select the columns that sequences need, each once, under their internal names."""
    require_readable(observations, spec)
    return observations.select(*(named(name).alias(keys(spec)[name]) for name in observed_columns(spec)))


@promises({"pupil": ANY}, others=(r"(key|rest)_\d+", ANY))
@config.when(kind="observations")
def keyed_observations__whole(observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Select all columns under internal names: those of the total order first, then the others by name."""
    require_readable(observations, spec)
    return observations.select(*(named(name).alias(key) for name, key in whole_row_keys(observations, spec).items()))


def order_keys(keyed_observations: DataFrame) -> list[Column]:
    """Return the contract's total order within a pupil: nulls first, NaN last, text by code point.

    Observations that tie on all keys are interchangeable, but for -0.0 and 0.0, which compare as equal: the sign of a
    zero comes last, so that the order never rests on how the rows arrived.
    """
    ordering = [name for name in keyed_observations.columns if name.startswith("key_")]
    zeros = [zero for key in ("pupil", *ordering) for zero in zeros_in_order(keyed_observations, key, F.col(key))]
    return [F.col(key).asc_nulls_first() for key in ordering or ["pupil"]] + zeros


@config.when(cut="nothing")
def together__pupil() -> list[str]:
    """What one task holds whole: the history of a pupil."""
    return ["pupil"]


def history(order_keys: list[Column], together: list[str]) -> WindowSpec:
    """Return the observations that one task holds together in the contract's total order."""
    return Window.partitionBy(*together).orderBy(*order_keys)


@config.when(cut="nothing")
def cut_observations__nowhere(keyed_observations: DataFrame) -> DataFrame:
    """Leave histories whole."""
    return keyed_observations


@config.when_not(cut="parts")
def is_own__all() -> Column:
    """Whether a task holds an observation for its own sake: always, where no other task holds it too."""
    return F.lit(True)


@config.when(duplicates="unchecked")
def distinct_observations__unchecked(cut_observations: DataFrame) -> DataFrame:
    """Take every observation as it is."""
    return cut_observations


@config.when(duplicates="keep")
def distinct_observations__keep(
    cut_observations: DataFrame, history: WindowSpec, is_own: Column, is_no_context: Column, tally: Tally
) -> DataFrame:
    """Count observations that repeat the one before in all keys, and keep them. Needs no sort of its own."""
    marked = _marked_duplicates(cut_observations, history)
    return tally.counting(marked, "duplicates", _duplicates(is_own & is_no_context)).drop("is_duplicate")


@config.when(duplicates="drop")
def distinct_observations__drop(
    cut_observations: DataFrame, history: WindowSpec, is_own: Column, is_no_context: Column, tally: Tally
) -> DataFrame:
    """Count observations that repeat the one before in all keys, and leave them out. Needs no sort of its own."""
    marked = _marked_duplicates(cut_observations, history)
    counted = tally.counting(marked, "duplicates", _duplicates(is_own & is_no_context))
    return counted.where(~F.col("is_duplicate")).drop("is_duplicate")


@config.when(sessions=False, cut="nothing")
def numbered_observations__whole(distinct_observations: DataFrame, history: WindowSpec) -> DataFrame:
    """Number each pupil's history from 0, as session 0. Costs the one shuffle and sort by pupil."""
    return distinct_observations.withColumns({"session": F.lit(0), "position": F.row_number().over(history) - 1})


@config.when(sessions=True, cut="nothing")
def numbered_observations__sessions(
    distinct_observations: DataFrame, history: WindowSpec, spec: SequenceSpec
) -> DataFrame:
    """Number each session of a pupil from 0, and its observations from 0. Costs one shuffle and sort by pupil."""
    so_far = history.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    time = keys(spec)[spec.order_by[0]]
    is_start = is_gap_above(spec, type_of(distinct_observations, time), F.col(time), F.lag(time).over(history))
    starts = distinct_observations.withColumns({"place": F.row_number().over(history) - 1, "is_start": is_start})
    start = F.max(F.when(F.col("is_start"), F.col("place"))).over(so_far)
    return starts.withColumns(
        {
            "session": F.count_if(F.col("is_start")).over(so_far).cast("int"),
            "position": F.col("place") - F.coalesce(start, F.lit(0)),
        }
    )


@config.when(sessions=False, exploded=False)
def session_order__whole(history: WindowSpec) -> WindowSpec:
    """The observations of one session, in order: without sessions, the history itself, sorted already."""
    return history


@config.when(sessions=True)
def session_order__sessions(together: list[str]) -> WindowSpec:
    """The observations of one session, in order. Costs a second sort, no shuffle."""
    return Window.partitionBy(*together, "session").orderBy("position")


def feature_values(session_order: WindowSpec, spec: SequenceSpec, feature_pads: list[Column]) -> list[Column]:
    """Read each feature's value, the shifted ones from where they stand in the session; a null becomes the pad."""
    values = (_value(feature, source_keys(spec)[feature.column], session_order) for feature in spec.features)
    pairs = zip(values, feature_pads, strict=True)
    return [F.coalesce(value, pad).alias(f"value_{i}") for i, (value, pad) in enumerate(pairs)]


@tag(unit="observations")
@promises(POSITIONED, others=VALUES)
@config.when(cut="nothing", lengths="counted")
def positioned_observations__whole(
    derived_observations: DataFrame,
    session_order: WindowSpec,
    spec: SequenceSpec,
    feature_values: list[Column],
    context_columns: list[Column],
) -> DataFrame:
    """Add the length of each observation's session to its place and its values.

    Returns:
        pupil, session, position, `length` (observations in the session; null where no rule needs it), what is to be
        known of context, value_0 ….
    """
    whole = session_order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    is_needed = needs_length(spec) or context_columns
    length = F.count(F.lit(1)).over(whole).cast("int") if is_needed else F.lit(None).cast("int")
    columns = (length.alias("length"), *context_columns, *feature_values)
    return derived_observations.select("pupil", "session", "position", *columns)


def _value(feature: Feature, key: str, session_order: WindowSpec) -> Column:
    return F.lead(key, feature.shift).over(session_order) if feature.shift else F.col(key)


def _duplicates(is_counted: Column) -> dict[str, Column]:
    return {DUPLICATE: (F.col("is_duplicate") & is_counted).cast("int")}


def _marked_duplicates(cut_observations: DataFrame, history: WindowSpec) -> DataFrame:
    """Equal observations stand side by side, since the order of a history ends only where nothing tells them apart.

    Reads each key of the row before on its own: a struct of them all would go through the shuffle beside them.
    """
    keys_of_row = [name for name in cut_observations.columns if name.startswith("key_")]
    is_duplicate = F.row_number().over(history) > 1
    for key in keys_of_row:
        is_duplicate &= F.col(key).eqNullSafe(F.lag(key).over(history))
    return cut_observations.withColumn("is_duplicate", is_duplicate)
