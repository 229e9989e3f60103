"""Functions over texts and times, and the table of all that an expression may hold."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from obs2seq.warehouses.arrow.expressions import operations as ops
from obs2seq.warehouses.arrow.expressions.casts import cast
from obs2seq.warehouses.arrow.expressions.operations import INT, TEXT, Operation, Rows, texts_of
from obs2seq.warehouses.arrow.expressions.values import INTEGERS, LOCAL, Data, UntranslatableError, Value, checked
from obs2seq.warehouses.arrow.types import INSTANT

_MICROS = 1_000_000


def _of_text(name: str, compute: Callable[[Data], Data]) -> Operation:
    return lambda node, rows: Value(compute(texts_of([rows(node.this)], f"{name}()")[0]))


def _in_case(name: str, change: Callable[[str], str]) -> Operation:
    """Change case letter by letter, as Java does: Arrow knows only changes of one letter to one."""

    def changed(texts: Data) -> Data:
        if isinstance(texts, pa.Scalar):
            return pa.scalar(change(texts.as_py()) if texts.is_valid else None, TEXT)
        coded = texts.dictionary_encode()
        words = pa.array([change(text) for text in coded.dictionary.to_pylist()], TEXT)
        return words.take(coded.indices)

    return _of_text(name, changed)


def _substring(node: exp.Substring, rows: Rows) -> Value:
    start, length = node.args["start"], node.args.get("length")
    numbers = [int(each.this) if _is_count(each) else None for each in (start, length) if each is not None]
    if None in numbers or numbers[0] == 0:
        raise UntranslatableError("substring from a place or of a length that is computed, or from one not above 0")
    first = int(start.this) - 1
    stop = first + int(length.this) if length is not None else None
    (text,) = texts_of([rows(node.this)], "substring()")
    return Value(pc.utf8_slice_codeunits(text, first, stop))


def _is_count(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.this.isdigit()


def _concatenated(node: exp.Concat | exp.DPipe, rows: Rows) -> Value:
    parts = node.expressions if isinstance(node, exp.Concat) else (node.this, node.expression)
    texts = [cast(rows(part), TEXT).data for part in parts]
    return Value(pc.binary_join_element_wise(*texts, "", null_handling="emit_null"))


def _like(node: exp.Like, rows: Rows) -> Value:
    """A pattern means the same as long as nothing in it is escaped."""
    pattern = node.expression
    if not (isinstance(pattern, exp.Literal) and pattern.is_string) or "\\" in pattern.this:
        raise UntranslatableError("like with a pattern that is computed, or has a backslash in it")
    (text,) = texts_of([rows(node.this)], "like")
    found = pc.match_like(text, pattern.this)
    return Value(pc.invert(found) if node.args.get("negate") else found)


def _holds(name: str, compute: Callable[..., Data]) -> Operation:
    """A search for a text that stands in the expression."""

    def operation(node: exp.Binary, rows: Rows) -> Value:
        if not (isinstance(node.expression, exp.Literal) and node.expression.is_string):
            raise UntranslatableError(f"{name}() of a text that is computed")
        (text,) = texts_of([rows(node.this)], f"{name}()")
        return Value(compute(text, node.expression.this))

    return operation


def _trimmed(node: exp.Trim, rows: Rows) -> Value:
    """Take spaces off, and nothing else that is white."""
    trims = {None: pc.utf8_trim, "LEADING": pc.utf8_ltrim, "TRAILING": pc.utf8_rtrim}
    (text,) = texts_of([rows(node.this)], "trim()")
    return Value(trims[node.args.get("position")](text, " "))


def _part_of_time(name: str, compute: Callable[[Data], Data]) -> Operation:
    """A part of a date or a time, in UTC."""

    def operation(node: exp.Expr, rows: Rows) -> Value:
        inner = node.this.this if isinstance(node.this, exp.TsOrDsToDate) else node.this
        value = rows(inner)
        if value.type not in (pa.date32(), INSTANT, LOCAL):
            raise UntranslatableError(f"{name}() of {value.name} (cast it to timestamp)")
        return Value(pc.cast(compute(cast(value, LOCAL).data), INT))

    return operation


def _unix(name: str, micros: int) -> Operation:
    def operation(node: exp.Expr, rows: Rows) -> Value:
        value = rows(node.this)
        if value.type != INSTANT:
            raise UntranslatableError(f"{name}() of {value.name}")
        ticks = pc.cast(value.data, pa.int64())
        whole = pc.divide(ticks, micros)
        is_below = pc.less(ticks, pc.multiply(whole, micros))
        return Value(pc.subtract(whole, pc.cast(is_below, pa.int64())))

    return operation


def _from_unix(micros: int) -> Operation:
    def operation(node: exp.Anonymous, rows: Rows) -> Value:
        value = rows(_only(node))
        if value.type not in INTEGERS:
            raise UntranslatableError(f"{node.name.lower()}() of {value.name}")
        ticks = checked(pc.multiply_checked, pc.cast(value.data, pa.int64()), pa.scalar(micros, pa.int64()))
        return Value(pc.cast(ticks, INSTANT))

    return operation


def _is_null(node: exp.Anonymous, rows: Rows) -> Value:
    return Value(pc.is_null(rows(_only(node)).data))


def _is_not_null(node: exp.Anonymous, rows: Rows) -> Value:
    return Value(pc.is_valid(rows(_only(node)).data))


def _as_type(to: pa.DataType) -> Operation:
    return lambda node, rows: cast(rows(_only(node)), to)


def _only(node: exp.Anonymous) -> exp.Expr:
    if len(node.expressions) != 1:
        raise UntranslatableError(f"{node.name.lower()}() of {len(node.expressions)} values")
    only: exp.Expr = node.expressions[0]
    return only


_THIS, _BINARY = ("this",), ("this", "expression")
OPERATIONS: dict[type[exp.Expr], tuple[tuple[str, ...], Operation]] = {
    exp.Literal: (("this", "is_string"), ops.literal),
    exp.Boolean: (_THIS, lambda node, _: Value(pa.scalar(bool(node.this)))),
    exp.Null: ((), lambda *_: Value(pa.scalar(None))),
    exp.Paren: (_THIS, lambda node, rows: rows(node.this)),
    exp.And: (_BINARY, ops.conjunction),
    exp.Or: (_BINARY, ops.disjunction),
    exp.Not: (_THIS, ops.negation),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), (_BINARY, ops.comparison)),
    **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ), (_BINARY, ops.same)),
    exp.Between: (("this", "low", "high"), ops.between),
    exp.Is: (_BINARY, ops.identity),
    exp.In: (("this", "expressions"), ops.membership),
    exp.Case: (("this", "ifs", "default"), ops.choice),
    exp.If: (("this", "true", "false"), ops.condition),
    exp.Coalesce: (("this", "expressions", "is_nvl"), ops.coalesced),
    exp.Nullif: (_BINARY, ops.null_if),
    exp.Add: (_BINARY, ops.arithmetic(pc.add_checked)),
    exp.Sub: (_BINARY, ops.arithmetic(pc.subtract_checked)),
    exp.Mul: (_BINARY, ops.arithmetic(pc.multiply_checked)),
    exp.Neg: (_THIS, ops.negated),
    exp.Div: ((*_BINARY, "typed", "safe"), ops.quotient),
    exp.IntDiv: (_BINARY, ops.whole_quotient),
    exp.Mod: (_BINARY, ops.remainder),
    exp.Abs: (_THIS, ops.absolute),
    exp.Floor: (_THIS, ops.floor_or_ceil),
    exp.Ceil: (_THIS, ops.floor_or_ceil),
    exp.IsNan: (_THIS, ops.is_nan),
    exp.Cast: (("this", "to", "_type"), ops.converted),
    exp.TryCast: (("this", "to", "_type", "safe"), ops.converted),
    exp.TsOrDsToDate: (("this", "safe"), ops.day),
    exp.Like: ((*_BINARY, "negate"), _like),
    exp.StartsWith: (_BINARY, _holds("startswith", pc.starts_with)),
    exp.EndsWith: (_BINARY, _holds("endswith", pc.ends_with)),
    exp.Contains: (_BINARY, _holds("contains", pc.match_substring)),
    exp.Lower: (_THIS, _in_case("lower", str.lower)),
    exp.Upper: (_THIS, _in_case("upper", str.upper)),
    exp.Trim: (("this", "position"), _trimmed),
    exp.Length: (_THIS, _of_text("length", lambda text: pc.cast(pc.utf8_length(text), INT))),
    exp.Substring: (("this", "start", "length"), _substring),
    exp.Concat: (("expressions", "safe", "coalesce"), _concatenated),
    exp.DPipe: ((*_BINARY, "safe"), _concatenated),
    exp.Year: (_THIS, _part_of_time("year", pc.year)),
    exp.Month: (_THIS, _part_of_time("month", pc.month)),
    exp.Day: (_THIS, _part_of_time("day", pc.day)),
    exp.DayOfMonth: (_THIS, _part_of_time("dayofmonth", pc.day)),
    exp.Hour: (_THIS, _part_of_time("hour", pc.hour)),
    exp.Minute: (_THIS, _part_of_time("minute", pc.minute)),
    exp.Second: (_THIS, _part_of_time("second", pc.second)),
    exp.UnixSeconds: (_THIS, _unix("unix_seconds", _MICROS)),
    exp.UnixMillis: (_THIS, _unix("unix_millis", 1000)),
    exp.UnixMicros: (_THIS, _unix("unix_micros", 1)),
}
"""For each kind of node its arguments that are understood, and what it gives."""

NAMED: dict[str, Operation] = {
    "isnull": _is_null,
    "isnotnull": _is_not_null,
    "bigint": _as_type(pa.int64()),
    "smallint": _as_type(pa.int16()),
    "tinyint": _as_type(pa.int8()),
    "boolean": _as_type(pa.bool_()),
    "float": _as_type(pa.float32()),
    "timestamp_seconds": _from_unix(_MICROS),
    "timestamp_millis": _from_unix(1000),
    "timestamp_micros": _from_unix(1),
}
"""The functions that sqlglot knows by name alone."""
