"""Derived features on Spark: one function each, by the name that `derive` gives it.

A function returns a column over windows that reach no further than the observation itself. Those over a pupil's
history cost no shuffle and no sort of their own; those over a pupil's observations with the same value of a column
cost one sort for each such column, and no shuffle: what lies together by pupil lies together by pupil and value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby

from hamilton.function_modifiers import config
from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    IntegerType,
    NumericType,
    TimestampNTZType,
    TimestampType,
)

from obs2seq.domain.derived import derived_features, derived_type, require_derivable
from obs2seq.domain.spec import Feature, SequenceSpec
from obs2seq.flow.arithmetic import keys
from obs2seq.flow.columns import is_float, type_of
from obs2seq.flow.elements import value_type

ENGINE = "Spark"
_TYPES: Mapping[str, DataType] = {"int": IntegerType(), "double": DoubleType()}
_DAY_S, _MICROS = 86_400, 1_000_000


@dataclass(frozen=True)
class Past:
    """What a function is told.

    Args:
        time: The observation's time.
        time_type: Its type.
        value: The value of the column `of`; null where there is no such column.
        value_type: Its type.
        zone: Whose clock tells the hour.
        history: A pupil's observations in order, or those of them with the same value.
    """

    time: Column
    time_type: DataType
    value: Column
    value_type: DataType | None
    zone: str
    history: WindowSpec

    @property
    def before(self) -> WindowSpec:
        """All that comes before, without the observation itself."""
        return self.history.rowsBetween(Window.unboundedPreceding, -1)

    @property
    def local_seconds(self) -> Column:
        """What the zone's clock shows, in seconds since 1970; the session's time zone plays no part."""
        return F.unix_seconds(F.from_utc_timestamp(self.time, self.zone))


def seconds_since_previous(past: Past) -> Column:
    """Measure the time since the row before."""
    return _seconds(past.time_type, past.time, F.lag(past.time).over(past.history))


def seconds_since_same(past: Past) -> Column:
    """Measure the time since the row before, among those of the same value."""
    return F.when(past.value.isNotNull(), seconds_since_previous(past))


def attempt_number(past: Past) -> Column:
    """Number the rows of the same value."""
    return F.when(past.value.isNotNull(), F.row_number().over(past.history))


def share_correct_before(past: Past) -> Column:
    """Divide two counts of the rows before: of those that are correct, and of those that are known."""
    is_correct = past.value if isinstance(past.value_type, BooleanType) else past.value > 0
    n_correct, n_known = F.count_if(is_correct).over(past.before), F.count(past.value).over(past.before)
    return F.when(n_known > 0, n_correct / n_known)


def position(past: Past) -> Column:
    """Number the rows from 0."""
    return F.row_number().over(past.history) - 1


def hour_of_day(past: Past) -> Column:
    """Read the hour off the zone's clock."""
    return F.pmod(F.floor(past.local_seconds / 3600), F.lit(24))


def weekday(past: Past) -> Column:
    """Read the day off the zone's calendar; day 0, the first of 1970, was a Thursday."""
    return F.pmod(F.floor(past.local_seconds / _DAY_S) + 3, F.lit(7)) + 1


OVER_HISTORY = (seconds_since_previous, share_correct_before, position, hour_of_day, weekday)
OVER_SAME = (seconds_since_same, attempt_number)
FUNCTIONS: Mapping[str, Callable[[Past], Column]] = {
    function.__name__: function for function in (*OVER_HISTORY, *OVER_SAME)
}


def source_keys(spec: SequenceSpec) -> dict[str, str]:
    """Return the internal name of every column that features read, and of all that is derived."""
    return keys(spec) | {name: f"derived_{i}" for i, name in enumerate(derived_features(spec))}


def feature_type(observations: DataFrame, feature: Feature, spec: SequenceSpec) -> DataType:
    """Return the type of a feature's values."""
    type_name = derived_type(feature)
    return _TYPES[type_name] if type_name else value_type(observations, feature.column, spec)


