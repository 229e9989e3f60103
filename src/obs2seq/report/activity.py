"""How many observations there are over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.domain.spec import SequenceSpec
from obs2seq.kernel.columns import Array
from obs2seq.report.counting import COUNT, VALUE, counted, merged


@dataclass(frozen=True)
class Activity:
    """Observations a day, in UTC; days without any are left out."""

    days: Sequence[date]
    counts: Sequence[int]


def days_of(table: pa.Table, spec: SequenceSpec, is_counted: Array) -> list[pa.Table]:
    """Return the days of the positions that count, with how many; nothing where no feature holds dates or times."""
    time = spec.time_feature
    if time is None:
        return []
    values = pc.list_flatten(table.column(time.output))
    if not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        return []
    return [counted(values.filter(pa.array(is_counted)).cast(pa.date32(), safe=False))]


def activity_of(parts: Sequence[pa.Table]) -> Activity | None:
    """Return the sum of all parts, in order of time."""
    days = merged(parts).sort_by(VALUE) if parts else None
    return None if days is None else Activity(days.column(VALUE).to_pylist(), days.column(COUNT).to_pylist())
