"""Subsets by time: which of them an instant belongs to, exactly, for every type that a time can have."""

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from obs2seq.domain.padding import DATE_TYPES, FLOAT_FORMATS, INTEGER_BITS, TIMESTAMP_TYPES, decimal_shape
from obs2seq.domain.validation import shortened
from obs2seq.errors import ConfigurationError

Instant = str | int | float
"""An ISO timestamp in UTC, or a number: the time column is of one kind or the other."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_US_PER_DAY = 86_400_000_000


@dataclass(frozen=True)
class TimeRange:
    """The observations whose time lies in [first, end); None: as early, or as late, as there are."""

    column: str
    """The time."""
    first: Instant | None
    end: Instant | None
    has_context: bool = False
    """Whether a pupil's earlier observations come along, as context that is nowhere new."""


def time_range(
    times: Mapping[str, Instant], subsets: Sequence[str], subset: str, column: str, *, has_context: bool = False
) -> TimeRange:
    """Return what is a subset's share of the time.

    Args:
        times: For each subset but the first, the instant at which it begins.
        subsets: All of them, in the order of their times.
        subset: One of them.
        column: The time.
        has_context: Whether earlier observations come along; there are none before the first subset.
    """
    place = subsets.index(subset)
    following = subsets[place + 1] if place + 1 < len(subsets) else None
    first = times.get(subset)
    return TimeRange(column, first, times[following] if following else None, has_context and first is not None)


def instant(value: object) -> Instant:
    """Return a setting's value as an instant, in the one form that it has; without an offset it is UTC.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, datetime.datetime):
        return _in_utc(value).isoformat()
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC).isoformat()
    if isinstance(value, str):
        return _in_utc(_parsed(value)).isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    raise _no_instant(value)


def limit_of(instant: Instant, type_name: str, column: str) -> int | float:
    """Return the least value of a type that is not before an instant, as the number that it is stored as.

    A date stands for its midnight in UTC, a timestamp without a zone for the time of day in UTC.

    Args:
        instant: As `instant` returns.
        type_name: The time column's type, as Spark names it.
        column: The time column's name, for messages.

    Returns:
        Microseconds for timestamps, days for dates, both since 1970; a whole number for integers; a multiple of the
        last digit for decimals; a float for floats. Whole numbers may lie beyond what the type holds.

    Raises:
        ConfigurationError: The column holds numbers and the instant is none, or the other way round.
    """
    is_temporal = type_name in (*TIMESTAMP_TYPES, *DATE_TYPES)
    if isinstance(instant, str) != is_temporal:
        wanted = "instants such as 2024-01-01T00:00:00Z" if is_temporal else "numbers"
        problem = f"expected {wanted}, as the time column '{column}' is of type {type_name}, found {shortened(instant)}"
        raise ConfigurationError("split_times", problem)
    if isinstance(instant, str):
        micros = (datetime.datetime.fromisoformat(instant) - _EPOCH) // _MICROSECOND
        return -(-micros // _US_PER_DAY) if type_name in DATE_TYPES else micros
    if type_name in FLOAT_FORMATS:
        return float(instant)
    scale = 0 if type_name in INTEGER_BITS else (decimal_shape(type_name) or (0, 0))[1]
    return math.ceil(Fraction(str(instant)) * Fraction(10) ** scale)


def _parsed(text: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise _no_instant(text) from error


def _in_utc(moment: datetime.datetime) -> datetime.datetime:
    try:
        return moment.replace(tzinfo=moment.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    except OverflowError as error:
        raise _no_instant(moment.isoformat()) from error


def _no_instant(value: object) -> ValueError:
    return ValueError(f"expected an instant such as 2024-01-01T00:00:00Z, or a number, found {shortened(value)}")
