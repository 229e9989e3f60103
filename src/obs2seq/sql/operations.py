"""What each operation and function of an expression becomes in Athena: those that mean the same, and no others."""

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from obs2seq.sql.casts import UntranslatableError, cast, require_same_text
from obs2seq.sql.identifiers import text_literal
from obs2seq.sql.terms import Kind, Term, common_kind, of_kind, of_type

__all__ = ["OPERATIONS", "UntranslatableError"]

Translate = Callable[[exp.Expr], Term]
"""Translates what lies below a node."""

Operation = Callable[[Any, Translate], Term]


def _infix(operator: str, kind: Kind | None = None) -> Operation:
    """An operation that is written alike; its kind is that of its operands where it is not given."""

    def operation(node: exp.Binary, term: Translate) -> Term:
        left, right = term(node.this), term(node.expression)
        return of_kind(f"({left.sql} {operator} {right.sql})", kind or common_kind((left.kind, right.kind)))

    return operation


def _function(name: str, kind: Kind | None = None) -> Operation:
    def operation(node: exp.Expr, term: Translate) -> Term:
        value = term(node.this)
        return of_kind(f"{name}({value.sql})", kind or value.kind)

    return operation


def _whole(name: str) -> Operation:
    """A function whose result is a bigint in Trino and an int in Spark."""
    return lambda node, term: of_type(f"CAST({name}({term(node.this).sql}) AS integer)", "integer")


def _comparison(node: exp.Binary, term: Translate) -> Term:
    """Compare as Spark does, for which NaN equals NaN and is above all other numbers; for Trino it is neither."""
    left, right = term(node.this), term(node.expression)
    if isinstance(node, exp.LT | exp.LTE):
        plain, left, right = f"{left.sql} {'<' if isinstance(node, exp.LT) else '<='} {right.sql}", right, left
    else:
        plain = f"{left.sql} {_SIGNS[type(node)]} {right.sql}"
    nans = [f"is_nan({each.sql})" if each.kind == "float" and not each.is_literal else None for each in (left, right)]
    return of_kind(f"({plain})" if nans == [None, None] else _with_nans(node, plain, *nans), "boolean")


_SIGNS: dict[type[exp.Expr], str] = {exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">="}


def _with_nans(node: exp.Binary, plain: str, greater: str | None, lesser: str | None) -> str:
    """Complete a comparison, of which `greater` is the side that is to be above the other."""
    if isinstance(node, exp.EQ | exp.NEQ):
        if not greater or not lesser:
            return f"({plain})"
        is_equal = isinstance(node, exp.EQ)
        return f"({plain} OR {greater} AND {lesser})" if is_equal else f"({plain} AND NOT ({greater} AND {lesser}))"
    if not greater:
        return f"({plain})"
    is_strict = isinstance(node, exp.GT | exp.LT) and lesser
    return f"({plain} OR {greater} AND NOT {lesser})" if is_strict else f"({plain} OR {greater})"


def _between(node: exp.Between, term: Translate) -> Term:
    bounds = (
        exp.GTE(this=node.this, expression=node.args["low"]),
        exp.LTE(this=node.this, expression=node.args["high"]),
    )
    low, high = (_comparison(bound, term).sql for bound in bounds)
    return of_kind(f"({low} AND {high})", "boolean")


def _literal(node: exp.Literal, _: Translate) -> Term:
    if node.is_string:
        return of_kind(text_literal(node.this), "text")
    kind: Kind = "float" if "e" in node.this.lower() else "decimal" if "." in node.this else "integer"
    return Term(node.this, kind, is_literal=True)


def _negated(node: exp.Neg, term: Translate) -> Term:
    value = term(node.this)
    return Term(f"(-{value.sql})", value.kind, is_literal=value.is_literal)


def _is(node: exp.Is, term: Translate) -> Term:
    if isinstance(node.expression, exp.Null):
        return of_kind(f"({term(node.this).sql} IS NULL)", "boolean")
    if not isinstance(node.expression, exp.Boolean):
        raise UntranslatableError(f"'{node.sql('spark')}'")
    return of_kind(f"({term(node.this).sql} IS NOT DISTINCT FROM {term(node.expression).sql})", "boolean")


