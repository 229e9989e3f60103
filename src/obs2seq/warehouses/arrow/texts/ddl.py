"""Columns and types as Spark's DDL writes them, such as `pupilid long, answered_at timestamp`."""

import re

import pyarrow as pa

from obs2seq.domain.validation import shortened
from obs2seq.warehouses.arrow.limits import UnfitError
from obs2seq.warehouses.arrow.types import INSTANT

_COLUMN = re.compile(
    r"\s*(?:`((?:[^`]|``)+)`|(\w+))(?:\s*:\s*|\s+)(array\s*<\s*)?(\w+)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?"
    r"\s*(?(3)>\s*)(?:,|$)",
    re.IGNORECASE,
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
            raise refused(ddl[place:])
        type_ = _type(match)
        name = match[1].replace("``", "`") if match[1] else match[2]
        fields.append((name, pa.list_(type_) if match[3] else type_))
        place = match.end()
    if not fields:
        raise refused(ddl)
    return pa.schema(fields)


def _type(match: re.Match[str]) -> pa.DataType:
    word = match[4].lower()
    if word in ("decimal", "dec", "numeric"):
        return pa.decimal128(int(match[5] or 10), int(match[6] or 0))
    if word not in _TYPES or match[5]:
        raise refused(f"{match[4]}{'(…)' if match[5] else ''}")
    return _TYPES[word]


def refused(found: str) -> UnfitError:
    """Return the error for a DDL, or a part of one, that only Spark reads."""
    return UnfitError(
        "input_schema",
        f"expected columns with types as Spark DDL, found {shortened(found.strip())}",
        "write it like 'pupilid long, answered_at timestamp', with scalar types (json: or arrays of such) and no more",
    )
