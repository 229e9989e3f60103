"""Types of columns, as a catalogue names them: Hive's names (`string`, `int`) and Trino's (`varchar`, `integer`)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from obs2seq.domain.padding import is_scalar
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.validation import shortened
from obs2seq.errors import DataError

_SYNONYMS = {"int": "integer", "float": "real", "string": "varchar", "timestamptz": "timestamp with time zone"}
_SPARK_NAMES = {"integer": "int", "real": "float", "varchar": "string", "char": "string"}

_NAME = re.compile(r"([a-z]+(?: [a-z]+)*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?( with (?:local )?time zone)?")

_MILLISECONDS = 3
"""The digits of a second that a timestamp has where its type does not say: Athena's own default."""


@dataclass(frozen=True)
class ColumnType:
    """One scalar type.

    Args:
        sql: Its name in a statement.
        spark: The name under which the rules for pads know it.
        size: The most letters of a text, or the digits of a timestamp's fraction; none where there is no limit.
    """

    sql: str
    spark: str
    size: int | None = None


def column_types(spec: SequenceSpec, types: Mapping[str, str]) -> dict[str, ColumnType]:
    """Return the types of those columns that the specification reads and that `types` knows.

    Raises:
        DataError: One of them is no scalar.
    """
    known = {name.casefold(): type_name for name, type_name in types.items()}
    return {
        name: require_scalar_type(name, known[name.casefold()]) for name in spec.columns if name.casefold() in known
    }


def require_scalar_type(column: str, type_name: str) -> ColumnType:
    """Return the type of a column by its name in Hive or Trino; raise `DataError` where it is no scalar."""
    type_ = scalar_type(type_name)
    if type_ is None:
        raise DataError(
            f"column '{column}'",
            f"expected a number, boolean, text, date or timestamp, found {shortened(type_name)}",
            "name its type as the catalogue does, with its digits where it is a decimal",
        )
    return type_


def scalar_type(type_name: str) -> ColumnType | None:
    """Return a type by its name in Hive or Trino, or None for one that is no scalar."""
    type_ = _column_type(type_name)
    return type_ if type_ is not None and is_scalar(type_.spark) else None


def _column_type(type_name: str) -> ColumnType | None:
    match = _NAME.fullmatch(" ".join(type_name.lower().split()))
    if match is None:
        return None
    word, size, scale = _SYNONYMS.get(match[1], match[1]), match[2], match[3]
    if word.startswith("timestamp"):
        zone = " with time zone" if match[4] or word.endswith("time zone") else ""
        digits = int(size or _MILLISECONDS)
        return ColumnType(f"timestamp({digits}){zone}", "timestamp", digits)
    if word == "decimal" and size:
        name = f"decimal({size},{scale or 0})"
        return ColumnType(name, name)
    sized = f"{word}({size})" if size else word
    return ColumnType(sized, _SPARK_NAMES.get(word, sized), int(size) if size else None)
