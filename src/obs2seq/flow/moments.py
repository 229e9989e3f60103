"""Times as plain numbers, in which long histories can be cut."""

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DateType, NumericType, TimestampNTZType, TimestampType

from obs2seq.domain.columns import no_time

_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3_600, 60


def moment_of(name: str, type_: DataType, time: Column) -> Column:
    """Return a double that never falls where the time rises, nulls lowest and NaN highest.

    Equal times give equal numbers; times that are very close may.

    Raises:
        DataError: The time is neither a timestamp, a date nor a number.
    """
    match type_:
        case TimestampType():
            number = F.unix_micros(time)
        case TimestampNTZType():
            # Taken apart, since the way through an instant would fold where clocks are set back.
            number = F.datediff(time, F.lit("1970-01-01").cast("date")).cast("double") * _DAY_S
            number += F.hour(time) * _HOUR_S + F.minute(time) * _MINUTE_S + F.second(time)
        case DateType():
            number = F.unix_date(time)
        case NumericType():
            number = time
        case _:
            raise no_time(name, type_.simpleString())
    return F.coalesce(number.cast("double"), F.lit(float("-inf")))
