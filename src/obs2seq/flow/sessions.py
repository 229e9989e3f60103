"""Where a session ends: the gap between two observations, exactly, for every type that a time can have."""

from fractions import Fraction

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DateType, NumericType, TimestampNTZType, TimestampType

from obs2seq.domain.spec import SequenceSpec
from obs2seq.errors import SpecificationError

_LARGEST_BIGINT = 2**63 - 1


def is_gap_above(spec: SequenceSpec, time_type: DataType, previous: Column) -> Column:
    """Say whether an observation comes more than `session_gap_seconds` after the previous one; never null.

    Args:
        spec: With `session_gap_seconds`.
        time_type: The type of the time: a timestamp or a date, or a number of seconds.
        previous: The time of the observation before, in the order of the history, whose own time is `key_0`.

    Returns:
        False where either time is null or NaN: no gap is known there, and the session goes on.

    Raises:
        SpecificationError: The time is neither a timestamp, a date nor a number.
    """
    time, gap = F.col("key_0"), Fraction(str(spec.session_gap_seconds))
    both = time.isNotNull() & previous.isNotNull()
    match time_type:
        case TimestampType():
            above = _difference(F.unix_micros(time), F.unix_micros(previous)) > _whole(gap * 1_000_000)
        case TimestampNTZType():
            # The difference of two timestamps without a zone is taken in UTC, so no daylight saving bends it.
            above = (time - previous) > F.make_dt_interval(secs=F.lit(str(gap.limit_denominator(10**6))))
        case DateType():
            above = F.datediff(time, previous) > _whole(gap / 86_400)
        case NumericType():
            above = _difference(time, previous) > F.lit(float(gap))
            both = both & ~F.isnan(time.cast("double")) & ~F.isnan(previous.cast("double"))
        case _:
            raise SpecificationError(
                "session_gap_seconds",
                f"expected the time column '{spec.order_by[0]}' to be a timestamp, a date or a number of seconds, "
                f"found {time_type.simpleString()}",
                "map it under columns in the settings, for instance with to_timestamp(…)",
            )
    return F.coalesce(both & above, F.lit(False))


def _difference(later: Column, earlier: Column) -> Column:
    """Subtract without overflow: what does not fit is larger than any gap."""
    return F.coalesce(F.try_subtract(later, earlier), F.lit(_LARGEST_BIGINT))


def _whole(limit: Fraction) -> Column:
    """A whole number is above a limit just when it is above the limit's whole part."""
    return F.lit(min(limit.numerator // limit.denominator, _LARGEST_BIGINT))
