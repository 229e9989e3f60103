"""Where a session ends: the gap between two observations, for every type that a time can have."""

from fractions import Fraction

from obs2seq.domain.columns import no_time_for_sessions
from obs2seq.domain.padding import DATE_TYPES, FLOAT_FORMATS, INTEGER_BITS, TEXT_TYPES, TIMESTAMP_TYPES
from obs2seq.domain.spec import SequenceSpec
from obs2seq.errors import SpecificationError
from obs2seq.sql.column_types import ColumnType
from obs2seq.sql.pads import double_literal

_LONGEST_GAP_S = 10_000 * 366 * 86_400
"""No two times of the years 1 to 9999 lie further apart; a timestamp may not leave what Trino holds."""

_MOST_ADDED = 2**31 - 1
"""`date_add` takes no larger number."""

_LARGEST_BIGINT = 2**63 - 1


def is_gap_above(spec: SequenceSpec, type_: ColumnType | None, time: str, previous: str) -> str:
    """Return the condition that an observation comes more than `session_gap_seconds` after the previous one.

    The condition is null or false where either time is null or NaN: no gap is known there.

    Args:
        spec: With `session_gap_seconds`.
        type_: The type of the time: a timestamp or a date, or a number of seconds. Unknown, it is a timestamp.
        time: The column with the time of the observation.
        previous: The column with that of the one before.

    Raises:
        SpecificationError: The time is of another type; or it is a timestamp, and the gap is no whole number of
            milliseconds.
    """
    gap = Fraction(str(spec.session_gap_seconds))
    name = type_.spark if type_ else "timestamp"
    if name in TIMESTAMP_TYPES:
        return f"{time} > {_later(previous, min(gap, Fraction(_LONGEST_GAP_S)))}"
    if name in DATE_TYPES:
        return f"date_diff('day', {previous}, {time}) > {_whole(gap / 86_400)}"
    if name in INTEGER_BITS:
        # The difference of two bigints need not be one.
        return f"CAST({time} AS decimal(20,0)) - CAST({previous} AS decimal(20,0)) > {_whole(gap)}"
    above = f"{time} - {previous} > {double_literal(float(gap))}"
    if name in FLOAT_FORMATS:
        return f"NOT is_nan({time}) AND NOT is_nan({previous}) AND {above}"
    if name in TEXT_TYPES or name == "boolean":
        raise no_time_for_sessions(spec.order_by[0], name)
    return above


def _later(time: str, gap: Fraction) -> str:
    """Add instead of subtracting: an interval between two timestamps is cut to milliseconds."""
    milliseconds = gap * 1000
    if milliseconds.denominator > 1:
        raise SpecificationError(
            "session_gap_seconds",
            f"expected a whole number of milliseconds, found {float(gap)!r}",
            "Athena adds nothing finer to a timestamp",
        )
    seconds, rest = divmod(int(milliseconds), 1000)
    hours, seconds = divmod(seconds, 3600) if seconds > _MOST_ADDED else (0, seconds)
    for unit, amount in (("hour", hours), ("second", seconds), ("millisecond", rest)):
        time = f"date_add('{unit}', {amount}, {time})" if amount else time
    return time


def _whole(limit: Fraction) -> int:
    """A whole number is above a limit just when it is above the limit's whole part."""
    return min(limit.numerator // limit.denominator, _LARGEST_BIGINT)