def require_derived(observations: DataFrame, spec: SequenceSpec) -> None:
    """Raise `SpecificationError` where something cannot be derived from columns of these types."""
    require_derivable(spec, ENGINE, FUNCTIONS, lambda name: value_type(observations, name, spec).simpleString())


@config.when(exploded=False)
def derived_observations(numbered_observations: DataFrame, history: WindowSpec, spec: SequenceSpec) -> DataFrame:
    """Add what is derived, each thing once, as `derived_0` …."""
    return with_derived(numbered_observations, list(derived_features(spec).values()), history, spec)


def with_derived(
    frame: DataFrame,
    features: list[Feature],
    history: WindowSpec,
    spec: SequenceSpec,
    place: Column | None = None,
) -> DataFrame:
    """Add some of what is derived.

    What follows a pupil's history comes first, so that the one shuffle is by pupil, whatever comes then.

    Args:
        frame: Numbered rows.
        features: What to add.
        history: A pupil's rows in order.
        spec: Names the columns.
        place: What orders a pupil's rows, where they have a column that does; else they are numbered.
    """
    over_same = [feature for feature in features if feature.derive in {function.__name__ for function in OVER_SAME}]
    over_history = [feature for feature in features if feature not in over_same]
    frame = _with_derived(frame, over_history, history, spec)
    if over_same:
        place = F.row_number().over(history) if place is None else place
        frame = frame.withColumn("place_in_history", place)
    for of, alike in groupby(sorted(over_same, key=_of), key=_of):
        same = Window.partitionBy("pupil", keys(spec)[of]).orderBy("place_in_history")
        frame = _with_derived(frame, list(alike), same, spec)
    return frame


def _with_derived(frame: DataFrame, features: list[Feature], history: WindowSpec, spec: SequenceSpec) -> DataFrame:
    if not features:
        return frame
    return frame.withColumns(
        {source_keys(spec)[feature.column]: _derived(frame, feature, history, spec) for feature in features}
    )


def _derived(frame: DataFrame, feature: Feature, history: WindowSpec, spec: SequenceSpec) -> Column:
    internal = keys(spec)
    time = internal[spec.order_by[0]]
    value = internal[feature.of] if feature.of is not None else None
    past = Past(
        F.col(time),
        type_of(frame, time),
        F.lit(None) if value is None else F.col(value),
        None if value is None else type_of(frame, value),
        str(feature.time_zone),
        history,
    )
    return FUNCTIONS[str(feature.derive)](past).cast(_TYPES[str(derived_type(feature))])


def _of(feature: Feature) -> str:
    return str(feature.of)


def _seconds(type_: DataType, later: Column, earlier: Column) -> Column:
    """Subtract exactly where that fits 64 bits, as doubles where it does not; null where a time is null or NaN."""
    if is_float(type_):
        seconds = later.cast("double") - earlier.cast("double")
        return F.when(~F.isnan(seconds), seconds)
    ticks, per_second = _ticks(type_)
    rounded = ticks(later).cast("double") - ticks(earlier).cast("double")
    exact = F.try_subtract(ticks(later), ticks(earlier)).cast("double")
    return F.coalesce(exact, rounded) / per_second


def _ticks(type_: DataType) -> tuple[Callable[[Column], Column], int]:
    """Return what makes a time a whole number, and how many of its units are a second."""
    match type_:
        case TimestampType():
            return F.unix_micros, _MICROS
        case TimestampNTZType():
            return _wall_clock_micros, _MICROS
        case DateType():
            return (lambda time: F.unix_date(time).cast("bigint") * _DAY_S), 1
        case NumericType():
            return (lambda time: time.cast("bigint")), 1
        case _:
            raise TypeError(type_)


def _wall_clock_micros(time: Column) -> Column:
    """Count microseconds of a timestamp without a zone, by its fields: a cast would go through the session's zone."""
    minutes = F.unix_date(time.cast("date")).cast("bigint") * 1440 + F.hour(time) * 60 + F.minute(time)
    micros = F.date_part(F.lit("SECOND"), time) * _MICROS
    return minutes * (60 * _MICROS) + micros.cast("bigint")
