"""Which times come before an instant, for every type that a time can have."""

import decimal

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DateType, DecimalType, FractionalType, TimestampNTZType, TimestampType

from obs2seq.domain.split_times import Instant, TimeRange, limit_of


def is_before(instant: Instant | None, share: TimeRange, type_: DataType, time: Column) -> Column:
    """Say whether a time lies before an instant; NaN comes after all, and null is before none.

    Args:
        instant: As `domain.split_times.instant` returns; None: no time lies before it.
        share: Names the time column, for messages.
        type_: The time's type.
        time: The time.

    Raises:
        ConfigurationError: The column holds numbers and the instant is none, or the other way round.
    """
    if instant is None:
        return F.lit(False)
    limit = limit_of(instant, type_.simpleString(), share.column)
    match type_:
        case TimestampType():
            below = F.unix_micros(time) < limit
        case TimestampNTZType():
            below = time < F.lit(str(instant).removesuffix("+00:00")).cast(type_)
        case DateType():
            below = F.unix_date(time) < limit
        case DecimalType():
            below = _is_decimal_below(time, type_, int(limit))
        case FractionalType():
            below = time.cast("double") < limit
        case _:
            below = _is_below(time.cast("bigint"), int(limit))
    return F.coalesce(below, F.lit(False))


def _is_below(number: Column, limit: int) -> Column:
    return number < limit if -(2**63) <= limit < 2**63 else F.lit(limit > 0) & number.isNotNull()


def _is_decimal_below(time: Column, type_: DecimalType, limit: int) -> Column:
    if abs(limit) >= 10**type_.precision:
        return F.lit(limit > 0) & time.isNotNull()
    with decimal.localcontext(prec=type_.precision):
        value = format(decimal.Decimal(limit).scaleb(-type_.scale), "f")
    return time < F.lit(value).cast(type_)
