"""Values on their way through an expression, and the types that they take together."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.warehouses.arrow.types import INSTANT, spark_name

Data = Any
"""A value for each row, as an Arrow array, or one for all, as a scalar."""
INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
LOCAL = pa.timestamp("us")
COMPARISON = "a comparison"
_DIGITS = {pa.int8(): 3, pa.int16(): 5, pa.int32(): 10, pa.int64(): 19}
_MOST_DIGITS = 38


class UntranslatableError(Exception):
    """Something that is not known to mean the same as in Spark; the message names it."""


class RowError(Exception):
    """A row has no value: in Spark it would stop the run, too."""


@dataclass(frozen=True)
class Value:
    """What a part of an expression gives.

    Args:
        data: A value for each row, or one for all.
        literal: The value as it stands in the expression, if it does.
    """

    data: Data
    literal: object = None

    @property
    def type(self) -> pa.DataType:
        """The type of all values."""
        type_: pa.DataType = self.data.type
        return type_

    @property
    def name(self) -> str:
        """The type's name, as Spark has it."""
        return spark_name(self.type)

    def masked(self, is_active: Data | None) -> Value:
        """Return null instead of values that nothing asks for, and that must not fail."""
        if is_active is None:
            return self
        return replace(self, data=pc.if_else(is_active, self.data, pa.scalar(None, self.type)))


def is_number(type_: pa.DataType) -> bool:
    """Whether values can be computed with."""
    return type_ in INTEGERS or pa.types.is_floating(type_) or pa.types.is_decimal(type_)


def together(values: Sequence[Value], what: str) -> list[Value]:
    """Return values in the one type that Spark gives them: those of a comparison, or the branches of a choice.

    Raises:
        UntranslatableError: They have none, or it is not known.
    """
    types = list(dict.fromkeys(value.type for value in values if value.type != pa.null()))
    if not types:
        return list(values)
    if len(types) == 1:
        return [_as(value, types[0]) for value in values]
    to = _compared(types, values) if what == COMPARISON and pa.string() in types else _common(types)
    if to is None:
        raise UntranslatableError(f"{what} of {' and '.join(map(spark_name, types))} (cast one of them)")
    return [_as(value, to) for value in values]


def _compared(types: Sequence[pa.DataType], values: Sequence[Value]) -> pa.DataType | None:
    """Return the type that Spark reads a literal text as, to compare it with values of another."""
    others = [type_ for type_ in types if type_ != pa.string()]
    if len(others) > 1 or not all(isinstance(value.literal, str) for value in values if value.type == pa.string()):
        return None
    if others[0] in INTEGERS:
        return pa.int64()
    if pa.types.is_floating(others[0]):
        return pa.float64()
    return None if pa.types.is_decimal(others[0]) else others[0]


def _common(types: Sequence[pa.DataType]) -> pa.DataType | None:
    if all(map(is_number, types)):
        return _common_number(types)
    return INSTANT if set(types) == {pa.date32(), INSTANT} else None


def _common_number(types: Sequence[pa.DataType]) -> pa.DataType | None:
    if pa.float64() in types:
        return pa.float64()
    if pa.float32() in types:
        return None
    if all(type_ in INTEGERS for type_ in types):
        return max(types, key=INTEGERS.index)
    shapes = [(type_.precision, type_.scale) if pa.types.is_decimal(type_) else (_DIGITS[type_], 0) for type_ in types]
    scale = max(scale for _, scale in shapes)
    digits = max(precision - scale for precision, scale in shapes) + scale
    return pa.decimal128(digits, scale) if digits <= _MOST_DIGITS else None


def _as(value: Value, type_: pa.DataType) -> Value:
    """Widen a value; nothing is lost."""
    from obs2seq.warehouses.arrow.expressions.casts import cast

    if value.type == type_:
        return value
    if value.type == pa.null():
        return Value(pa.scalar(None, type_) if isinstance(value.data, pa.Scalar) else pa.nulls(len(value.data), type_))
    if isinstance(value.literal, decimal.Decimal) and pa.types.is_floating(type_):
        return Value(pa.scalar(float(value.literal), type_))
    return cast(value, type_)


def checked(compute: Callable[..., Data], *data: Data) -> Data:
    """Compute what may have no result; raise `RowError` where it has none."""
    try:
        return compute(*data)
    except pa.ArrowInvalid as error:
        raise RowError from error


def some(condition: Data) -> bool:
    """Whether a condition is true for some row."""
    if isinstance(condition, pa.Scalar):
        return bool(condition.as_py())
    return bool(pc.any(condition).as_py())
