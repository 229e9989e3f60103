"""Which rows come before an instant, in a time column of any type that a time can have."""

import decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.domain.split_times import Instant, limit_of
from obs2seq.kernel.columns import Array
from obs2seq.kernel.schema import spark_type


class Boundary:
    """An instant, told from the times before it; nulls are before none, and NaN comes after all.

    Args:
        instant: As `domain.split_times.instant` returns.
        name: The time column.
        type_: Its type.

    Raises:
        ConfigurationError: The column holds numbers and the instant is none, or the other way round.
    """

    def __init__(self, instant: Instant, name: str, type_: pa.DataType) -> None:
        self._limit = limit_of(instant, spark_type(type_), name)

    def is_before(self, times: pa.ChunkedArray) -> Array:
        """Return for each time whether it lies before the instant."""
        if pa.types.is_decimal(times.type):
            found = _is_decimal_below(times, int(self._limit))
        elif pa.types.is_floating(times.type):
            found = pc.less(times.cast(pa.float64()), self._limit)
        else:
            found = _is_below(_ticks(times), int(self._limit))
        is_before: Array = found.fill_null(False).to_numpy(zero_copy_only=False)
        return is_before.astype(np.bool_, copy=False)


def _ticks(times: pa.ChunkedArray) -> pa.ChunkedArray:
    return times.cast(pa.int32() if pa.types.is_date(times.type) else pa.int64()).cast(pa.int64())


def _is_below(numbers: pa.ChunkedArray, limit: int) -> pa.ChunkedArray:
    if not -(2**63) <= limit < 2**63:
        return _known(numbers, limit > 0)
    return pc.less(numbers, limit)


def _is_decimal_below(times: pa.ChunkedArray, limit: int) -> pa.ChunkedArray:
    type_ = times.type
    if abs(limit) >= 10**type_.precision:
        return _known(times, limit > 0)
    with decimal.localcontext(prec=type_.precision):
        value = decimal.Decimal(limit).scaleb(-type_.scale)
    return pc.less(times, pa.scalar(value, type_))


def _known(times: pa.ChunkedArray, verdict: bool) -> pa.ChunkedArray:
    return pc.and_(times.is_valid(), verdict)
