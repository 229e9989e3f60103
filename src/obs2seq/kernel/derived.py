"""Derived features on ordered rows, all pupils at once: one function each, by the name that `derive` gives it.

A function looks only backwards. It returns a value for each place of the order, and for which of them there is one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from obs2seq.domain.derived import features_of_observations, require_derivable
from obs2seq.domain.spec import Feature, SequenceSpec
from obs2seq.domain.zones import DAY_S
from obs2seq.kernel.columns import Array, Column, Key
from obs2seq.kernel.ordering import Ordering
from obs2seq.kernel.schema import feature_type, spark_type
from obs2seq.kernel.sessions import seconds_per_unit
from obs2seq.kernel.zones import all_seconds_ahead

ENGINE = "the embedded engine"

Values = tuple[Array, Array | None]
"""One number a place, and False where there is no value; None where there is one everywhere."""


@dataclass(frozen=True)
class Same:
    """Observations with the same value, pupil by pupil.

    Args:
        previous: The place of the last one before; -1 where there is none.
        number: How many there were before.
        is_known: False where the value is null.
    """

    previous: Array
    number: Array
    is_known: Array | None


class Histories:
    """Pupils' observations in order, one pupil after another.

    Args:
        rows: The rows' numbers, in order.
        starts: The places at which histories start.
        column: Gives a column of all rows by its name.
        time: The name of the column that is the time.
    """

    def __init__(self, rows: Array, starts: Array, column: Callable[[str], Column], time: str) -> None:
        self.rows, self._starts, self._column, self._time = rows, starts, column, time
        self._same: dict[str, Same] = {}

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def time(self) -> Column:
        """The time of all rows."""
        return self._column(self._time)

    @cached_property
    def start(self) -> Array:
        """The place at which the history of each place starts."""
        return np.repeat(self._starts, np.diff(self._starts, append=len(self)))

    def values(self, name: str) -> Values:
        """Return a column's values in order."""
        column = self._column(name)
        return column.values[self.rows], None if column.is_valid is None else column.is_valid[self.rows]

    def same(self, name: str) -> Same:
        """Return which observations have the same value of a column. Costs a sort by it, once a column."""
        if name not in self._same:
            self._same[name] = self._found_same(self._column(name))
        return self._same[name]

    def before(self, amounts: Array) -> Array:
        """Sum whole numbers over each pupil's observations before each place."""
        up_to = np.cumsum(amounts, dtype=np.int64) - amounts
        return np.asarray(up_to - up_to[self.start])

    def _found_same(self, column: Column) -> Same:
        ordering = Ordering(len(self)).refine([self._pupils]).refine(map(self._of_places, column.keys()))
        places, follows = ordering.rows, ordering.ties()
        previous, number = np.empty((2, len(self)), np.int64)
        previous[places] = np.where(follows, np.roll(places, 1), -1)
        order = np.arange(len(self))
        number[places] = order - np.maximum.accumulate(np.where(follows, 0, order))
        return Same(previous, number, None if column.is_valid is None else column.is_valid[self.rows])

    def _pupils(self, places: Array | slice) -> Array:
        return self.start[places]

    def _of_places(self, key: Key) -> Key:
        return lambda places: key(self.rows[places])


def seconds_since_previous(_: Feature, history: Histories) -> Values:
    """Measure the time since the place before, within a pupil."""
    place = np.arange(len(history))
    return _seconds(history, np.where(place > history.start, place - 1, -1))


def seconds_since_same(feature: Feature, history: Histories) -> Values:
    """Measure the time since the last place with the same value, within a pupil."""
    same = history.same(str(feature.of))
    seconds, is_known = _seconds(history, same.previous)
    return seconds, is_known if same.is_known is None else is_known & same.is_known


def attempt_number(feature: Feature, history: Histories) -> Values:
    """Count a pupil's places with the same value, up to each."""
    same = history.same(str(feature.of))
    return same.number + 1, same.is_known


