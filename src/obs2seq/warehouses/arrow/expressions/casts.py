"""Casts as Spark makes them with ANSI on: a fraction is cut off, and what does not fit has no value."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.compute import CastOptions

from obs2seq.warehouses.arrow.expressions.values import (
    INTEGERS,
    LOCAL,
    Data,
    RowError,
    UntranslatableError,
    Value,
    checked,
    some,
)
from obs2seq.warehouses.arrow.texts.values import TEXT_PARSERS
from obs2seq.warehouses.arrow.types import INSTANT, spark_name

_PLAIN_SCALE = 6
"""A decimal with more digits after its point may be written with an exponent."""
_TICKS = 1_000_000

Convert = Callable[[Data, pa.DataType], Data]


def cast(value: Value, to: pa.DataType) -> Value:
    """Return a value in another type.

    Raises:
        UntranslatableError: The two engines do not, or may not, turn the one type into the other alike.
        RowError: A value does not fit.
    """
    if value.type == to:
        return Value(value.data)
    if value.type == pa.null():
        return Value(pa.scalar(None, to) if isinstance(value.data, pa.Scalar) else pa.nulls(len(value.data), to))
    if value.type == pa.string() and to in TEXT_PARSERS:
        return Value(_parsed(value.data, to))
    convert = _conversion(value.type, to)
    if convert is None:
        raise UntranslatableError(f"a cast of {value.name} to {spark_name(to)}")
    return Value(convert(value.data, to))


def try_cast(value: Value, to: pa.DataType) -> Value:
    """Return a text in another type, null where it is no value of that."""
    if value.type == to or value.type == pa.null():
        return cast(value, to)
    if value.type != pa.string() or to not in TEXT_PARSERS:
        raise UntranslatableError(f"try_cast of {value.name} to {spark_name(to)}")
    return Value(_on_array(value.data, TEXT_PARSERS[to]))


def _parsed(texts: Data, to: pa.DataType) -> Data:
    values = _on_array(texts, TEXT_PARSERS[to])
    if some(pc.and_(pc.is_valid(texts), pc.is_null(values))):
        raise RowError
    return values


def _on_array(data: Data, convert: Callable[[pa.Array], pa.Array]) -> Data:
    return convert(pa.array([data.as_py()], data.type))[0] if isinstance(data, pa.Scalar) else convert(data)


def _conversion(source: pa.DataType, to: pa.DataType) -> Convert | None:
    kinds = _kind(source), _kind(to)
    if kinds == ("decimal", "text"):
        return _plain if source.scale <= _PLAIN_SCALE else None
    return _CONVERSIONS.get(kinds)


def _kind(type_: pa.DataType) -> str:
    if type_ in INTEGERS:
        return "integer"
    if pa.types.is_floating(type_):
        return "float"
    if pa.types.is_decimal(type_):
        return "decimal"
    return {pa.string(): "text", pa.bool_(): "boolean", pa.date32(): "date", INSTANT: "instant", LOCAL: "local"}.get(
        type_, str(type_)
    )


def _plain(data: Data, to: pa.DataType) -> Data:
    return checked(lambda each: pc.cast(each, to), data)


def _rounded(data: Data, to: pa.DataType) -> Data:
    return pc.cast(data, options=CastOptions(target_type=to, allow_float_truncate=True))


def _cut(data: Data, to: pa.DataType) -> Data:
    """Cut fractions off; NaN, infinity and what is too large have no value."""
    return checked(lambda each: pc.cast(pc.trunc(each), to), data)


def _cut_decimal(data: Data, to: pa.DataType) -> Data:
    whole = pc.cast(data, options=CastOptions(target_type=pa.decimal128(38, 0), allow_decimal_truncate=True))
    return checked(lambda each: pc.cast(each, to), whole)


def _by_text(data: Data, to: pa.DataType) -> Data:
    """Arrow turns a decimal into a double by arithmetic of doubles, which can miss the nearest."""
    return pc.cast(pc.cast(data, pa.string()), to)


def _widened(data: Data, to: pa.DataType) -> Data:
    return checked(lambda each: pc.cast(pc.cast(each, pa.decimal128(19, 0)) if to.precision < 19 else each, to), data)


def _seconds(data: Data, to: pa.DataType) -> Data:
    ticks = pc.cast(data, pa.int64())
    rest = pc.subtract(ticks, pc.multiply(pc.divide(ticks, _TICKS), _TICKS))
    floor = pc.subtract(pc.divide(ticks, _TICKS), pc.cast(pc.less(rest, 0), pa.int64()))
    return checked(lambda each: pc.cast(each, to), floor)


def _from_seconds(data: Data, to: pa.DataType) -> Data:
    return pc.cast(checked(lambda each: pc.multiply_checked(pc.cast(each, pa.int64()), _TICKS), data), to)


def _day(data: Data, to: pa.DataType) -> Data:
    return pc.cast(pc.floor_temporal(pc.cast(data, LOCAL), unit="day"), to)


_CONVERSIONS: dict[tuple[str, str], Convert] = {
    ("integer", "integer"): _plain,
    ("integer", "float"): _rounded,
    ("integer", "decimal"): _widened,
    ("integer", "text"): _plain,
    ("integer", "boolean"): lambda data, _: pc.not_equal(data, 0),
    ("integer", "instant"): _from_seconds,
    ("float", "integer"): _cut,
    ("float", "float"): lambda data, to: pc.cast(data, to, safe=False),
    ("float", "boolean"): lambda data, _: pc.not_equal(data, 0.0),
    ("decimal", "integer"): _cut_decimal,
    ("decimal", "float"): _by_text,
    ("decimal", "decimal"): _plain,
    ("boolean", "integer"): _plain,
    ("boolean", "float"): lambda data, to: pc.cast(pc.cast(data, pa.int8()), to),
    ("boolean", "text"): _plain,
    ("date", "text"): _plain,
    ("date", "instant"): lambda data, to: pc.cast(pc.cast(data, LOCAL), to),
    ("date", "local"): _plain,
    ("instant", "date"): _day,
    ("instant", "integer"): _seconds,
    ("instant", "local"): _plain,
    ("local", "date"): _day,
    ("local", "instant"): _plain,
}
"""By the kinds of the two types. Times without a zone are in UTC, as sessions of Spark are here."""
