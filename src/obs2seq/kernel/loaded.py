"""The columns of a table as numbers, read on several threads."""

from concurrent.futures import Executor

import pyarrow as pa

from obs2seq.domain.spec import SequenceSpec
from obs2seq.kernel.columns import Column, load, load_pupils
from obs2seq.kernel.exploding import exploded_columns
from obs2seq.kernel.lists import Lists, load_lists


class LoadedColumns:
    """Columns by name, read on the pool; those that ties may never reach are read when they do.

    Args:
        chunks: All columns that may be read.
        spec: Which of them will be, in any case.
        pool: Where they are read.
    """

    def __init__(self, chunks: dict[str, pa.ChunkedArray], spec: SequenceSpec, pool: Executor) -> None:
        self._chunks, self._pool = chunks, pool
        self._loads = {spec.pupil: pool.submit(load_pupils, chunks[spec.pupil])}
        apart = exploded_columns(spec, chunks)
        self._lists = {name: pool.submit(load_lists, chunks[name], spec.explode_delimiter) for name in apart}
        read = {spec.order_by[0], *(name for feature in spec.features for name in feature.reads)}
        for name in read - {spec.pupil, *apart}:
            self._loads[name] = pool.submit(load, chunks[name])

    def __getitem__(self, name: str) -> Column:
        if name not in self._loads:
            self._loads[name] = self._pool.submit(load, self._chunks[name])
        return self._loads[name].result()

    def lists(self) -> dict[str, Lists]:
        """Return the columns that are taken apart, by name."""
        return {name: loaded.result() for name, loaded in self._lists.items()}

    def order_of(self, name: str) -> Column | Lists:
        """Return what orders rows by a column."""
        return self._lists[name].result() if name in self._lists else self[name]

    def __len__(self) -> int:
        return max(len(chunks) for chunks in self._chunks.values())
