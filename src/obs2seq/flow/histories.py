"""From observations in any order to histories: each observation with its session and its position.

Columns bear internal names from here on (`pupil`, `key_0` …, `session`, `position`, `value_0` …), so that no name in the
input can collide with one of the flow's own.
"""

from hamilton.function_modifiers import config
from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from obs2seq.domain.padding import pad_value
from obs2seq.domain.spec import Feature, SequenceSpec
from obs2seq.flow.arithmetic import keys, needs_length
from obs2seq.flow.columns import is_float, is_negative_zero, literal, named, require_columns, type_of
from obs2seq.flow.sessions import is_gap_above


def feature_pads(observations: DataFrame, spec: SequenceSpec) -> list[Column]:
    """Return each feature's pad as a column of its type, after checking that the specification fits the input.

    Raises:
        DataError: A column is missing.
        SpecificationError: A feature is no scalar, or its column's type cannot hold its pad.
    """
    require_columns(observations, spec.columns)
    types = [type_of(observations, feature.column) for feature in spec.features]
    return [
        literal(pad_value(feature, type_.simpleString()), type_)
        for feature, type_ in zip(spec.features, types, strict=True)
    ]


def keyed_observations(observations: DataFrame, spec: SequenceSpec) -> DataFrame:
    """Select the columns that are read, each once, under their internal names."""
    require_columns(observations, spec.columns)
    return observations.select(*(named(name).alias(key) for name, key in keys(spec).items()))


def history(keyed_observations: DataFrame) -> WindowSpec:
    """Return the contract's total order of each pupil's history.

    Observations that tie on all keys are interchangeable, but for -0.0 and 0.0, which compare as equal: the sign of a
    zero comes last, so that the order never rests on how the rows arrived.
    """
    ordering = [name for name in keyed_observations.columns if name.startswith("key_")]
    zeros = [is_negative_zero(F.col(key)) for key in ordering if is_float(type_of(keyed_observations, key))]
    return Window.partitionBy("pupil").orderBy(
        *(F.col(key).asc_nulls_first() for key in ordering), *(zero.desc_nulls_last() for zero in zeros)
    )


@config.when(sessions=False)
def numbered_observations__whole(keyed_observations: DataFrame, history: WindowSpec) -> DataFrame:
    """Number each pupil's history from 0, as session 0. Costs the one shuffle and sort by pupil."""
    return keyed_observations.withColumns({"session": F.lit(0), "position": F.row_number().over(history) - 1})


@config.when(sessions=True)
def numbered_observations__sessions(
    keyed_observations: DataFrame, history: WindowSpec, spec: SequenceSpec
) -> DataFrame:
    """Number each session of a pupil from 0, and its observations from 0. Costs one shuffle and sort by pupil."""
    so_far = history.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    is_start = is_gap_above(spec, type_of(keyed_observations, "key_0"), F.lag("key_0").over(history))
    starts = keyed_observations.withColumns({"place": F.row_number().over(history) - 1, "is_start": is_start})
    start = F.max(F.when(F.col("is_start"), F.col("place"))).over(so_far)
    return starts.withColumns(
        {
            "session": F.count_if(F.col("is_start")).over(so_far).cast("int"),
            "position": F.col("place") - F.coalesce(start, F.lit(0)),
        }
    )


@config.when(sessions=False)
def session_order__whole(history: WindowSpec) -> WindowSpec:
    """The observations of one session, in order: without sessions, the history itself, sorted already."""
    return history


@config.when(sessions=True)
def session_order__sessions() -> WindowSpec:
    """The observations of one session, in order. Costs a second sort, no shuffle."""
    return Window.partitionBy("pupil", "session").orderBy("position")


def positioned_observations(
    numbered_observations: DataFrame, session_order: WindowSpec, spec: SequenceSpec, feature_pads: list[Column]
) -> DataFrame:
    """Read each feature's value, the shifted ones from where they stand in the session; a null becomes the pad.

    Returns:
        pupil, session, position, `length` (observations in the session; null where no rule needs it), value_0 ….
    """
    whole = session_order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    length = F.count(F.lit(1)).over(whole).cast("int") if needs_length(spec) else F.lit(None).cast("int")
    values = (_value(feature, keys(spec)[feature.column], session_order) for feature in spec.features)
    return numbered_observations.select(
        "pupil",
        "session",
        "position",
        length.alias("length"),
        *(F.coalesce(v, pad).alias(f"value_{i}") for i, (v, pad) in enumerate(zip(values, feature_pads, strict=True))),
    )


def _value(feature: Feature, key: str, session_order: WindowSpec) -> Column:
    return F.lead(key, feature.shift).over(session_order) if feature.shift else F.col(key)
