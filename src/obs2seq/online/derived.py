"""Derived features of one pupil, one observation after another: one function each, by the name `derive` gives it.

A function is told what it has noted of the observations before, and the observation. It returns the value, and what to
note further. What is noted grows with the distinct values of the column `of`, not with the observations.
"""

import datetime
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from obs2seq.domain.derived import OF_ELEMENTS, derived_features, features_of_elements, require_derivable
from obs2seq.domain.spec import Feature, SequenceSpec
from obs2seq.domain.zones import hour_on_clock, seconds_ahead, seconds_since_1970, weekday_on_clock
from obs2seq.online.keys import key_of
from obs2seq.online.values import type_of_sample

ENGINE = "the online sequencer"

Notes = Mapping[Any, Any]
_MICROSECOND = datetime.timedelta(microseconds=1)


class Seen(NamedTuple):
    """What a function is told of an observation."""

    time: Any
    value: Any
    """Of the column `of`, where there is one."""
    zone: str

    @property
    def same(self) -> Any:
        """What is equal for equal values: both zeros, every NaN, times of one instant; None where there is none."""
        return None if self.value is None else key_of((self.value,))[0]

    @property
    def local_second(self) -> int:
        """What the zone's clock shows, in seconds since 1970."""
        second = seconds_since_1970(self.time)
        return second + seconds_ahead(second, self.zone)


def seconds_since_previous(notes: Notes, seen: Seen) -> tuple[Any, Notes]:
    """Measure the time since the observation before."""
    return _seconds(seen.time, notes.get("time")), {"time": seen.time}


def seconds_since_same(notes: Notes, seen: Seen) -> tuple[Any, Notes]:
    """Measure the time since the last observation with the same value."""
    if seen.same is None:
        return None, {}
    return _seconds(seen.time, notes.get(seen.same)), {seen.same: seen.time}


def attempt_number(notes: Notes, seen: Seen) -> tuple[Any, Notes]:
    """Count the observations with the same value, this one included."""
    if seen.same is None:
        return None, {}
    number = notes.get(seen.same, 0) + 1
    return number, {seen.same: number}


def share_correct_before(notes: Notes, seen: Seen) -> tuple[Any, Notes]:
    """Divide two counts of earlier observations: of those that are correct, and of those that are known."""
    correct, known = notes.get("correct", 0), notes.get("known", 0)
    share = correct / known if known else None
    if seen.value is None:
        return share, {}
    return share, {"correct": correct + (seen.value > 0), "known": known + 1}


def position(notes: Notes, _: Seen) -> tuple[Any, Notes]:
    """Count the observations before."""
    number = notes.get("number", 0)
    return number, {"number": number + 1}


def hour_of_day(_: Notes, seen: Seen) -> tuple[Any, Notes]:
    """Read the hour off the zone's clock."""
    return None if seen.time is None else hour_on_clock(seen.local_second), {}


def weekday(_: Notes, seen: Seen) -> tuple[Any, Notes]:
    """Read the day off the zone's calendar."""
    return None if seen.time is None else weekday_on_clock(seen.local_second), {}


FUNCTIONS: Mapping[str, Callable[[Notes, Seen], tuple[Any, Notes]]] = {
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


class Told(NamedTuple):
    """What is derived for an observation's elements, and what to note once it is taken."""

    values: list[tuple[Any, ...]]
    """For each element."""
    notes: list[Notes]


class Deriver:
    """Derives what a specification asks for, in the order of a pupil's history.

    Args:
        spec: With the features.
        types: The type of a column by Spark's name, where it is known.

    Raises:
        SpecificationError: Something cannot be derived, or not from columns of these types.
    """

    def __init__(self, spec: SequenceSpec, types: Mapping[str, str]) -> None:
        self._spec, self._types = spec, dict(types)
        self._features: list[Feature] = list(told_features(spec).values())
        self._of_elements = features_of_elements(spec)
        self._notes: list[dict[Any, Any]] = [{} for _ in self._features]
        self.inputs = input_columns(spec)
        """The columns that it is told the values of."""
        self._require_derivable(self._types)

    def told_by(self, inputs: Sequence[Sequence[Any]]) -> Told:
        """Return what is derived for the next observation, given what each element holds. Nothing is noted yet.

        Raises:
            SpecificationError: A column turns out to have a type that something cannot be derived from.
        """
        if not self._features:
            return Told([()] * len(inputs), [])
        rows = [dict(zip(self.inputs, element, strict=True)) for element in inputs]
        self._learn(rows)
        told = [self._told(feature, notes, rows) for feature, notes in zip(self._features, self._notes, strict=True)]
        columns = [column for column, _ in told]
        return Told([tuple([column[i] for column in columns]) for i in range(len(rows))], [notes for _, notes in told])

    def note(self, told: Told) -> None:
        """Take over what `told_by` gave."""
        for notes, more in zip(self._notes, told.notes, strict=True):
            notes.update(more)

    def _learn(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Hold the types of columns that are met for the first time to what is derived from them."""
        values = [(name, value) for row in rows for name, value in row.items() if value is not None]
        found = {name: type_of_sample(value) for name, value in values if name not in self._types}
        if found:
            self._require_derivable(self._types | found)
            self._types |= found

    def _told(
        self, feature: Feature, notes: dict[Any, Any], rows: Sequence[Mapping[str, Any]]
    ) -> tuple[list[Any], Notes]:
        """Return a feature's value for each element, and what to note of them together."""
        if feature.column not in self._of_elements:
            value, noted = self._value(feature, notes, rows[0])
            return [value] * len(rows), noted
        values, new = list[Any](), dict[Any, Any]()
        for row in rows:
            value, noted = self._value(feature, ChainMap(new, notes), row)
            values.append(value)
            new |= noted
        return values, new

    def _value(self, feature: Feature, notes: Notes, row: Mapping[str, Any]) -> tuple[Any, Notes]:
        value = row[feature.of] if feature.of is not None else None
        return FUNCTIONS[str(feature.derive)](notes, Seen(row[self.inputs[0]], value, str(feature.time_zone)))

    def _require_derivable(self, types: Mapping[str, str]) -> None:
        require_derivable(self._spec, ENGINE, FUNCTIONS, lambda name: types.get(name, ""))


def told_features(spec: SequenceSpec) -> dict[str, Feature]:
    """Return what is derived from the history, by the name that stands for a column of it."""
    return {name: feature for name, feature in derived_features(spec).items() if feature.derive not in OF_ELEMENTS}


def input_columns(spec: SequenceSpec) -> tuple[str, ...]:
    """Return the columns that something is derived from, the time first; none where nothing is."""
    derived = told_features(spec).values()
    columns = (name for feature in derived for name in (spec.order_by[0], *feature.reads))
    return tuple(dict.fromkeys(columns))


def _seconds(later: Any, earlier: Any) -> float | None:
    if later is None or earlier is None:
        return None
    if isinstance(later, datetime.datetime):
        return _between(later, earlier)
    if isinstance(later, datetime.date):
        return float((later - earlier).days * 86_400)
    seconds = float(later - earlier)
    return None if seconds != seconds else seconds


def _between(later: datetime.datetime, earlier: datetime.datetime) -> float:
    # Of two times of one zone Python compares the wall clock, which summer time sets back.
    difference = later.astimezone(datetime.UTC) - earlier.astimezone(datetime.UTC) if later.tzinfo else later - earlier
    micros, nanos = difference // _MICROSECOND, getattr(difference, "nanoseconds", 0)
    return (micros * 1000 + nanos) / 1e9 if nanos else micros / 1e6
