"""Numbers of an expression: as they stand there, and what is computed with them."""

from __future__ import annotations

import decimal
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from obs2seq.warehouses.arrow.expressions.casts import cast
from obs2seq.warehouses.arrow.expressions.rows import Operation, Rows
from obs2seq.warehouses.arrow.expressions.values import (
    INTEGERS,
    Data,
    RowError,
    UntranslatableError,
    Value,
    checked,
    is_number,
    some,
    together,
)

BIGINT, INT, DOUBLE, TEXT = pa.int64(), pa.int32(), pa.float64(), pa.string()


def literal(node: exp.Literal, _: Rows) -> Value:
    """Take a text, or a number in the smallest type that Spark gives it."""
    if node.is_string:
        return Value(pa.scalar(node.this, TEXT), node.this)
    if "e" in node.this.lower():
        return Value(pa.scalar(float(node.this), DOUBLE))
    number = decimal.Decimal(node.this)
    if "." in node.this:
        return _decimal(number)
    return _whole(int(number))


def _whole(number: int) -> Value:
    fitting = (type_ for type_ in (INT, BIGINT) if -(2 ** (type_.bit_width - 1)) <= number < 2 ** (type_.bit_width - 1))
    type_ = next(fitting, None)
    return Value(pa.scalar(number, type_), number) if type_ else _decimal(decimal.Decimal(number))


def _decimal(number: decimal.Decimal) -> Value:
    _, digits, exponent = number.as_tuple()
    scale = -int(exponent)
    return Value(pa.scalar(number, pa.decimal128(max(len(digits), scale), scale)), number)


def negated(node: exp.Neg, rows: Rows) -> Value:
    """Change a number's sign."""
    value = rows(node.this)
    if isinstance(value.literal, int | decimal.Decimal):
        return _whole(-value.literal) if isinstance(value.literal, int) else _decimal(-value.literal)
    _require_number(value, "the negative")
    return Value(checked(pc.negate_checked, value.data))


def arithmetic(compute: Callable[..., Data]) -> Operation:
    """Return an operation whose result has the type of its operands; none is rounded, and none overflows."""

    def operation(node: exp.Binary, rows: Rows) -> Value:
        left, right = _operands(node, rows)
        return Value(checked(compute, left.data, right.data))

    return operation


def _operands(node: exp.Binary, rows: Rows) -> list[Value]:
    values = [rows(node.this), rows(node.expression)]
    for value in values:
        _require_number(value, "arithmetic")
    values = together(values, "arithmetic")
    if pa.types.is_decimal(values[0].type):
        raise UntranslatableError("arithmetic of decimals (cast them to double, and write 0.5 as 5e-1)")
    return values


def _require_number(value: Value, what: str) -> None:
    if not is_number(value.type) and value.type != pa.null():
        raise UntranslatableError(f"{what} of {value.name}")


def quotient(node: exp.Div, rows: Rows) -> Value:
    """Divide as doubles; by zero not at all."""
    values = [rows(node.this), rows(node.expression)]
    kinds = {pa.types.is_decimal(value.type) for value in values}
    if kinds == {True} or (True in kinds and not any(pa.types.is_floating(value.type) for value in values)):
        raise UntranslatableError("a division of decimals (cast them to double, and write 0.5 as 5e-1)")
    left, right = (_as_double(value) for value in values)
    _refuse_zero(left, right)
    return Value(pc.divide(left, right))


def _as_double(value: Value) -> Data:
    _require_number(value, "a division")
    if isinstance(value.literal, decimal.Decimal):
        return pa.scalar(float(value.literal), DOUBLE)
    return cast(value, DOUBLE).data


def whole_quotient(node: exp.IntDiv, rows: Rows) -> Value:
    """Divide whole numbers, as bigint."""
    left, right = _whole_operands(node, rows, "div")
    return Value(checked(pc.divide_checked, pc.cast(left, BIGINT), pc.cast(right, BIGINT)))


def remainder(node: exp.Mod, rows: Rows) -> Value:
    """Return what is left, with the sign of what is divided."""
    left, right = _whole_operands(node, rows, "%")
    divisor = pc.if_else(pc.equal(right, -1), pa.scalar(1, right.type), right)  # the least number by -1 overflows
    return Value(pc.subtract(left, pc.multiply(checked(pc.divide_checked, left, divisor), divisor)))


def _whole_operands(node: exp.Binary, rows: Rows, what: str) -> tuple[Data, Data]:
    left, right = _operands(node, rows)
    if left.type not in INTEGERS:
        raise UntranslatableError(f"{what} of {left.name}")
    _refuse_zero(left.data, right.data)
    return left.data, right.data


def _refuse_zero(left: Data, right: Data) -> None:
    if some(pc.and_(pc.is_valid(left), pc.equal(right, pa.scalar(0, right.type)))):
        raise RowError


def absolute(node: exp.Abs, rows: Rows) -> Value:
    """Take a number without its sign."""
    value = rows(node.this)
    _require_number(value, "abs()")
    return Value(checked(pc.abs_checked, value.data))


def floor_or_ceil(node: exp.Floor | exp.Ceil, rows: Rows) -> Value:
    """Round down or up, to bigint."""
    value = rows(node.this)
    if value.type in INTEGERS:
        return cast(value, BIGINT)
    if not pa.types.is_floating(value.type):
        raise UntranslatableError(f"floor() or ceil() of {value.name}")
    return cast(Value((pc.floor if isinstance(node, exp.Floor) else pc.ceil)(value.data)), BIGINT)


def is_nan(node: exp.IsNan, rows: Rows) -> Value:
    """Ask for NaN."""
    return Value(pc.fill_null(pc.is_nan(cast(rows(node.this), DOUBLE).data), False))
