"""Quality rules of one row as Spark SQL: conditions that are true where a row keeps the rule."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from obs2seq.domain.quality import (
    Allowed,
    InRange,
    Known,
    NotAfter,
    NotNull,
    OfType,
    Predicate,
    Required,
    RowRule,
)
from obs2seq.domain.rule_columns import RuleColumns, Types, unfit
from obs2seq.domain.spark_sql import TIME_LITERALS, number_literal, quoted, text_literal
from obs2seq.domain.validation import shortened
from obs2seq.errors import ConfigurationError, DataError

References = Mapping[str, Sequence[Any]]
"""The values that a file holds, by the rule that names it."""

_WHOLE = {"tinyint", "smallint", "int", "bigint"}
_FLOATS = {"float", "double"}


@dataclass(frozen=True)
class Condition:
    """When a row keeps a rule."""

    text: str
    """Spark SQL; true, false or null."""
    if_null: bool = True
    """Whether the row keeps the rule where that is null."""


def kept_where(rule: RowRule, types: Types, references: References) -> Condition:
    """Return the condition under which a row keeps a rule.

    Args:
        rule: The rule.
        types: All columns that the condition may read.
        references: Of a `known` rule with a file, its values.

    Raises:
        ConfigurationError: The rule names a column that is not there, or values that its column cannot have.
        DataError: No row can keep a rule whose severity is to fail.
    """
    return _kept(rule, RuleColumns(rule, types), references)


_ALWAYS = Condition("TRUE")


@singledispatch
def _kept(rule: RowRule, *_: object) -> Condition:
    """Every kind is below."""
    raise TypeError(type(rule).__name__)


@_kept.register
def _(rule: Required, columns: RuleColumns, _: References) -> Condition:
    return _ALWAYS if columns.has(rule.column) else _never(rule, f"a column '{rule.column}'", "none")


@_kept.register
def _(rule: NotNull, columns: RuleColumns, _: References) -> Condition:
    columns.type(rule.column)
    return Condition(f"{quoted(rule.column)} IS NOT NULL")


@_kept.register
def _(rule: OfType, columns: RuleColumns, _: References) -> Condition:
    found = columns.type(rule.column)
    if found == rule.type:
        return _ALWAYS
    if found == "string":
        column = quoted(rule.column)
        return Condition(f"{column} IS NULL OR TRY_CAST({column} AS {rule.type.upper()}) IS NOT NULL")
    return _never(rule, f"column '{rule.column}' to be of type {rule.type}", found)


@_kept.register
def _(rule: InRange, columns: RuleColumns, _: References) -> Condition:
    write = _writer(rule, rule.column, columns)
    value = _value(rule.column, columns)
    bounds = [(">=", rule.least), ("<=", rule.most)]
    return Condition(" AND ".join(f"{value} {sign} {write(bound)}" for sign, bound in bounds if bound is not None))


@_kept.register
def _(rule: Allowed, columns: RuleColumns, _: References) -> Condition:
    return _is_among(rule, rule.values, columns)


@_kept.register
def _(rule: Known, columns: RuleColumns, references: References) -> Condition:
    return _is_among(rule, rule.values if rule.values is not None else references[rule.name], columns)


@_kept.register
def _(rule: NotAfter, columns: RuleColumns, _: References) -> Condition:
    type_ = columns.type(rule.column)
    if rule.clock is not None:
        _require_same(rule, type_, columns.type(rule.clock))
        return Condition(f"{quoted(rule.column)} <= {quoted(rule.clock)}")
    if type_ not in TIME_LITERALS:
        raise unfit(rule, rule.column, "a date or a timestamp", type_)
    return Condition(f"{quoted(rule.column)} <= {TIME_LITERALS[type_](str(rule.instant))}")


@_kept.register
def _(rule: Predicate, _: RuleColumns, __: References) -> Condition:
    return Condition(rule.predicate, if_null=False)


def _is_among(rule: Allowed | Known, values: Sequence[Any], columns: RuleColumns) -> Condition:
    write = _writer(rule, rule.column, columns)
    return Condition(f"{_value(rule.column, columns)} IN ({', '.join(map(write, values))})")


def _never(rule: Required | OfType, expected: str, found: str) -> Condition:
    """No row keeps the rule: where that stops the run, it does so before any row is read."""
    if rule.severity == "fail":
        raise DataError(rule.setting, f"expected {expected}, found {found}", "map it under columns in the settings")
    return Condition("FALSE")


def _value(name: str, columns: RuleColumns) -> str:
    """Compare floats as doubles, as which their literals are written."""
    return f"CAST({quoted(name)} AS DOUBLE)" if columns.type(name) == "float" else quoted(name)


def _writer(rule: RowRule, name: str, columns: RuleColumns) -> Callable[[Any], str]:
    """Return what writes a value for comparison with a column; it raises for values that the column cannot have."""
    type_ = columns.type(name)
    expected, is_fit, write = next((kind for is_meant, *kind in _KINDS if is_meant(type_)), ("", None, None))
    if is_fit is None or write is None:
        raise unfit(rule, name, "a number, a boolean, a text, a date or a timestamp", type_)

    def written(value: Any) -> str:
        if not is_fit(value):
            problem = f"expected {expected} for column '{name}' of type {type_}, found {shortened(value)}"
            raise ConfigurationError(rule.setting, problem)
        return str(write(value) if type_ not in TIME_LITERALS else TIME_LITERALS[type_](value))

    return written


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_time(value: object) -> bool:
    try:
        datetime.datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return isinstance(value, str)


_KINDS: Sequence[tuple[Any, ...]] = (
    (
        lambda type_: type_ in _WHOLE | _FLOATS or bool(re.match(r"decimal\b", type_)),
        "a number",
        _is_number,
        number_literal,
    ),
    (lambda type_: type_ == "string", "a text", lambda value: isinstance(value, str), text_literal),
    (
        lambda type_: type_ == "boolean",
        "true or false",
        lambda value: isinstance(value, bool),
        lambda v: str(v).upper(),
    ),
    (lambda type_: type_ in TIME_LITERALS, "a date or a time as ISO text", _is_time, str),
)
"""By a column's type: which values it can be compared with, and how those are written."""


def _require_same(rule: NotAfter, type_: str, clock: str) -> None:
    is_number = type_ in _WHOLE and clock in _WHOLE
    if not is_number and (type_ != clock or type_ not in {*TIME_LITERALS, "double"}):
        raise ConfigurationError(
            rule.setting,
            f"expected '{rule.column}' and '{rule.clock}' to be times of one type, found {type_} and {clock}",
        )
