"""How the values of a feature are distributed: each observation once, and as they stand in all sequences."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.domain.spec import Feature, SequenceSpec
from obs2seq.kernel.columns import Array
from obs2seq.report.counting import COUNT, VALUE, counted, merged
from obs2seq.report.octaves import Octave, by_octave, label
from obs2seq.report.sums import exact_sum

MOST_BARS = 12


@dataclass(frozen=True)
class Bar:
    """A value, or a range of values, and how often it stands there."""

    label: str
    once: int
    """Each observation counts once."""
    everywhere: int
    """In all sequences, padding apart."""

    @property
    def row(self) -> tuple[str, int, int]:
        """What a table has."""
        return self.label, self.once, self.everywhere


@dataclass(frozen=True)
class Values:
    """A feature's values."""

    feature: str
    distinct: int | None
    """How many different values there are; None where they are measures."""
    bars: Sequence[Bar]
    """None for what names pupils."""
    least: float | None = None
    most: float | None = None
    mean: float | None = None
    others: Bar | None = None
    """All values but the most frequent, where there are many."""

    @property
    def rows(self) -> list[tuple[str, int, int]]:
        """What a table has."""
        return [bar.row for bar in (*self.bars, self.others) if bar is not None]


class Tally(ABC):
    """Counts a feature's values.

    Args:
        feature: The feature.
    """

    def __init__(self, feature: Feature) -> None:
        self.feature = feature

    @abstractmethod
    def add(self, lists: pa.ChunkedArray, is_new: Array, is_real: Array) -> None:
        """Count some sequences' values."""

    @abstractmethod
    def values(self) -> Values:
        """Return what was counted."""


def tally_for(feature: Feature, spec: SequenceSpec, type_: str) -> Tally:
    """Return what counts a feature's values; of pupils, none is shown.

    Args:
        feature: The feature.
        spec: Names the pupil.
        type_: The output column's, by Spark's name.
    """
    if type_.removeprefix("array<").startswith(_MEASURES):
        return MeasureTally(feature)
    return ValueTally(feature, is_shown=feature.column != spec.pupil)


class ValueTally(Tally):
    """Counts each value; memory holds them all.

    Args:
        feature: The feature.
        is_shown: Whether values may be shown.
    """

    def __init__(self, feature: Feature, *, is_shown: bool) -> None:
        super().__init__(feature)
        self._is_shown = is_shown
        self._once: list[pa.Table] = []
        self._everywhere: list[pa.Table] = []

    def add(self, lists: pa.ChunkedArray, is_new: Array, is_real: Array) -> None:
        values = pc.list_flatten(lists)
        once = counted(values.filter(pa.array(is_new)))
        is_each_new = bool((is_new == is_real).all())
        self._once.append(once)
        self._everywhere.append(once if is_each_new else counted(values.filter(pa.array(is_real))))

    def values(self) -> Values:
        once, everywhere = merged(self._once), merged(self._everywhere)
        n = len(everywhere)
        if not self._is_shown or not n:
            return Values(self.feature.name, n, ())
        if n <= MOST_BARS:
            return Values(self.feature.name, n, list(_each(once, everywhere)))
        *bars, others = _most_frequent(once, everywhere)
        return Values(self.feature.name, n, bars, others=others)


class MeasureTally(Tally):
    """Counts values by doublings of their size, so that counts are exact whatever the range."""

    def __init__(self, feature: Feature) -> None:
        super().__init__(feature)
        self._once: Counter[Octave] = Counter()
        self._everywhere: Counter[Octave] = Counter()
        self._sums: list[tuple[float, float, float, int]] = []

    def add(self, lists: pa.ChunkedArray, is_new: Array, is_real: Array) -> None:
        values = pc.list_flatten(lists).cast(pa.float64(), safe=False).to_numpy()
        once = values[is_new]
        counts = by_octave(once)
        self._once += counts
        self._everywhere += counts if bool((is_new == is_real).all()) else by_octave(values[is_real])
        finite = once[np.isfinite(once)]
        if len(finite):
            self._sums.append((float(finite.min()), float(finite.max()), exact_sum(finite), len(finite)))

    def values(self) -> Values:
        bars = [Bar(label(each), self._once[each], self._everywhere[each]) for each in sorted(self._everywhere)]
        if not self._sums:
            return Values(self.feature.name, None, bars)
        least, most, total, n = zip(*self._sums, strict=True)
        return Values(self.feature.name, None, bars, min(least), max(most), math.fsum(total) / sum(n))


_MEASURES = ("float", "double", "decimal")


def _pairs(counts: pa.Table) -> dict[object, int]:
    return dict(zip(counts.column(VALUE).to_pylist(), counts.column(COUNT).to_pylist(), strict=True))


def _each(once: pa.Table, everywhere: pa.Table) -> Iterator[Bar]:
    """Yield a bar for each value, in their order."""
    new = _pairs(once)
    for value, n in _pairs(everywhere.sort_by(VALUE)).items():
        yield Bar(f"{value:g}" if isinstance(value, float) else str(value), new.get(value, 0), n)


def _most_frequent(once: pa.Table, everywhere: pa.Table) -> Iterator[Bar]:
    """Yield the most frequent values, and one bar for the others."""
    first = once.sort_by([(COUNT, "descending"), (VALUE, "ascending")]).slice(0, MOST_BARS)
    all_ = _pairs(everywhere)
    shown = _pairs(first)
    for value, n in shown.items():
        yield Bar(str(value), n, all_[value])
    rest = sum(_pairs(once).values()) - sum(shown.values())
    others = sum(all_.values()) - sum(all_[value] for value in shown)
    yield Bar(f"{len(all_) - len(shown):,} others", rest, others)
