"""Values and how often each stands there, counted in parts and added up."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

VALUE, COUNT = "value", "count"


def counted(values: pa.ChunkedArray) -> pa.Table:
    """Count each value; of texts in a dictionary, their codes are counted."""
    if not pa.types.is_dictionary(values.type):
        return _counted(values)
    parts = [_counted(chunk.indices) for chunk in values.chunks]
    texts = [
        chunk.dictionary.take(part[VALUE].combine_chunks()) for chunk, part in zip(values.chunks, parts, strict=True)
    ]
    counts = [part[COUNT].combine_chunks() for part in parts]
    found = [pa.chunked_array(texts, values.type.value_type), pa.chunked_array(counts, pa.int64())]
    return summed(pa.table(found, [VALUE, COUNT]))


def _counted(values: pa.Array | pa.ChunkedArray) -> pa.Table:
    found = pc.value_counts(values)
    return pa.table({VALUE: found.field("values"), COUNT: found.field("counts")})


def summed(rows: pa.Table) -> pa.Table:
    """Add up the counts of each value."""
    sums = rows.group_by(VALUE).aggregate([(COUNT, "sum")])
    return pa.table({VALUE: sums.column(VALUE), COUNT: sums.column(f"{COUNT}_sum")})


def merged(parts: Sequence[pa.Table]) -> pa.Table:
    """Add up the counts of several parts."""
    if not parts:
        return pa.table({VALUE: pa.nulls(0), COUNT: pa.array([], pa.int64())})
    return summed(pa.concat_tables(parts)) if len(parts) > 1 else parts[0]