def share_correct_before(feature: Feature, history: Histories) -> Values:
    """Divide two counts of a pupil's earlier places: of those that are correct, and of those that are known."""
    answers, is_known = history.values(str(feature.of))
    known = np.ones(len(history), np.int64) if is_known is None else is_known.astype(np.int64)
    n_known, n_correct = history.before(known), history.before((answers > 0) & (known > 0))
    return n_correct / np.maximum(n_known, 1), n_known > 0


def position(_: Feature, history: Histories) -> Values:
    """Count a pupil's places before each."""
    return np.arange(len(history)) - history.start, None


def hour_of_day(feature: Feature, history: Histories) -> Values:
    """Read the hour off the zone's clock."""
    seconds, is_known = _local_seconds(feature, history)
    return seconds // 3600 % 24, is_known


def weekday(feature: Feature, history: Histories) -> Values:
    """Read the day off the zone's calendar; day 0, the first of 1970, was a Thursday."""
    seconds, is_known = _local_seconds(feature, history)
    return (seconds // DAY_S + 3) % 7 + 1, is_known


FUNCTIONS: Mapping[str, Callable[[Feature, Histories], Values]] = {
    function.__name__: function
    for function in (
        seconds_since_previous,
        seconds_since_same,
        attempt_number,
        share_correct_before,
        position,
        hour_of_day,
        weekday,
    )
}


def derived_columns(spec: SequenceSpec, history: Histories, n_rows: int) -> dict[str, Column]:
    """Return a column of all rows for each thing derived of whole observations, by the name that stands for it."""
    return {name: column_of(feature, history, n_rows) for name, feature in features_of_observations(spec).items()}


def require_derived(spec: SequenceSpec, columns: Mapping[str, pa.ChunkedArray]) -> None:
    """Raise `SpecificationError` where something cannot be derived from columns of these types."""
    require_derivable(spec, ENGINE, FUNCTIONS, lambda name: spark_type(columns[name].type))


def column_of(feature: Feature, history: Histories, n_rows: int) -> Column:
    """Return what is derived as a column of all rows."""
    values, is_known = FUNCTIONS[str(feature.derive)](feature, history)
    type_ = feature_type(feature, {})
    spread = np.zeros(n_rows, type_.to_pandas_dtype())
    spread[history.rows] = values
    if is_known is None:
        return Column(type_, spread, None)
    is_valid = np.zeros(n_rows, bool)
    is_valid[history.rows] = is_known
    return Column(type_, spread, is_valid)


def _seconds(history: Histories, previous: Array) -> tuple[Array, Array]:
    """Measure from the places before, -1 where there is none; null where a time is null or NaN."""
    time, rows = history.time, history.rows
    has_previous, earlier = previous >= 0, rows[np.maximum(previous, 0)]
    seconds = _difference(time.values[rows], time.values[earlier])
    if time.values.dtype.kind != "f":
        per_unit = seconds_per_unit(time.type)
        seconds = seconds / per_unit.denominator * per_unit.numerator
    is_known = has_previous & ~np.isnan(seconds)
    return seconds, is_known if time.is_valid is None else is_known & time.is_valid[rows] & time.is_valid[earlier]


def _difference(later: Array, earlier: Array) -> Array:
    """Subtract whole numbers exactly, unless the difference needs more than 64 bits; return it as a double."""
    with np.errstate(invalid="ignore", over="ignore"):
        rounded = later.astype(np.float64) - earlier.astype(np.float64)
        if later.dtype.kind == "f":
            return np.asarray(rounded)
        later, earlier = later.astype(np.int64), earlier.astype(np.int64)
        exact = later - earlier
        is_beyond = ((later ^ earlier) & (later ^ exact)) < 0
    return np.where(is_beyond, rounded, exact.astype(np.float64))


def _local_seconds(feature: Feature, history: Histories) -> Values:
    time, rows = history.time, history.rows
    is_known = None if time.is_valid is None else time.is_valid[rows]
    ticks = time.values[rows] if is_known is None else np.where(is_known, time.values[rows], 0)
    seconds = ticks // seconds_per_unit(time.type).denominator
    return seconds + all_seconds_ahead(seconds, str(feature.time_zone)), is_known
