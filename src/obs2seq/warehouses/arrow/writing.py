"""Rows to Parquet files: several at a time, each of a bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from obs2seq.domain.locations import join
from obs2seq.storage.filesystems import opened
from obs2seq.warehouses.arrow.failures import unwritable

FILE_ELEMENTS = 1 << 25
"""Values of one column after which a file is full: some 100 MB in all."""
ROW_GROUP_ELEMENTS = 1 << 21
_BATCH, _PAGE_BYTES = 1 << 16, 1 << 18


class FileWriters:
    """Open Parquet files in a folder: each thread that writes gets one of its own, and a full one is closed.

    Args:
        location: The folder; made with the first file.
        compression: snappy, zstd, gzip or none.
        schema: Of all rows.
        width: How many values of a column stand in one row, at the most.
        name: What the files' names start with: who else writes into the folder needs another one.
    """

    def __init__(self, location: str, compression: str, schema: pa.Schema, width: int, name: str = "part") -> None:
        self._location, self._compression, self._width, self._name = location, compression, width, name
        self.schema = schema
        self._lock = Lock()
        self._idle: list[Any] = []
        self.rows: dict[str, int] = {}
        """How many rows each file holds, by its name."""

    def write(self, batches: Iterable[pa.RecordBatch], row_group_elements: int = ROW_GROUP_ELEMENTS) -> None:
        """Write batches, in row groups of their own; any number of threads may do so at the same time."""
        for table in _row_groups(batches, max(row_group_elements // self._width, 1)):
            with self._file() as file:
                file.write(table)

    def close(self) -> None:
        """Finish all files."""
        with self._lock:
            while self._idle:
                self._finish(self._idle.pop())

    @contextmanager
    def _file(self) -> Iterator[Any]:
        """Lend a file that no other thread writes to."""
        with self._lock:
            file = self._idle.pop() if self._idle else self._new()
        yield file
        with self._lock:
            if file.values >= FILE_ELEMENTS:
                self._finish(file)
            else:
                self._idle.append(file)

    def _new(self) -> Any:
        name = f"{self._name}-{len(self.rows):05d}.parquet"
        self.rows[name] = 0
        return OpenFile(self._location, name, self.schema, self._compression, self._width)

    def _finish(self, file: Any) -> None:
        file.close()
        self.rows |= file.written


class OpenFile:
    """A Parquet file that is being written.

    Args:
        location: Its folder; made where it is not there.
        name: Of the file.
        schema: Of all rows.
        compression: snappy, zstd, gzip or none.
        width: How many values of a column stand in one row.
        options: Further ones of `ParquetWriter`.
    """

    def __init__(
        self, location: str, name: str, schema: pa.Schema, compression: str, width: int = 1, **options: Any
    ) -> None:
        self.name, self.rows, self._width = name, 0, width
        self._where = join(location, name)
        filesystem, path = opened(self._where)
        with unwritable(self._where):
            filesystem.create_dir(opened(location)[1], recursive=True)
            self._writer = pq.ParquetWriter(
                path,
                schema,
                filesystem=filesystem,
                compression=compression,
                # Types as Parquet has them: what is coded in memory is plain text to readers.
                store_schema=False,
                write_page_checksum=True,
                # A twentieth of the time less than with Arrow's own.
                write_batch_size=_BATCH,
                data_page_size=_PAGE_BYTES,
                # Of what stands in lists nobody asks the least and the greatest: an eighth of the time is saved.
                write_statistics=[field.name for field in schema if not pa.types.is_nested(field.type)],
                **options,
            )

    @property
    def values(self) -> int:
        """How many values of a column it holds by now."""
        return self.rows * self._width

    @property
    def written(self) -> dict[str, int]:
        """How many rows it holds by now, by its name."""
        return {self.name: self.rows}

    def write(self, table: pa.Table) -> None:
        """Append rows as a row group."""
        with unwritable(self._where):
            self._writer.write_table(table, row_group_size=max(len(table), 1))
        self.rows += len(table)

    def close(self) -> None:
        """Finish the file."""
        with unwritable(self._where):
            self._writer.close()


def _row_groups(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= rows:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)
