"""Comparisons, conditions, choices and casts of an expression, as Spark computes them."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from obs2seq.warehouses.arrow.expressions.casts import cast, try_cast
from obs2seq.warehouses.arrow.expressions.rows import Rows
from obs2seq.warehouses.arrow.expressions.values import (
    COMPARISON,
    LOCAL,
    Data,
    UntranslatableError,
    Value,
    together,
)
from obs2seq.warehouses.arrow.types import INSTANT

BOOLEAN, INT, BIGINT, DOUBLE, TEXT = pa.bool_(), pa.int32(), pa.int64(), pa.float64(), pa.string()


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
    left, right = together([left, right], COMPARISON)
    if pa.types.is_nested(left.type):
        raise UntranslatableError(f"a comparison of {left.name}")
    plain = _COMPARISONS[kind](left.data, right.data)
    if not pa.types.is_floating(left.type):
        return Value(plain)
    if _is_number(right.data):  # of what is compared with it, NaN alone is above it and does not say so
        return Value(pc.or_(plain, pc.is_nan(left.data)) if kind in (exp.GT, exp.GTE) else plain)
    nans = pc.is_nan(left.data), pc.is_nan(right.data)
    return Value(pc.if_else(pc.or_(*nans), _COMPARISONS[kind](*(pc.cast(nan, pa.int8()) for nan in nans)), plain))


def _is_number(data: Data) -> bool:
    """Whether this is one float for all rows, and not NaN."""
    return isinstance(data, pa.Scalar) and data.is_valid and not math.isnan(data.as_py())


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
    value, *others = together([rows(each) for each in (node.this, *node.expressions)], COMPARISON)
    if len(others) >= _MANY and not isinstance(value.data, pa.Scalar) and _are_plain(others):
        known = pa.array([other.data.as_py() for other in others], value.type)
        return Value(pc.if_else(pc.is_valid(value.data), pc.is_in(value.data, known), pa.scalar(None, BOOLEAN)))
    found: Data = pa.scalar(False)
    for other in others:
        found = pc.or_kleene(found, _compared(exp.EQ, value, other).data)
    return Value(found)


_MANY = 4
"""From so many values on, a look into a table of them is faster than one comparison after another."""


def _are_plain(values: Sequence[Value]) -> bool:
    """Whether values stand in the expression, are not null, and equal one another as their bits do."""
    type_ = values[0].type
    is_exact = not pa.types.is_floating(type_) and not pa.types.is_nested(type_)
    return is_exact and all(isinstance(value.data, pa.Scalar) and value.data.is_valid for value in values)


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
