"""What each operation and function of an expression gives: those that Arrow computes as Spark does, and no others."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from obs2seq.warehouses.arrow.expressions.casts import cast, try_cast
from obs2seq.warehouses.arrow.expressions.values import (
    INTEGERS,
    LOCAL,
    Data,
    RowError,
    UntranslatableError,
    Value,
    checked,
    is_number,
    some,
    together,
)
from obs2seq.warehouses.arrow.types import INSTANT

BIGINT, INT, DOUBLE, TEXT, BOOLEAN = pa.int64(), pa.int32(), pa.float64(), pa.string(), pa.bool_()

Compute = Callable[[exp.Expr, Data | None], Value]
"""Computes what lies below a node, for the rows that are active."""


@dataclass(frozen=True)
class Rows:
    """The rows that an operation is computed for.

    Args:
        compute: Computes a part of the expression.
        is_active: The rows whose result counts; None: all.
    """

    compute: Compute
    is_active: Data | None

    def __call__(self, node: exp.Expr) -> Value:
        return self.compute(node, self.is_active)

    def where(self, condition: Data) -> Rows:
        """Return those of the rows for which a condition is true."""
        known = pc.fill_null(condition, False)
        return Rows(self.compute, known if self.is_active is None else pc.and_(self.is_active, known))


Operation = Callable[[Any, Rows], Value]


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


def conjunction(node: exp.And, rows: Rows) -> Value:
    """Compute the right side only where the left is not false."""
    left = _condition(rows(node.this))
    right = _condition(rows.where(pc.invert(pc.equal(pc.fill_null(left, True), False)))(node.expression))
    return Value(pc.and_kleene(left, right))


def disjunction(node: exp.Or, rows: Rows) -> Value:
    """Compute the right side only where the left is not true."""
    left = _condition(rows(node.this))
    right = _condition(rows.where(pc.invert(pc.fill_null(left, False)))(node.expression))
    return Value(pc.or_kleene(left, right))


def negation(node: exp.Not, rows: Rows) -> Value:
    """Turn true and false around."""
    return Value(pc.invert(_condition(rows(node.this))))


def _condition(value: Value) -> Data:
    if value.type not in (BOOLEAN, pa.null()):
        raise UntranslatableError(f"{value.name} as a condition")
    return pc.cast(value.data, BOOLEAN)


def comparison(node: exp.Binary, rows: Rows) -> Value:
    """Compare two values."""
    return _compared(type(node), rows(node.this), rows(node.expression))


def _compared(kind: type[exp.Expr], left: Value, right: Value) -> Value:
    """Compare as Spark does, for which NaN equals NaN and is above all other numbers."""
    if pa.null() in (left.type, right.type):
        return Value(pa.scalar(None, BOOLEAN))
    left, right = together([left, right], "a comparison")
    if pa.types.is_nested(left.type):
        raise UntranslatableError(f"a comparison of {left.name}")
    plain = _COMPARISONS[kind](left.data, right.data)
    if not pa.types.is_floating(left.type):
        return Value(plain)
    nans = pc.is_nan(left.data), pc.is_nan(right.data)
    return Value(pc.if_else(pc.or_(*nans), _COMPARISONS[kind](*(pc.cast(nan, pa.int8()) for nan in nans)), plain))


_COMPARISONS: dict[type[exp.Expr], Callable[[Data, Data], Data]] = {
    exp.EQ: pc.equal,
    exp.NEQ: pc.not_equal,
    exp.GT: pc.greater,
    exp.GTE: pc.greater_equal,
    exp.LT: pc.less,
    exp.LTE: pc.less_equal,
}


def same(node: exp.NullSafeEQ | exp.NullSafeNEQ, rows: Rows) -> Value:
    """Compare two values, nulls too."""
    return _same(rows(node.this), rows(node.expression), is_equal=isinstance(node, exp.NullSafeEQ))


def _same(left: Value, right: Value, *, is_equal: bool) -> Value:
    nulls = pc.is_null(left.data), pc.is_null(right.data)
    equal = pc.fill_null(_compared(exp.EQ, left, right).data, False)
    found = pc.or_(equal, pc.and_(*nulls))
    return Value(found if is_equal else pc.invert(found))


def between(node: exp.Between, rows: Rows) -> Value:
    """Compare a value with two bounds."""
    value, low, high = rows(node.this), rows(node.args["low"]), rows(node.args["high"])
    bounds = _compared(exp.GTE, value, low).data, _compared(exp.LTE, value, high).data
    return Value(pc.and_kleene(*bounds))


def membership(node: exp.In, rows: Rows) -> Value:
    """Compare a value with several."""
    value, *others = together([rows(each) for each in (node.this, *node.expressions)], "a comparison")
    found: Data = pa.scalar(False)
    for other in others:
        found = pc.or_kleene(found, _compared(exp.EQ, value, other).data)
    return Value(found)


def identity(node: exp.Is, rows: Rows) -> Value:
    """Ask for null, true or false."""
    value, other = rows(node.this), node.expression
    if isinstance(other, exp.Null):
        return Value(pc.is_null(value.data))
    if not isinstance(other, exp.Boolean):
        raise UntranslatableError(f"'{node.sql('spark')}'")
    return _same(Value(_condition(value)), Value(pa.scalar(bool(other.this))), is_equal=True)


def choice(node: exp.Case, rows: Rows) -> Value:
    """Compute each branch for the rows that take it alone: in others it may well have no value."""
    subject = rows(node.this) if node.this else None
    left, branches = rows, []
    for branch in node.args["ifs"]:
        told = left(branch.this)
        condition = _condition(_compared(exp.EQ, subject, told) if subject else told)
        branches.append((condition, left.where(condition)(branch.args["true"])))
        left = left.where(pc.invert(pc.fill_null(condition, False)))
    default = left(node.args["default"]) if node.args.get("default") else Value(pa.scalar(None))
    values = together([*(value for _, value in branches), default], "a choice")
    result = values[-1].data
    for (condition, _), value in reversed(list(zip(branches, values[:-1], strict=True))):
        result = pc.if_else(pc.fill_null(condition, False), value.data, result)
    return Value(result)


def condition(node: exp.If, rows: Rows) -> Value:
    """Choose between two values."""
    return choice(exp.Case(ifs=[node], default=node.args.get("false")), rows)


def coalesced(node: exp.Coalesce, rows: Rows) -> Value:
    """Take the first value that is not null; the others are computed only where it is asked for them."""
    left, found = rows, []
    for each in (node.this, *node.expressions):
        found.append(left(each))
        left = left.where(pc.is_null(found[-1].data))
    values = [value.data for value in together(found, "coalesce")]
    return Value(pc.coalesce(*values))


def null_if(node: exp.Nullif, rows: Rows) -> Value:
    """Leave out one value."""
    value = rows(node.this)
    is_equal = _compared(exp.EQ, value, rows(node.expression)).data
    return Value(pc.if_else(pc.fill_null(is_equal, False), pa.scalar(None, value.type), value.data))


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


def converted(node: exp.Cast, rows: Rows) -> Value:
    """Cast a value."""
    value, to = rows(node.this), target(node.args["to"])
    if isinstance(value.literal, decimal.Decimal) and pa.types.is_floating(to):
        return Value(pa.scalar(float(value.literal), to))
    return try_cast(value, to) if isinstance(node, exp.TryCast) else cast(value, to)


def day(node: exp.TsOrDsToDate, rows: Rows) -> Value:
    """Cast a value to date."""
    return cast(rows(node.this), pa.date32())


def target(type_: exp.DataType) -> pa.DataType:
    """Return the type that a cast names."""
    if type_.this == exp.DType.DECIMAL:
        size = [int(parameter.name) for parameter in type_.expressions] or [10]
        return pa.decimal128(size[0], size[1] if len(size) > 1 else 0)
    if type_.this not in _TARGETS:
        raise UntranslatableError(f"a cast to {type_.sql('spark').lower()}")
    return _TARGETS[type_.this]


_TARGETS = {
    exp.DType.BOOLEAN: BOOLEAN,
    exp.DType.TINYINT: pa.int8(),
    exp.DType.SMALLINT: pa.int16(),
    exp.DType.INT: INT,
    exp.DType.BIGINT: BIGINT,
    exp.DType.FLOAT: pa.float32(),
    exp.DType.DOUBLE: DOUBLE,
    exp.DType.TEXT: TEXT,
    exp.DType.DATE: pa.date32(),
    exp.DType.TIMESTAMP: INSTANT,
    exp.DType.TIMESTAMPTZ: INSTANT,
    exp.DType.TIMESTAMPLTZ: INSTANT,
    exp.DType.TIMESTAMPNTZ: LOCAL,
}


def texts_of(values: Sequence[Value], what: str) -> list[Data]:
    """Return values that are texts."""
    for value in values:
        if value.type not in (TEXT, pa.null()):
            raise UntranslatableError(f"{what} of {value.name}")
    return [pc.cast(value.data, TEXT) for value in values]
