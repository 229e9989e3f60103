"""The contract's total order on Python's values, and the gaps that part sessions."""

import datetime
import math
import struct
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from obs2seq.domain.columns import no_time_for_sessions
from obs2seq.domain.spec import SequenceSpec

Key = tuple[tuple[Any, ...], tuple[float, ...]]
"""Ranks and values of the columns in turn; then the signs of zeros and NaN, which order what else is equal."""

_NULL, _VALUE, _NAN = 0, 1, 2
_NANOSECONDS = 10**9
_MICROSECOND = datetime.timedelta(microseconds=1)


def key_of(values: Iterable[Any]) -> Key:
    """Return what orders observations by these values: nulls first, NaN last, text by code point, times as instants.

    Arrays are ordered by their elements in turn, and the shorter first.
    """
    ranked: list[Any] = []
    signs: list[float] = []
    for value in values:
        if value is None:
            ranked += (_NULL, 0)
        elif value != value:
            ranked += (_NAN, 0)
            signs.append(math.copysign(1, value))
        elif isinstance(value, datetime.datetime) and value.tzinfo is not None:
            # Of two times of one zone Python compares the wall clock, which summer time sets back.
            ranked += (_VALUE, value.astimezone(datetime.UTC))
        elif isinstance(value, tuple):
            inner, inner_signs = key_of(value)
            ranked += (_VALUE, inner)
            signs += inner_signs
        else:
            ranked += (_VALUE, value)
            if value == 0 and isinstance(value, float):
                signs.append(math.copysign(1, value))
    return tuple(ranked), tuple(signs)


def is_twin(one: Key, other: Key) -> bool:
    """Whether observations are alike in every column that is read; both zeros are."""
    return one[0] == other[0]


def single(number: float) -> float:
    """Return a number as 32 bits hold it; beyond them, infinity."""
    try:
        held: float = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return math.copysign(math.inf, number)
    return held


def gap_test(spec: SequenceSpec, time_type: str | None) -> Callable[[Key, Key], bool] | None:
    """Return what says whether a session ends between two neighbours in order; None where none ever does.

    Args:
        spec: With `session_gap_seconds`.
        time_type: The type of the first of `order_by` by Spark's name, where it is known.

    Raises:
        SpecificationError: No gap can be measured by that column; also when the test meets such a value.
    """
    gap, time = spec.session_gap_seconds, spec.order_by[0]
    if gap is None or time == spec.pupil:
        return None
    if time_type in ("boolean", "string"):
        raise no_time_for_sessions(time, time_type)
    exact = Fraction(str(gap))

    def is_above(earlier: Key, later: Key) -> bool:
        (rank, before), (next_rank, after) = earlier[0][:2], later[0][:2]
        if rank != _VALUE or next_rank != _VALUE:
            return False
        if isinstance(after, bool | str):
            raise no_time_for_sessions(time, "string" if isinstance(after, str) else "boolean")
        if isinstance(after, Decimal):
            return Fraction(after) - Fraction(before) > exact
        return _is_longer(after - before, exact, is_single=time_type == "float")

    return is_above


def _is_longer(difference: Any, gap: Fraction, *, is_single: bool) -> bool:
    if isinstance(difference, datetime.timedelta):
        # Finer units than Python's own are pandas'.
        ticks = (difference // _MICROSECOND) * 1000 + getattr(difference, "nanoseconds", 0)
        return bool(ticks > gap * _NANOSECONDS)
    if isinstance(difference, float):
        return single(difference) > single(float(gap)) if is_single else difference > float(gap)
    return bool(difference > gap)
