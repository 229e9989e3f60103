"""What the published sequences of a subset tell, counted in one pass, a piece at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from obs2seq.domain.exploding import IS_REPEAT
from obs2seq.domain.spec import IS_NEW, IS_PAD, N_OBSERVATIONS, SequenceSpec
from obs2seq.kernel.columns import Array, flags_of, plain
from obs2seq.loading.data import SequenceData
from obs2seq.report.activity import Activity, activity_tally
from obs2seq.report.counting import COUNT, VALUE, counted, merged, summed
from obs2seq.report.samples import Sample, samples_of
from obs2seq.report.values import Values, tally_for

_FEW = 128


@dataclass(frozen=True)
class LengthBar:
    """How many there are of some lengths."""

    first: int
    last: int
    count: int

    @property
    def label(self) -> str:
        """The lengths, such as `4` or `4 to 7`."""
        return f"{self.first:,}" if self.first == self.last else f"{self.first:,} to {self.last:,}"

    @property
    def row(self) -> tuple[str, int]:
        """What a table has."""
        return self.label, self.count


@dataclass(frozen=True)
class Lengths:
    """How many there are of each number of observations; both of the same shape."""

    observations: Array
    counts: Array

    @property
    def total(self) -> int:
        """How many there are in all."""
        return int(self.counts.sum())

    @property
    def sum(self) -> int:
        """How many observations they have together."""
        return int((self.observations * self.counts).sum())

    @property
    def mean(self) -> float:
        """How many observations one of them has on average."""
        return self.sum / self.total if self.total else 0.0

    @property
    def most(self) -> int:
        """How many observations the longest has."""
        return int(self.observations.max(initial=0))

    @property
    def bars(self) -> list[LengthBar]:
        """How many there are of each length from 1 on, or, where they go beyond 128, of each doubling."""
        most = max(self.most, 1)
        edges = np.arange(1, most + 2) if most <= _FEW else 2 ** np.arange(most.bit_length() + 1)
        counts, _ = np.histogram(self.observations, edges, weights=self.counts)
        bounds = edges.tolist()
        return [
            LengthBar(first, end - 1, int(count))
            for first, end, count in zip(bounds[:-1], bounds[1:], counts, strict=True)
        ]


@dataclass(frozen=True)
class SubsetFigures:
    """The figures of one subset."""

    subset: str
    sequences: int
    positions: int
    """Elements of one array in all sequences."""
    real: int
    """Of these, how many are no padding."""
    histories: Lengths
    """Pupils by the number of their observations."""
    windows: Lengths
    """Sequences by the number of theirs."""
    values: Sequence[Values]
    """Of each feature, in the order of the specification."""
    activity: Activity | None
    """Where a feature holds the time, and as a date, a timestamp or a whole number."""
    samples: Sequence[Sample]
    repeats: int | None = None
    """Of the real ones, how many repeat an observation whose answer stands before; None where nothing is exploded."""

    @property
    def pupils(self) -> int:
        """How many there are."""
        return self.histories.total

    @property
    def new(self) -> int:
        """How many observations there are, each once."""
        return self.histories.sum

    @property
    def padding(self) -> float:
        """The share of positions that hold no observation."""
        return 1 - self.real / self.positions if self.positions else 0.0

    @property
    def repeated(self) -> float:
        """The share of real positions that stand in an earlier sequence too."""
        return 1 - self.new / self.real if self.real else 0.0

    @property
    def repeating(self) -> float | None:
        """The share of real positions that repeat an observation; None: nothing is exploded."""
        if self.repeats is None:
            return None
        return self.repeats / self.real if self.real else 0.0


def figures_of(subset: str, data: SequenceData) -> SubsetFigures:
    """Read a subset's sequences once; memory holds its pupils, and the counts of values.

    Args:
        subset: Its name.
        data: Its sequences.
    """
    spec = data.spec
    tallies = [tally_for(feature, spec, data.manifest.columns[feature.output]) for feature in spec.features]
    pupils: list[pa.Table] = []
    windows: list[pa.Table] = []
    time = spec.time_feature
    activity = activity_tally(spec, data.manifest.columns[time.output] if time else None)
    samples: Sequence[Sample] = ()
    repeats = 0
    columns = (spec.pupil, N_OBSERVATIONS, IS_PAD, IS_NEW, *(feature.output for feature in spec.features))
    for table in data.tables(columns):
        is_real = ~flags_of(table, IS_PAD)
        is_new = flags_of(table, IS_NEW) & is_real
        for tally in tallies:
            tally.add(table.column(tally.feature.output), is_new, is_real)
        pupils.append(_new_by_pupil(table, spec, is_new))
        windows.append(counted(table.column(N_OBSERVATIONS)))
        is_repeat = np.zeros_like(is_new) if spec.explode is None else flags_of(table, IS_REPEAT.output)
        repeats += int(is_repeat.sum())
        if time and activity:
            activity.add(table.column(time.output), is_new & ~is_repeat)
        samples = samples or samples_of(table, spec)
    histories = _lengths(merged(pupils).column(COUNT))
    lengths = merged(windows)
    windows_ = Lengths(lengths.column(VALUE).to_numpy(), lengths.column(COUNT).to_numpy())
    return SubsetFigures(
        subset=subset,
        sequences=len(data),
        positions=len(data) * spec.sequence_length,
        real=windows_.sum,
        histories=histories,
        windows=windows_,
        values=[tally.values() for tally in tallies],
        activity=activity.activity() if activity else None,
        samples=samples,
        repeats=None if spec.explode is None else repeats,
    )


def _new_by_pupil(table: pa.Table, spec: SequenceSpec, is_new: Array) -> pa.Table:
    """Return how many new observations each pupil has in these sequences."""
    new = is_new.reshape(-1, spec.sequence_length).sum(axis=1)
    rows = pa.table({VALUE: plain(table.column(spec.pupil)), COUNT: pa.array(new, pa.int64())})
    return summed(rows)


def _lengths(observations: pa.ChunkedArray) -> Lengths:
    """Count how many pupils have each number of observations."""
    found, counts = np.unique(observations.to_numpy(), return_counts=True)
    return Lengths(found, counts)
