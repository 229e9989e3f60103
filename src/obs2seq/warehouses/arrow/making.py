"""What is made of the observations of some pupils: rows of the output, piece by piece."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from obs2seq.domain.derived import derived_features
from obs2seq.domain.job import Job
from obs2seq.domain.split_times import TimeRange
from obs2seq.kernel.columns import Array
from obs2seq.kernel.lists import count_elements
from obs2seq.kernel.schema import find_columns
from obs2seq.kernel.sequencing import Counts, plan_sequences, required_schema
from obs2seq.kernel.whole_rows import order_rows, require_scalars
from obs2seq.warehouses.arrow.shares import Times
from obs2seq.warehouses.arrow.writing import FileWriters

_ROWS_AT_A_TIME = 1 << 16


@dataclass(frozen=True)
class Made:
    """Rows of the output that are laid out, and made when they are asked for.

    Args:
        count: How many there are.
        counts: What became of the observations.
        batches: Makes the rows from one number up to another; any thread may ask for any.
        ends: How many values of a column there are up to each row's end, where rows have different lengths.
    """

    count: int
    counts: Counts
    batches: Callable[[int, int], Iterator[Any]]
    ends: Array | None = None

    def values(self, width: int) -> int:
        """Return how many values a column has in all; so many a row, where rows have equal lengths."""
        return self.count * width if self.ends is None else int(self.ends[-1:].sum())

    def parts(self, count: int) -> Iterator[tuple[int, int]]:
        """Cut the rows into so many parts of about as many values; some may be empty."""
        if self.ends is None:
            bounds = [self.count * number // count for number in range(count + 1)]
        else:
            inner = [self.values(1) * number // count for number in range(1, count)]
            bounds = [0, *np.searchsorted(self.ends, inner, side="right").tolist(), self.count]
        return pairwise(bounds)


class Maker(ABC):
    """Makes one kind of output."""

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """The columns of the output."""

    @property
    @abstractmethod
    def stride(self) -> int:
        """How many observations lie between two rows of the output, where rows are windows; else 0."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many values of a column stand in one row of the output, at the most."""

    def writers(self, location: str, compression: str, name: str = "part") -> FileWriters:
        """Return what writes what is made into a folder, to files whose names start with a name."""
        return FileWriters(location, compression, self.schema, self.width, name)

    @property
    def derived(self) -> int:
        """How many things are derived from the observations before each."""
        return 0

    @property
    def counted(self) -> str:
        """What `elements` counts."""
        return "observations"

    def elements(self, observations: pa.Table) -> int:
        """Return how many elements observations are taken apart into: as many as they are, where none is."""
        return len(observations)

    @abstractmethod
    def make(self, observations: pa.Table, pool: Executor) -> Made:
        """Lay out what is made of all observations of some pupils."""


class MakerAround(Maker):
    """Does something beside what another makes, and goes by it in all else.

    Args:
        maker: The other.
    """

    def __init__(self, maker: Maker) -> None:
        self._maker = maker

    @property
    def schema(self) -> pa.Schema:
        return self._maker.schema

    @property
    def stride(self) -> int:
        return self._maker.stride

    @property
    def width(self) -> int:
        return self._maker.width

    @property
    def derived(self) -> int:
        return self._maker.derived

    @property
    def counted(self) -> str:
        return self._maker.counted

    def elements(self, observations: pa.Table) -> int:
        return self._maker.elements(observations)


class SequenceMaker(Maker):
    """Makes the contract's sequences.

    Args:
        job: What to make.
        observations: The columns to come.
        context: The range of time before which observations are context; None: none is.

    Raises:
        DataError: A column is no scalar.
        SpecificationError: The specification does not fit the columns.
    """

    def __init__(self, job: Job, observations: pa.Schema, context: TimeRange | None = None) -> None:
        self._spec, self._drops = job.spec, job.duplicates == "drop"
        self._times = Times(context, observations) if context else None
        self._schema = required_schema(observations.empty_table(), job.spec)

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    @property
    def stride(self) -> int:
        return self._spec.stride

    @property
    def width(self) -> int:
        return self._spec.sequence_length

    @property
    def derived(self) -> int:
        return len(derived_features(self._spec))

    @property
    def counted(self) -> str:
        return "observations" if self._spec.explode is None else "elements"

    def elements(self, observations: pa.Table) -> int:
        if self._spec.explode is None:
            return len(observations)
        column = find_columns(observations, (self._spec.explode,))[self._spec.explode]
        return count_elements(column, self._spec.explode_delimiter)

    def make(self, observations: pa.Table, pool: Executor) -> Made:
        is_context = self._times.is_context(observations) if self._times else None
        plan = plan_sequences(observations, self._spec, pool, drops_duplicates=self._drops, is_context=is_context)

        def batches(start: int, stop: int) -> Iterator[pa.RecordBatch]:
            return (plan.batch(piece) for piece in plan.pieces(start, stop))

        return Made(len(plan), plan.counts, batches)


class ObservationMaker(Maker):
    """Makes whole observations, each pupil's together and in order.

    Args:
        job: What to make.
        observations: The columns to come, in the order of the output.

    Raises:
        DataError: A column of the specification is no scalar.
    """

    def __init__(self, job: Job, observations: pa.Schema) -> None:
        self._spec, self._drops, self._schema = job.spec, job.duplicates == "drop", observations
        require_scalars(observations.empty_table(), job.spec)

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    @property
    def stride(self) -> int:
        return 0

    @property
    def width(self) -> int:
        return 1

    def make(self, observations: pa.Table, pool: Executor) -> Made:
        rows, is_repeated = order_rows(observations, self._spec, pool)
        n_repeated = int(np.count_nonzero(is_repeated))
        kept = rows[~is_repeated] if self._drops else rows
        table = observations.combine_chunks()

        def batches(start: int, stop: int) -> Iterator[pa.RecordBatch]:
            for first in range(start, stop, _ROWS_AT_A_TIME):
                taken = table.take(pa.array(kept[first : min(first + _ROWS_AT_A_TIME, stop)]))
                yield from taken.combine_chunks().to_batches()

        return Made(len(kept), Counts(n_repeated, 0, 0, len(kept)), batches)


def maker_for(kind: str, job: Job, observations: pa.Schema, context: TimeRange | None = None) -> Maker:
    """Return what makes sequences in the job's layout, or observations in order."""
    if kind == "observations":
        return ObservationMaker(job, observations)
    if job.layout == "expanded":
        return SequenceMaker(job, observations, context)
    from obs2seq.warehouses.arrow.indexed_making import IndexedMaker

    return IndexedMaker(job, observations)
