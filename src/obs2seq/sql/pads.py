"""A pad as a literal that leaves its column's type as it is.

Trino gives `coalesce(value, pad)` the narrowest type that holds both. So where the column's type is known the pad is of
that type, and where it is not the pad is of the narrowest type that holds it, which every type that can hold the pad
absorbs: `CAST(-1 AS tinyint)` leaves a tinyint, a bigint, a double and a decimal(10,2) what they are.
"""

import datetime
import decimal
import math
import struct

from obs2seq.domain.padding import INTEGER_BITS, PadValue, pad_value
from obs2seq.domain.spec import Feature
from obs2seq.domain.validation import shortened
from obs2seq.errors import SpecificationError
from obs2seq.sql.column_types import ColumnType
from obs2seq.sql.identifiers import text_literal

_EXACT_DIGITS = 15
"""A decimal of so many digits becomes the nearest double without rounding twice."""


def pad_literal(feature: Feature, type_: ColumnType | None) -> str:
    """Return the feature's pad as an expression.

    Args:
        feature: Its `pad` is a boolean, a number or a text.
        type_: The column's type. Where it is not known a text is a text, never a date, and whether the pad fits is
            not checked.

    Raises:
        SpecificationError: The column's type cannot hold the pad exactly.
    """
    if type_ is None:
        return _narrowest(feature.pad)
    value = pad_value(feature, type_.spark)
    _require_room(feature, type_, value)
    return _typed(value, type_)


def double_literal(number: float) -> str:
    """Return a number as a double."""
    return f"CAST({text_literal(_spelled(number))} AS double)"


def _narrowest(pad: bool | float | str) -> str:
    if isinstance(pad, bool):
        return str(pad).upper()
    if isinstance(pad, str):
        return text_literal(pad)
    if isinstance(pad, int):
        return _narrowest_integer(pad)
    is_whole = math.isfinite(pad) and pad == int(pad) and math.copysign(1, pad) == math.copysign(1, int(pad))
    return _narrowest_integer(int(pad)) if is_whole and abs(pad) < 2**63 else _narrowest_fraction(pad)


def _narrowest_integer(pad: int) -> str:
    for name, bits in INTEGER_BITS.items():
        if -(2 ** (bits - 1)) <= pad < 2 ** (bits - 1):
            return f"CAST({pad} AS {'integer' if name == 'int' else name})"
    return f"CAST('{pad}' AS decimal({len(str(abs(pad)))},0))"


def _narrowest_fraction(pad: float) -> str:
    """A decimal gives way to real and double, which do not give way to it."""
    _, digits, exponent = decimal.Decimal(repr(pad)).as_tuple()
    if isinstance(exponent, int) and pad != 0:
        precision, scale = max(len(digits), -exponent), -exponent
        if scale > 0 and precision <= _EXACT_DIGITS:
            return f"CAST('{format(decimal.Decimal(repr(pad)), 'f')}' AS decimal({precision},{scale}))"
    return f"CAST('{_spelled(pad)}' AS {'real' if _fits_real(pad) else 'double'})"


def _fits_real(pad: float) -> bool:
    try:
        held: float = struct.unpack("<f", struct.pack("<f", pad))[0]
    except OverflowError:
        return False
    return held == pad or pad != pad


def _spelled(number: float) -> str:
    if number != number:
        return "NaN"
    return repr(float(number)).replace("inf", "Infinity")


def _typed(value: PadValue, type_: ColumnType) -> str:
    match value:
        case bool():
            return str(value).upper()
        case float():
            text = _spelled(value)
        case decimal.Decimal():
            text = format(value, "f")
        case datetime.datetime():
            zone = " UTC" if type_.sql.endswith("time zone") else ""
            text = value.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds") + zone
        case datetime.date():
            text = value.isoformat()
        case int():
            return f"CAST({value} AS {type_.sql})"
        case str():
            text = value
    return f"CAST({text_literal(text)} AS {type_.sql})"


def _require_room(feature: Feature, type_: ColumnType, value: PadValue) -> None:
    """Refuse what a cast would cut off in silence."""
    if type_.size is None:
        return
    is_cut_text = isinstance(value, str) and len(value) > type_.size
    is_cut_time = isinstance(value, datetime.datetime) and value.microsecond % 10 ** max(6 - type_.size, 0) > 0
    if is_cut_text or is_cut_time:
        raise SpecificationError(
            f"feature '{feature.name}'",
            f"expected a pad that column '{feature.column}' of type {type_.sql} can hold exactly, "
            f"found {shortened(feature.pad)}",
        )
