"""Parts of a translated expression, with as much of their types as a translation rests on."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from obs2seq.domain.padding import DATE_TYPES, FLOAT_FORMATS, INTEGER_BITS, TEXT_TYPES, TIMESTAMP_TYPES
from obs2seq.sql.column_types import ColumnType, scalar_type

Kind = Literal["integer", "decimal", "float", "text", "boolean", "date", "timestamp", "null"]

_NUMBERS: tuple[Kind, ...] = ("integer", "decimal", "float")
"""In the order in which one gives way to the next."""

_EXACT: dict[Kind, str] = {"boolean": "boolean", "text": "varchar", "date": "date", "timestamp": "timestamp(3)"}
"""Kinds of which there is one type alone."""


@dataclass(frozen=True)
class Term:
    """An expression in Athena's dialect, which stands for itself wherever it is put."""

    sql: str
    kind: Kind | None
    """Of its values; None where it is not known."""
    type: ColumnType | None = None
    """None where only the kind is known, or nothing."""
    is_literal: bool = False


def of_kind(sql: str, kind: Kind | None) -> Term:
    """Return a term whose type follows from its kind, where it does."""
    return Term(sql, kind, scalar_type(_EXACT[kind]) if kind in _EXACT else None)


def of_type(sql: str, type_name: str) -> Term:
    """Return a term of exactly this type, by Trino's name."""
    type_ = scalar_type(type_name)
    return Term(sql, kind_of(type_), type_)


def kind_of(type_: ColumnType | None) -> Kind | None:
    """Return the kind of a type's values."""
    if type_ is None:
        return None
    kinds: tuple[tuple[Kind, Iterable[str]], ...] = (
        ("integer", INTEGER_BITS),
        ("float", FLOAT_FORMATS),
        ("text", TEXT_TYPES),
        ("date", DATE_TYPES),
        ("timestamp", TIMESTAMP_TYPES),
        ("boolean", ("boolean",)),
    )
    return next((kind for kind, names in kinds if type_.spark in names), "decimal")


def common_kind(kinds: Iterable[Kind | None]) -> Kind | None:
    """Return the kind of a value that is of one of these kinds: numbers give way to wider ones, nulls to all."""
    found = {kind for kind in kinds if kind != "null"}
    if len(found) == 1:
        return found.pop()
    if not found:
        return "null"
    return max(found, key=_NUMBERS.index) if found <= set(_NUMBERS) else None
