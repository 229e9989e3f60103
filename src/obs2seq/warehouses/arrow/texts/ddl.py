"""Columns and types as Spark's DDL writes them, such as `pupilid long, answered_at timestamp`."""

import re

import pyarrow as pa

from obs2seq.domain.validation import shortened
from obs2seq.warehouses.arrow.limits import UnfitError
from obs2seq.warehouses.arrow.types import INSTANT

_COLUMN = re.compile(
    r"\s*(?:`((?:[^`]|``)+)`|(\w+))(?:\s*:\s*|\s+)(\w+)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*(?:,|$)"
)
_TYPES = {
    **dict.fromkeys(("tinyint", "byte"), pa.int8()),
    **dict.fromkeys(("smallint", "short"), pa.int16()),
    **dict.fromkeys(("int", "integer"), pa.int32()),
    **dict.fromkeys(("bigint", "long"), pa.int64()),
    **dict.fromkeys(("float", "real"), pa.float32()),
    "double": pa.float64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    **dict.fromkeys(("timestamp", "timestamp_ltz"), INSTANT),
    "timestamp_ntz": pa.timestamp("us"),
}


def schema_of(ddl: str) -> pa.Schema:
    """Return the columns that a DDL names; raise `ConfigurationError` for what only Spark reads."""
    fields, place = [], 0
    while place < len(ddl):
        match = _COLUMN.match(ddl, place)
        if match is None:
            raise _refused(ddl[place:])
        fields.append((match[1].replace("``", "`") if match[1] else match[2], _type(match)))
        place = match.end()
    if not fields:
        raise _refused(ddl)
    return pa.schema(fields)


def _type(match: re.Match[str]) -> pa.DataType:
    word = match[3].lower()
    if word in ("decimal", "dec", "numeric"):
        return pa.decimal128(int(match[4] or 10), int(match[5] or 0))
    if word not in _TYPES or match[4]:
        raise _refused(f"{match[3]}{'(…)' if match[4] else ''}")
    return _TYPES[word]


def _refused(found: str) -> UnfitError:
    return UnfitError(
        "input_schema",
        f"expected columns with types as Spark DDL, found {shortened(found.strip())}",
        "write it like 'pupilid long, answered_at timestamp', with scalar types and nothing else",
    )
