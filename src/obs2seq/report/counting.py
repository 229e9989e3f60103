"""Values and how often each stands there, counted in parts and added up."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.kernel.columns import plain

VALUE, COUNT = "value", "count"


def counted(values: pa.ChunkedArray) -> pa.Table:
    """Count each value."""
    found = pc.value_counts(plain(values))
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
