"""Values of JSON as values of a column: what Spark's JSON reader takes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.warehouses.arrow.texts.fields import Read


class MisfitError(Exception):
    """A value is not of its column's type."""


def instant(value: Any, instants_of: Read) -> int | None:
    """Read a time; a number is one in seconds."""
    if value is None or type(value) is int:
        return None if value is None else value * 1_000_000
    read = instants_of(pa.array([value])) if isinstance(value, str) else pa.nulls(1)
    if read.null_count:
        raise MisfitError
    ticks: int = pc.cast(read, pa.int64())[0].as_py()
    return ticks


def fitting(value: Any, type_: pa.DataType) -> Any:
    """Return a value that has its column's type already, or that Spark writes as a text."""
    if value is None:
        return None
    if pa.types.is_floating(type_):
        return _number(value)
    if type_ == pa.string():
        return _text(value)
    expected = bool if type_ == pa.bool_() else int
    if type(value) is not expected:
        raise MisfitError
    return value


def lengths_of(values: list[Any]) -> pa.Array:
    """Return how many members each array has; null where there is none."""
    if not all(value is None or isinstance(value, list) for value in values):
        raise MisfitError
    return pa.array([None if value is None else len(value) for value in values], pa.int32())


def as_lists(members: pa.ChunkedArray, lengths: pa.Array) -> pa.Array:
    """Return arrays of so many members each, null where a length is."""
    ends = pc.cumulative_sum(lengths.fill_null(0))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
    joined = pa.concat_arrays(members.chunks) if members.num_chunks else pa.array([], members.type)
    return pa.ListArray.from_arrays(offsets, joined, mask=lengths.is_null())


def _number(value: Any) -> float:
    named = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf", "+Infinity": "inf", "INF": "inf", "-INF": "-inf"}
    if isinstance(value, str) and value in named:
        return float(named[value])
    if isinstance(value, bool | str) or not isinstance(value, int | float | Decimal):
        raise MisfitError
    return float(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if type(value) is int:
        return str(value)
    raise MisfitError  # Spark writes a number or an object anew, in a form of its own
