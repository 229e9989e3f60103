"""Whether a pad is a value of its column's type, without loss.

Types go by the names that Spark SQL gives them (`int`, `decimal(10,2)`, `timestamp`); every engine maps its
own to these.
"""

import datetime
import decimal
import math
import re
import struct

from obs2seq.domain.features import Feature
from obs2seq.domain.validation import shortened
from obs2seq.errors import SpecificationError

INTEGER_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}
FLOAT_FORMATS = {"float": "<f", "double": "<d"}
TEXT_TYPES = ("string",)
DATE_TYPES = ("date",)
TIMESTAMP_TYPES = ("timestamp", "timestamp_ntz")

_BELOW_MICROSECONDS = re.compile(r"[.,]\d{6}\d*[1-9]")
"""What `fromisoformat` would cut off in silence."""

PadValue = bool | int | float | decimal.Decimal | str | datetime.date | datetime.datetime


def is_scalar(type_name: str) -> bool:
    """Whether a column of this type can be a feature."""
    simple = {*INTEGER_BITS, *FLOAT_FORMATS, *TEXT_TYPES, *DATE_TYPES, *TIMESTAMP_TYPES, "boolean"}
    return type_name in simple or decimal_shape(type_name) is not None


def pad_value(feature: Feature, type_name: str) -> PadValue:
    """Return the feature's pad as a value of its column's type.

    Args:
        feature: Its `pad` is what the specification holds: a boolean, a number or a text.
        type_name: The column's type.

    Returns:
        bool for boolean, int for integers, float for float and double, Decimal for decimals, str for text, date for
        dates, datetime for timestamps: in UTC where the type is an instant (`timestamp`; a text without an offset is
        taken as UTC), without a zone where it is not (`timestamp_ntz`).

    Raises:
        SpecificationError: The column is no scalar, or its type cannot hold the pad exactly.
    """
    if not is_scalar(type_name):
        raise SpecificationError(
            f"feature '{feature.name}'",
            f"expected column '{feature.column}' to be an integer, float, decimal, boolean, text, date or timestamp, "
            f"found {type_name}",
        )
    value = _fit(feature.pad, type_name)
    if value is None:
        column = f"column '{feature.column}' of type {type_name}"
        raise SpecificationError(
            f"feature '{feature.name}'",
            f"expected a pad that {column} can hold exactly, found {shortened(feature.pad)}",
            _allowed(type_name),
        )
    return value


def _fit(pad: bool | float | str, type_name: str) -> PadValue | None:
    if type_name == "boolean" or isinstance(pad, bool):
        return pad if type_name == "boolean" and isinstance(pad, bool) else None
    if type_name in TEXT_TYPES:
        return pad if isinstance(pad, str) else None
    if type_name in DATE_TYPES:
        return _date(pad)
    if type_name in TIMESTAMP_TYPES:
        return _timestamp(pad, is_instant=type_name == "timestamp")
    if type_name in INTEGER_BITS:
        return _integer(pad, INTEGER_BITS[type_name])
    if type_name in FLOAT_FORMATS:
        return _float(pad, FLOAT_FORMATS[type_name])
    return _decimal(pad, *(decimal_shape(type_name) or (1, 0)))


def _integer(pad: float | str, bits: int) -> int | None:
    if isinstance(pad, str) or pad != pad or math.isinf(pad) or pad != int(pad):
        return None
    return int(pad) if -(2 ** (bits - 1)) <= pad < 2 ** (bits - 1) else None


def _float(pad: float | str, format_: str) -> float | None:
    if isinstance(pad, str):
        return None
    try:
        held: float = struct.unpack(format_, struct.pack(format_, pad))[0]
    except (OverflowError, struct.error):
        return None
    return held if held == pad or (held != held and pad != pad) else None


def _decimal(pad: float | str, precision: int, scale: int) -> decimal.Decimal | None:
    exactly = decimal.Context(prec=precision, traps=[decimal.Inexact, decimal.InvalidOperation])
    try:
        held = decimal.Decimal(str(pad)).quantize(decimal.Decimal(1).scaleb(-scale), context=exactly)
    except (decimal.Inexact, decimal.InvalidOperation):
        return None
    return held if held.is_finite() else None


def _date(pad: float | str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(pad) if isinstance(pad, str) else None
    except ValueError:
        return None


def _timestamp(pad: float | str, *, is_instant: bool) -> datetime.datetime | None:
    if not isinstance(pad, str) or _BELOW_MICROSECONDS.search(pad):
        return None
    try:
        moment = datetime.datetime.fromisoformat(pad)
        if not is_instant:
            return moment if moment.tzinfo is None else None
        return moment.replace(tzinfo=moment.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None


def decimal_shape(type_name: str) -> tuple[int, int] | None:
    """Return precision and scale of a decimal type; None for any other."""
    match = re.fullmatch(r"decimal\((\d+),\s*(-?\d+)\)", type_name)
    return (int(match[1]), int(match[2])) if match else None


def _allowed(type_name: str) -> str:
    if type_name == "boolean":
        return "true or false"
    if type_name in INTEGER_BITS:
        bits = INTEGER_BITS[type_name]
        return f"a whole number from {-(2 ** (bits - 1))} to {2 ** (bits - 1) - 1}"
    if type_name in TEXT_TYPES:
        return "a text, in quotes"
    if type_name in DATE_TYPES:
        return "an ISO date as text, such as '1970-01-01'"
    if type_name in TIMESTAMP_TYPES:
        zone = "Z" if type_name == "timestamp" else ""
        return f"an ISO timestamp as text, such as '1970-01-01T00:00:00{zone}'"
    return f"a number that {type_name} holds without rounding"
