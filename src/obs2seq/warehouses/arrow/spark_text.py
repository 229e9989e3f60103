"""Values as the text that Spark's cast gives: what a pupil's hash is taken over, in every engine."""

import decimal

import numpy as np
import pyarrow as pa

from obs2seq.errors import DataError
from obs2seq.kernel.schema import is_text

_WHOLE_BITS = {pa.float32(): 24, pa.float64(): 53}
"""Up to two to so many, every whole number is its own neighbour, and Java writes all of its digits."""
_SCIENTIFIC_FROM = 10_000_000
_SPECIAL = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def spark_text(values: pa.Array, what: str) -> list[bytes]:
    """Return values without nulls as Spark casts them to text in ANSI mode, in UTF-8.

    Args:
        values: Integers, texts, booleans, decimals, dates, or floats that hold whole numbers.
        what: The column, for messages.

    Raises:
        DataError: Spark's text of such a value is not certain.
    """
    type_ = values.type
    if is_text(type_) or pa.types.is_integer(type_) or pa.types.is_boolean(type_):
        # Bytes: Spark takes texts as they are, also those that are no UTF-8.
        texts: list[bytes] = values.cast(pa.string()).cast(pa.binary()).to_pylist()
        return texts
    return [text.encode() for text in _written(values, what)]


def _written(values: pa.Array, what: str) -> list[str]:
    type_ = values.type
    if pa.types.is_decimal(type_):
        return [format(value, "f") for value in values.to_pylist()]
    if type_ == pa.date32():
        return [_date(day, what) for day in values.cast(pa.int32()).to_pylist()]
    if type_ in _WHOLE_BITS:
        return [_float(value, _WHOLE_BITS[type_], what) for value in values.to_pylist()]
    raise _uncertain(what, str(type_))


def _date(days: int, what: str) -> str:
    text = str(np.datetime64(days, "D"))
    if len(text) != len("2026-01-05"):
        raise _uncertain(what, "a date outside the years 1 to 9999")
    return text


def _float(value: float, bits: int, what: str) -> str:
    """Write a float as Java does: 12.0, and from ten million on 1.2E7."""
    if (text := repr(value)) in _SPECIAL:
        return _SPECIAL[text]
    if value != int(value) or abs(value) > 2**bits:
        raise _uncertain(what, "a float with a fraction, or beyond the whole numbers that it holds")
    if abs(value) < _SCIENTIFIC_FROM:
        return text
    sign, digits, _ = decimal.Decimal(int(value)).as_tuple()
    fraction = "".join(map(str, digits[1:])).rstrip("0") or "0"
    return f"{'-' * sign}{digits[0]}.{fraction}E{len(digits) - 1}"


def _uncertain(what: str, found: str) -> DataError:
    return DataError(
        "observations",
        f"expected {what} to be whole numbers, texts, booleans, decimals or dates, to be divided as Spark divides "
        f"them, found {found}",
        "map it under columns, for instance with CAST(… AS STRING), or set engine: spark",
    )