def _in(node: exp.In, term: Translate) -> Term:
    values = ", ".join(term(value).sql for value in node.expressions)
    return of_kind(f"({term(node.this).sql} IN ({values}))", "boolean")


def _like(node: exp.Like, term: Translate) -> Term:
    """A pattern means the same as long as nothing in it is escaped: Spark escapes by a backslash, Trino by nothing."""
    pattern = node.expression
    if not (isinstance(pattern, exp.Literal) and pattern.is_string) or "\\" in pattern.this:
        raise UntranslatableError("like with a pattern that is computed, or has a backslash in it")
    negation = "NOT " if node.args.get("negate") else ""
    return of_kind(f"({term(node.this).sql} {negation}LIKE {term(pattern).sql})", "boolean")


def _case(node: exp.Case, term: Translate) -> Term:
    branches = [(term(branch.this).sql, term(branch.args["true"])) for branch in node.args["ifs"]]
    default = term(node.args["default"]) if node.args.get("default") else Term("NULL", "null")
    subject = f" {term(node.this).sql}" if node.this else ""
    whens = "".join(f" WHEN {condition} THEN {value.sql}" for condition, value in branches)
    kind = common_kind((*(value.kind for _, value in branches), default.kind))
    return of_kind(f"CASE{subject}{whens} ELSE {default.sql} END", kind)


def _if(node: exp.If, term: Translate) -> Term:
    return _case(exp.Case(ifs=[node], default=node.args.get("false")), term)


def _coalesce(node: exp.Coalesce, term: Translate) -> Term:
    values = [term(value) for value in (node.this, *node.expressions)]
    return of_kind(f"coalesce({', '.join(v.sql for v in values)})", common_kind(v.kind for v in values))


def _nullif(node: exp.Nullif, term: Translate) -> Term:
    value = term(node.this)
    is_equal = _comparison(exp.EQ(this=node.this, expression=node.expression), term).sql
    return of_kind(f"CASE WHEN {is_equal} THEN NULL ELSE {value.sql} END", value.kind)


def _quotient(node: exp.Div, term: Translate) -> Term:
    """Divide as doubles; by zero not at all."""
    left, right = term(node.this), term(node.expression)
    if "decimal" in (left.kind, right.kind) and not right.is_literal:
        raise UntranslatableError("a division of decimals (cast them to double)")
    divisor = right.sql if right.is_literal else f"CASE WHEN {right.sql} = 0 THEN 1 / 0 ELSE {right.sql} END"
    return of_type(f"(CAST({left.sql} AS double) / {divisor})", "double")


def _whole_quotient(node: exp.IntDiv, term: Translate) -> Term:
    left, right = term(node.this), term(node.expression)
    if (left.kind, right.kind) != ("integer", "integer"):
        raise UntranslatableError("div of what is not known to be whole numbers")
    return of_type(f"CAST(({left.sql} - {left.sql} % {right.sql}) / {right.sql} AS bigint)", "bigint")


def _floor_or_ceil(node: exp.Floor | exp.Ceil, term: Translate) -> Term:
    value, name = term(node.this), "floor" if isinstance(node, exp.Floor) else "ceil"
    if value.kind == "decimal":
        return of_kind(f"{name}({value.sql})", "decimal")
    return of_type(f"CAST({name}({value.sql}) AS bigint)", "bigint")


def _round(node: exp.Round, term: Translate) -> Term:
    digits = f", {term(node.args['decimals']).sql}" if node.args.get("decimals") else ""
    value = term(node.this)
    return of_kind(f"round({value.sql}{digits})", value.kind)


def _trim(node: exp.Trim, term: Translate) -> Term:
    """Spark takes spaces off, Trino all that is white."""
    return of_kind(f"trim(BOTH ' ' FROM {term(node.this).sql})", "text")


