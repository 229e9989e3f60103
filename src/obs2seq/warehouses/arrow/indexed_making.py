"""Makes the contract's sequences in the indexed layout: sessions once, and windows over them, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from functools import partial

import numpy as np
import pyarrow as pa

from obs2seq.domain.job import Job
from obs2seq.kernel.indexed import IndexedPlan, indexed_tables
from obs2seq.kernel.sequencing import plan_sequences
from obs2seq.warehouses.arrow.batches import IndexedBatch
from obs2seq.warehouses.arrow.indexed_writing import IndexedWriters
from obs2seq.warehouses.arrow.making import Made, SequenceMaker

OBSERVATIONS_AT_A_TIME = 1 << 18


class IndexedMaker(SequenceMaker):
    """Lays out sequences as `SequenceMaker` does, and makes them as sessions and windows.

    What it makes is counted in rows of sessions. Its schema is that of the sequences that they stand for.

    Raises:
        SpecificationError: Also where the pupil's column has a name that the layout gives to a list.
    """

    def __init__(self, job: Job, observations: pa.Schema) -> None:
        super().__init__(job, observations)
        self._tables = tuple(table.schema for table in indexed_tables(observations.empty_table(), job.spec))

    @property
    def width(self) -> int:
        return 1

    def writers(self, location: str, compression: str, name: str = "part") -> IndexedWriters:
        return IndexedWriters(location, compression, self.schema, self._tables, self._spec.sequence_length, name)

    def make(self, observations: pa.Table, pool: Executor) -> Made:
        plan = plan_sequences(observations, self._spec, pool, drops_duplicates=self._drops)
        indexed = IndexedPlan.of(plan.gatherer)
        # A window costs less than an observation, which has a value in every column.
        return Made(len(indexed), plan.counts, partial(_batches, indexed), np.cumsum(indexed.counts))


def _batches(plan: IndexedPlan, start: int, stop: int) -> Iterator[IndexedBatch]:
    """Make the rows of sessions from one number up to another, so many that their observations fill a batch."""
    ends = np.cumsum(plan.counts[start:stop])
    done = 0
    while done < stop - start:
        before = int(ends[done - 1]) if done else 0
        upto = max(int(np.searchsorted(ends, before + OBSERVATIONS_AT_A_TIME, side="right")), done + 1)
        rows = start + done, start + upto
        yield IndexedBatch(plan.sessions(*rows), plan.windows(*rows), int(ends[upto - 1]) - before)
        done = upto
