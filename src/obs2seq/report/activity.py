"""How many observations there are over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain, repeat

import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.domain.spec import SequenceSpec
from obs2seq.kernel.columns import Array
from obs2seq.report.counting import COUNT, VALUE, counted

MOST_STEPS = 400
_EPOCH = date(1970, 1, 1)
_MONDAY = 3
"""Days from a Monday to the epoch."""


@dataclass(frozen=True)
class Activity:
    """Observations over time; steps without any are left out."""

    starts: Sequence[date] | Sequence[int]
    """The first day (in UTC; of weeks, the Monday) or number of each step."""
    counts: Sequence[int]
    step: int
    """How many days, or numbers, a step has."""
    column: str
    """What holds the time."""

    @property
    def rows(self) -> list[tuple[date | int, int]]:
        """Each step with its count."""
        return list(zip(self.starts, self.counts, strict=True))

    @property
    def unit(self) -> str:
        """Say what one count is of."""
        if isinstance(self.starts[0], date):
            return "observations a day" if self.step == 1 else f"observations in {self.step} days"
        return "observations" if self.step == 1 else f"observations in steps of {self.step:,}"


class ActivityTally:
    """Counts observations by day or number; steps grow where there would be more than `MOST_STEPS`.

    Args:
        column: What holds the time.
        is_days: Whether times are days since 1970.
    """

    def __init__(self, column: str, *, is_days: bool) -> None:
        self._column, self._is_days = column, is_days
        self._shift = _MONDAY if is_days else 0
        self._growth: Iterator[int] = chain((7, 4, 13) if is_days else (), repeat(10))
        self._step = 1
        self._counts: Counter[int] = Counter()

    def add(self, lists: pa.ChunkedArray, is_counted: Array) -> None:
        """Count the observations of some sequences, those at the positions that count."""
        values = pc.list_flatten(lists).filter(pa.array(is_counted))
        values = values.cast(pa.date32(), safe=False).cast(pa.int32()) if self._is_days else values
        numbers = (values.to_numpy().astype("int64") + self._shift) // self._step
        found = counted(pa.chunked_array([numbers], pa.int64()))
        self._counts.update(dict(zip(found.column(VALUE).to_pylist(), found.column(COUNT).to_pylist(), strict=True)))
        while self._counts and max(self._counts) - min(self._counts) >= MOST_STEPS:
            self._grow()

    def activity(self) -> Activity | None:
        """Return what was counted, in order of time; None of no observation."""
        if not self._counts:
            return None
        steps = sorted(self._counts)
        firsts = [step * self._step - self._shift for step in steps]
        starts = [_day(first) for first in firsts] if self._is_days else firsts
        return Activity(starts, [self._counts[step] for step in steps], self._step, self._column)

    def _grow(self) -> None:
        factor = next(self._growth)
        wider: Counter[int] = Counter()
        for step, count in self._counts.items():
            wider[step // factor] += count
        self._step, self._counts = self._step * factor, wider


def activity_tally(spec: SequenceSpec, type_: str | None) -> ActivityTally | None:
    """Return what counts activity; None where the time is none that can be counted.

    Args:
        spec: Names the time.
        type_: That of the time feature's output column, by Spark's name.
    """
    kind = (type_ or "").removeprefix("array<").removesuffix(">")
    is_days = kind.startswith(("timestamp", "date"))
    if not is_days and kind not in _WHOLE:
        return None
    return ActivityTally(spec.order_by[0], is_days=is_days)


_WHOLE = ("tinyint", "smallint", "int", "bigint")


def _day(number: int) -> date:
    """Return a day; a week may begin before the first that there is."""
    return _EPOCH + timedelta(max(number, (date.min - _EPOCH).days))
