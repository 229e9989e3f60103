"""A feature's pad as the number that stands for it in an array, whatever unit and width the Arrow type has."""

import datetime
import decimal

import numpy as np
import pyarrow as pa

from obs2seq.domain.padding import PadValue, pad_value
from obs2seq.domain.spec import Feature
from obs2seq.domain.validation import shortened
from obs2seq.errors import SpecificationError
from obs2seq.kernel.schema import spark_type

UNITS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

Pad = bool | int | float | str | tuple[int, int]
"""A text is itself, a 128-bit decimal its low and high half."""


def pad_for(feature: Feature, type_: pa.DataType) -> Pad:
    """Return the feature's pad for a column of an Arrow type.

    Raises:
        SpecificationError: The column is no scalar, or its type cannot hold the pad exactly.
    """
    value_type = type_.value_type if pa.types.is_dictionary(type_) else type_
    if pa.types.is_unsigned_integer(value_type):
        return _unsigned(feature, value_type)
    value = pad_value(feature, spark_type(value_type))
    if pa.types.is_timestamp(value_type) and isinstance(value, datetime.datetime):
        return _ticks(feature, value, value_type)
    return _number(value, value_type)


def _number(value: PadValue, type_: pa.DataType) -> Pad:
    if isinstance(value, decimal.Decimal):
        unscaled = int(value.scaleb(type_.scale, context=decimal.Context(prec=40)))
        return unscaled if type_.bit_width < 128 else (unscaled & (2**64 - 1), unscaled >> 64)
    if isinstance(value, datetime.date):
        days = (value - datetime.date(1970, 1, 1)).days
        return days if type_ == pa.date32() else days * 86_400_000
    return value


def _ticks(feature: Feature, moment: datetime.datetime, type_: pa.DataType) -> int:
    """Count a timestamp in units of its type since 1970."""
    since = moment.replace(tzinfo=None) - datetime.datetime.fromisoformat("1970-01-01")
    micros = since // datetime.timedelta(microseconds=1)
    ticks, rest = divmod(micros * UNITS_PER_SECOND[type_.unit], 10**6)
    if rest or not -(2**63) < ticks < 2**63:
        raise _misfit(feature, type_, f"a timestamp that {type_} holds without rounding")
    return ticks


def _unsigned(feature: Feature, type_: pa.DataType) -> int:
    limit = int(np.iinfo(type_.to_pandas_dtype()).max)
    pad = feature.pad
    if isinstance(pad, bool | str) or pad != pad or not 0 <= pad <= limit or pad != int(pad) or int(pad) > limit:
        raise _misfit(feature, type_, f"a whole number from 0 to {limit}")
    return int(pad)


def _misfit(feature: Feature, type_: pa.DataType, hint: str) -> SpecificationError:
    return SpecificationError(
        f"feature '{feature.name}'",
        f"expected a pad that column '{feature.column}' of type {type_} can hold exactly, "
        f"found {shortened(feature.pad)}",
        hint,
    )
