"""Sessions and the windows over them to pairs of Parquet files, several pairs at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

import pyarrow as pa

from obs2seq.domain.layouts import SESSIONS, WINDOWS
from obs2seq.domain.locations import join
from obs2seq.kernel.indexed import SESSION
from obs2seq.warehouses.arrow.batches import IndexedBatch
from obs2seq.warehouses.arrow.writing import ROW_GROUP_ELEMENTS, FileWriters, OpenFile

OBSERVATIONS = 1 << 20
"""Observations in a row group of sessions, which readers hold as a whole, unless one session has more."""
ELEMENTS = 1 << 22
"""Elements of an array that the windows of a row group expand to."""


class IndexedWriters(FileWriters):
    """Open pairs of files in a run's folder: `sessions/part-….parquet`, and `windows/` of the same name.

    Args:
        location: The run's folder; made with the first pair.
        compression: snappy, zstd, gzip or none.
        schema: Of the sequences that the files stand for.
        tables: The schemas of sessions and of windows.
        sequence_length: L.
        name: What the files' names start with.
    """

    def __init__(
        self,
        location: str,
        compression: str,
        schema: pa.Schema,
        tables: tuple[pa.Schema, pa.Schema],
        sequence_length: int,
        name: str = "part",
    ) -> None:
        super().__init__(location, compression, schema, 1, name)
        self._tables, self._window_rows = tables, max(ELEMENTS // sequence_length, 1)

    def write(self, batches: Iterable[IndexedBatch], row_group_elements: int = ROW_GROUP_ELEMENTS) -> None:
        """Write batches, in row groups of their own; any number of threads may do so at the same time."""
        for group in _row_groups(batches, min(row_group_elements, OBSERVATIONS)):
            with self._file() as pair:
                pair.write(group)

    def _new(self) -> Any:
        name = f"{self._name}-{len(self.rows) // 2:05d}.parquet"
        pair = _OpenPair(self._location, name, self._tables, self._compression, self._window_rows)
        self.rows |= pair.written
        return pair


class _OpenPair:
    """A file of sessions, and the one of windows over them."""

    def __init__(
        self, location: str, name: str, tables: tuple[pa.Schema, pa.Schema], compression: str, window_rows: int
    ) -> None:
        self.values, self._name, self._window_rows = 0, name, window_rows
        self._sessions = OpenFile(join(location, SESSIONS), name, tables[0], compression)
        # Numbers that mostly count up: a few bits each, whatever the compression.
        encoding = dict.fromkeys(tables[1].names, "DELTA_BINARY_PACKED")
        self._windows = OpenFile(
            join(location, WINDOWS), name, tables[1], compression, use_dictionary=False, column_encoding=encoding
        )

    @property
    def written(self) -> dict[str, int]:
        """How many rows each file holds by now, by its path in the run's folder."""
        return {SESSIONS + self._name: self._sessions.rows, WINDOWS + self._name: self._windows.rows}

    def write(self, batches: list[IndexedBatch]) -> None:
        """Append sessions as a row group, and the windows over them as several."""
        n_sessions = [len(batch.sessions) for batch in batches]
        firsts = accumulate(n_sessions, initial=self._sessions.rows)
        windows = pa.concat_tables(
            [_moved(batch.windows, first) for batch, first in zip(batches, firsts, strict=False)]
        )
        self._sessions.write(pa.concat_tables([batch.sessions for batch in batches]))
        for start in range(0, len(windows), self._window_rows):
            self._windows.write(windows.slice(start, self._window_rows))
        self.values += len(windows) + sum(batch.observations for batch in batches)

    def close(self) -> None:
        self._sessions.close()
        self._windows.close()


def _moved(windows: pa.Table, first_session: int) -> pa.Table:
    """Let windows count sessions from the first in the file."""
    sessions = pa.array(windows.column(SESSION).to_numpy() + first_session)
    return windows.set_column(windows.column_names.index(SESSION), SESSION, sessions)


def _row_groups(batches: Iterable[IndexedBatch], observations: int) -> Iterator[list[IndexedBatch]]:
    """Collect batches until they hold so many observations."""
    waiting: list[IndexedBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(each.observations for each in waiting) >= observations:
            yield waiting
            waiting = []
    if waiting:
        yield waiting
