"""The fold of each pupil, beside what is made of the pupil's observations."""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.domain.job import Job
from obs2seq.domain.splits import FOLD, Folds, require_no_fold
from obs2seq.warehouses.arrow.making import Made, Maker
from obs2seq.warehouses.arrow.shares import column_name
from obs2seq.warehouses.arrow.spark_text import spark_text
from obs2seq.warehouses.subsets import folds_of as job_folds


class FoldMaker(Maker):
    """Adds `fold` after the columns of what another makes.

    Args:
        maker: Makes them.
        pupil: The column that names the pupil.
        folds: How many there are.

    Raises:
        ConfigurationError: There is a column of that name.
    """

    def __init__(self, maker: Maker, pupil: str, folds: Folds) -> None:
        require_no_fold(maker.schema.names)
        self._maker, self._folds = maker, folds
        self._pupil = column_name(maker.schema, pupil)

    @property
    def schema(self) -> pa.Schema:
        return self._maker.schema.append(pa.field(FOLD, pa.int32()))

    @property
    def stride(self) -> int:
        return self._maker.stride

    @property
    def width(self) -> int:
        return self._maker.width

    @property
    def derived(self) -> int:
        return self._maker.derived

    def make(self, observations: pa.Table, pool: Executor) -> Made:
        made = self._maker.make(observations, pool)

        def batches(start: int, stop: int) -> Iterator[pa.RecordBatch]:
            return map(self._folded, made.batches(start, stop))

        return replace(made, batches=batches)

    def _folded(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        folds = folds_of(batch.column(self._pupil), self._folds)
        return pa.RecordBatch.from_arrays([*batch.columns, folds], schema=self.schema)


def maker_with_folds(maker: Maker, job: Job) -> Maker:
    """Return a maker that adds folds to what another makes, where a job has some."""
    folds = job_folds(job)
    return FoldMaker(maker, job.spec.pupil, folds) if folds else maker


def folds_of(pupils: pa.Array, folds: Folds) -> pa.Array:
    """Return each pupil's fold; none is null."""
    codes = pupils if pa.types.is_dictionary(pupils.type) else _as_one(pupils).dictionary_encode()
    # The dictionary may name the pupils of the whole run; few of them stand here.
    here, places = np.unique(codes.indices.to_numpy(), return_inverse=True)
    texts = spark_text(codes.dictionary.take(pa.array(here)), "the pupils")
    numbers = np.fromiter((folds.of(text) for text in texts), np.int32, len(texts))
    return pa.array(numbers[places.ravel()])


def _as_one(pupils: pa.Array) -> pa.Array:
    """Take the pupils -0.0 and 0.0 for one, which they are."""
    return pc.add(pupils, pa.scalar(0.0, pupils.type)) if pa.types.is_floating(pupils.type) else pupils