def _substring(node: exp.Substring, term: Translate) -> Term:
    start = node.args["start"]
    if not (isinstance(start, exp.Literal) and start.this.isdigit() and int(start.this) > 0):
        raise UntranslatableError("substring from a place that is computed, or not above 0")
    length = f", {term(node.args['length']).sql}" if node.args.get("length") else ""
    return of_kind(f"substr({term(node.this).sql}, {start.this}{length})", "text")


def _concat(node: exp.Concat | exp.DPipe, term: Translate) -> Term:
    parts = node.expressions if isinstance(node, exp.Concat) else (node.this, node.expression)
    texts = [require_same_text(term(part)) for part in parts]
    return of_kind(f"({' || '.join(texts)})", "text")


def _date(node: exp.TsOrDsToDate, term: Translate) -> Term:
    value = term(node.this)
    inner = value.sql if value.kind in ("date", "timestamp") else f"CAST({value.sql} AS timestamp(3))"
    return of_kind(f"CAST({inner} AS date)", "date")


_BINARY = ("this", "expression")
OPERATIONS: dict[type[exp.Expr], tuple[tuple[str, ...], Operation]] = {
    exp.Literal: (("this", "is_string"), _literal),
    exp.Boolean: (("this",), lambda node, _: of_kind("TRUE" if node.this else "FALSE", "boolean")),
    exp.Null: ((), lambda *_: Term("NULL", "null")),
    exp.Paren: (("this",), lambda node, term: term(node.this)),
    exp.And: (_BINARY, _infix("AND", "boolean")),
    exp.Or: (_BINARY, _infix("OR", "boolean")),
    exp.Not: (("this",), lambda node, term: of_kind(f"(NOT {term(node.this).sql})", "boolean")),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), (_BINARY, _comparison)),
    exp.NullSafeEQ: (_BINARY, _infix("IS NOT DISTINCT FROM", "boolean")),
    exp.Between: (("this", "low", "high"), _between),
    exp.Is: (_BINARY, _is),
    exp.In: (("this", "expressions"), _in),
    exp.Like: ((*_BINARY, "negate"), _like),
    exp.RegexpLike: (
        _BINARY,
        lambda node, term: of_kind(f"regexp_like({term(node.this).sql}, {term(node.expression).sql})", "boolean"),
    ),
    exp.Case: (("this", "ifs", "default"), _case),
    exp.If: (("this", "true", "false"), _if),
    exp.Coalesce: (("this", "expressions", "is_nvl"), _coalesce),
    exp.Nullif: (_BINARY, _nullif),
    exp.Add: (_BINARY, _infix("+")),
    exp.Sub: (_BINARY, _infix("-")),
    exp.Mul: (_BINARY, _infix("*")),
    exp.Mod: (_BINARY, _infix("%")),
    exp.Neg: (("this",), _negated),
    exp.Div: ((*_BINARY, "typed", "safe"), _quotient),
    exp.IntDiv: (_BINARY, _whole_quotient),
    exp.Cast: (("this", "to", "_type"), cast),
    exp.Abs: (("this",), _function("abs")),
    exp.Floor: (("this",), _floor_or_ceil),
    exp.Ceil: (("this",), _floor_or_ceil),
    exp.Round: (("this", "decimals"), _round),
    exp.IsNan: (("this",), _function("is_nan", "boolean")),
    exp.Lower: (("this",), _function("lower", "text")),
    exp.Upper: (("this",), _function("upper", "text")),
    exp.Trim: (("this",), _trim),
    exp.Length: (("this",), _whole("length")),
    exp.Substring: (("this", "start", "length"), _substring),
    exp.Concat: (("expressions", "safe", "coalesce"), _concat),
    exp.DPipe: ((*_BINARY, "safe"), _concat),
    exp.TsOrDsToDate: (("this", "safe"), _date),
    exp.Year: (("this",), _whole("year")),
    exp.Month: (("this",), _whole("month")),
    exp.DayOfMonth: (("this",), _whole("day")),
    exp.Hour: (("this",), _whole("hour")),
    exp.Minute: (("this",), _whole("minute")),
    exp.Second: (("this",), _whole("second")),
}
"""For each kind of node its arguments that are understood, and what it becomes."""
