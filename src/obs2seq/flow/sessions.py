"""Where a session ends: the gap between two observations, exactly, for every type that a time can have."""

from fractions import Fraction

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import (
    DataType,
    DateType,
    DecimalType,
    IntegralType,
    NumericType,
    TimestampNTZType,
    TimestampType,
)

from obs2seq.domain.columns import no_time_for_sessions
from obs2seq.domain.spec import SequenceSpec

_LARGEST_BIGINT = 2**63 - 1
_MOST_DIGITS = 38
_MOST_DAYS = 100_000_000
"""Two timestamps without a zone that are further apart cannot be subtracted."""


def is_gap_above(spec: SequenceSpec, time_type: DataType, time: Column, previous: Column) -> Column:
    """Say whether an observation comes more than `session_gap_seconds` after the previous one; never null.

    Args:
        spec: With `session_gap_seconds`.
        time_type: The type of the time: a timestamp or a date, or a number of seconds.
        time: The observation's own time.
        previous: The time of the observation before, in the order of the history.

    Returns:
        False where either time is null or NaN: no gap is known there, and the session goes on.

    Raises:
        SpecificationError: The time is neither a timestamp, a date nor a number.
    """
    gap = Fraction(str(spec.session_gap_seconds))
    match time_type:
        case TimestampType():
            above = _difference(F.unix_micros(time), F.unix_micros(previous)) > _whole(gap * 1_000_000)
        case TimestampNTZType():
            # The difference of two timestamps without a zone is taken in UTC, so no daylight saving bends it.
            near = (time - previous) > _interval(gap)
            above = F.when(F.datediff(time, previous) > _MOST_DAYS, F.lit(True)).otherwise(near)
        case DateType():
            above = F.datediff(time, previous) > _whole(gap / 86_400)
        case IntegralType():
            above = _difference(time.cast("bigint"), previous.cast("bigint")) > _whole(gap)
        case DecimalType():
            above = _is_decimal_above(time_type, time, previous, gap)
        case NumericType():
            seconds = time.cast("double") - previous.cast("double")
            above = (seconds > float(gap)) & ~F.isnan(seconds)
        case _:
            raise no_time_for_sessions(spec.order_by[0], time_type.simpleString())
    return F.coalesce(time.isNotNull() & previous.isNotNull() & above, F.lit(False))


def _difference(later: Column, earlier: Column) -> Column:
    """Subtract without overflow: what does not fit is larger than any gap."""
    return F.coalesce(F.try_subtract(later, earlier), F.lit(_LARGEST_BIGINT))


def _is_decimal_above(type_: DecimalType, later: Column, earlier: Column, gap: Fraction) -> Column:
    """Compare at the scale of the difference, which Spark cuts by a digit where all 38 are taken."""
    digits = min(type_.precision + 1, _MOST_DIGITS)
    scale = type_.scale if type_.precision < _MOST_DIGITS or type_.scale <= 6 else type_.scale - 1
    limit = gap * 10**scale // 1
    if limit >= 10**digits:
        return F.lit(False)
    is_above = F.try_subtract(later, earlier) > F.lit(f"{limit}e-{scale}").cast(DecimalType(digits, scale))
    return F.coalesce(is_above, F.lit(True))


def _interval(gap: Fraction) -> Column:
    """Return the gap in whole microseconds, which is all that a timestamp resolves."""
    seconds, micros = divmod(gap * 1_000_000 // 1, 1_000_000)
    days, rest = divmod(min(seconds, _MOST_DAYS * 86_400), 86_400)
    return F.make_dt_interval(F.lit(days), secs=F.lit(f"{rest}.{micros:06}").cast("decimal(18,6)"))


def _whole(limit: Fraction) -> Column:
    """A whole number is above a limit just when it is above the limit's whole part."""
    return F.lit(min(limit.numerator // limit.denominator, _LARGEST_BIGINT))
