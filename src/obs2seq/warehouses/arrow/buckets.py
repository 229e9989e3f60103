"""Observations in temporary files, parted by pupil: each file holds all of some pupils."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa

from obs2seq.warehouses.arrow.hashing import groups_of

_BUFFER = 1 << 16


class Bucket:
    """One temporary file, in Arrow's stream format.

    Args:
        path: The file, which does not exist yet.
        schema: Of the tables to come.
        count: Tells as how many a table's rows are to be counted in `elements`.
    """

    def __init__(self, path: Path, schema: pa.Schema, count: Callable[[pa.Table], int] = len) -> None:
        self.path, self.rows, self.size, self.elements = path, 0, 0, 0
        self._schema, self._count = schema, count
        self._lock = Lock()
        self._sink = pa.BufferedOutputStream(pa.OSFile(str(path), "wb"), _BUFFER)
        self._writer = pa.ipc.new_stream(self._sink, schema)

    def add(self, table: pa.Table) -> None:
        """Append rows."""
        with self._lock:
            self._writer.write_table(table)
            self.rows += len(table)
            self.elements += self._count(table)
            self.size += table.nbytes

    def finish(self) -> None:
        """Write what is still held back; nothing can be added then."""
        self._writer.close()
        self._sink.close()

    def read(self) -> pa.Table:
        """Return all rows; their memory is the file's."""
        with pa.memory_map(str(self.path)) as source:
            return pa.ipc.open_stream(source).read_all()

    def tables(self) -> Iterator[pa.Table]:
        """Return the rows a few at a time."""
        with pa.OSFile(str(self.path)) as source:
            for batch in pa.ipc.open_stream(source):
                yield pa.Table.from_batches([batch])

    def remove(self) -> None:
        """Give the disk back."""
        self.path.unlink(missing_ok=True)


class Buckets:
    """Files that part observations by pupil; any number of threads may add to them at the same time.

    Args:
        folder: Where the files lie.
        schema: Of the observations.
        pupil: The column that names the pupils.
        count: How many files.
        level: How often the observations have been parted before.
        elements: Tells as how many observations some of them are to be counted.
    """

    def __init__(
        self,
        folder: Path,
        schema: pa.Schema,
        pupil: str,
        count: int,
        level: int = 0,
        elements: Callable[[pa.Table], int] = len,
    ) -> None:
        self._pupil, self.level = pupil, level
        folder.mkdir(exist_ok=True)
        self.parts = [Bucket(folder / f"{number:05d}.arrows", schema, elements) for number in range(count)]

    def add(self, table: pa.Table) -> None:
        """Put each row into its pupil's file."""
        for number, part in parted(table, self._pupil, len(self.parts), self.level):
            self.parts[number].add(part)

    def finish(self) -> None:
        """Close all files for writing."""
        for bucket in self.parts:
            bucket.finish()


def parted(table: pa.Table, pupil: str, count: int, level: int) -> Iterator[tuple[int, pa.Table]]:
    """Yield the rows of each group of pupils that has some, with the group's number, from 0 to below `count`.

    Args:
        table: The rows.
        pupil: The column that names the pupils.
        count: How many groups there are.
        level: Tells which of several ways to part them.
    """
    if len(table) == 0:
        return
    table = table.combine_chunks()
    groups = groups_of(table.column(pupil), count, level)
    bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(groups, minlength=count))])
    ordered = table.take(pa.array(np.argsort(groups, kind="stable")))
    for number in np.flatnonzero(np.diff(bounds)).tolist():
        yield number, _compact(ordered.slice(bounds[number], bounds[number + 1] - bounds[number]))


def _compact(table: pa.Table) -> pa.Table:
    """Leave out of large dictionaries what no row needs: each part would be written with the whole of them."""
    for index, name in enumerate(table.column_names):
        column = table.column(index)
        if pa.types.is_dictionary(column.type) and any(len(chunk.dictionary) > len(chunk) for chunk in column.chunks):
            table = table.set_column(index, name, column.cast(column.type.value_type).dictionary_encode())
    return table
