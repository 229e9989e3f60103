"""The pieces of the indexed layout: row groups of windows, expanded as they are read."""

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import accumulate

import pyarrow as pa

from obs2seq.domain.layouts import SESSIONS, WINDOWS
from obs2seq.domain.spec import FIRST_POSITION, N_OBSERVATIONS, SESSION_INDEX, SequenceSpec
from obs2seq.kernel.expanding import expanded
from obs2seq.kernel.indexed import SESSION, held_column
from obs2seq.loading.pieces import ParquetFiles, Piece, Pieces

_Group = tuple[str, int, tuple[str, ...], bool]


class IndexedPieces(Pieces):
    """Sequences that are gathered from sessions: a row group of windows is a piece.

    Row groups of sessions stay in memory, a few more than threads, as neighbouring windows read the same.

    Args:
        sessions: The files of sessions.
        windows: The files of windows, in the same order.
        spec: What they were made by.
        threads: How many pieces will be read at a time.
    """

    def __init__(self, sessions: ParquetFiles, windows: ParquetFiles, spec: SequenceSpec, threads: int) -> None:
        self._sessions, self._windows, self._spec = sessions, windows, spec
        self._recent: OrderedDict[_Group, pa.Table] = OrderedDict()
        self._most = threads + 1
        self._lock = threading.Lock()

    @cached_property
    def pieces(self) -> Sequence[Piece]:
        return self._windows.row_groups

    @cached_property
    def schema(self) -> pa.Schema:
        sessions, windows = self._sessions.schema.empty_table(), self._windows.schema.empty_table()
        return expanded(sessions, windows, self._spec).schema

    def read(self, piece: Piece, columns: Collection[str], *, codes: bool) -> pa.Table:
        spec = self._asked(columns)
        return expanded(*self._tables(piece, spec, codes=codes), spec, threads=1).select(list(columns))

    def read_parts(self, piece: Piece, columns: Collection[str], rows: int) -> Iterator[pa.Table]:
        batches = self.read(piece, columns, codes=True).to_batches(max_chunksize=rows)
        return (pa.table(batch) for batch in batches)

    def _asked(self, columns: Collection[str]) -> SequenceSpec:
        """Return the specification with only those features that are asked for."""
        asked = tuple(feature for feature in self._spec.features if feature.output in columns)
        return self._spec.model_copy(update={"features": asked})

    def _tables(self, piece: Piece, spec: SequenceSpec, *, codes: bool) -> tuple[pa.Table, pa.Table]:
        """Return some row groups of sessions, and the piece's windows over them."""
        names = self._windows.schema.names
        windows = self._windows.read(piece.location, piece.row_group, names, codes=False, threads=False)
        sessions, first_row = self._sessions_of(piece.location, windows.column(SESSION), spec, codes=codes)
        moved = pa.array(windows.column(SESSION).to_numpy() - first_row)
        return sessions, windows.set_column(names.index(SESSION), SESSION, moved)

    def _sessions_of(
        self, windows: str, rows: pa.ChunkedArray, spec: SequenceSpec, *, codes: bool
    ) -> tuple[pa.Table, int]:
        """Return the row groups that hold some sessions, and the row in the file that they begin with."""
        location = SESSIONS.join(windows.rsplit(WINDOWS, 1))
        footer = self._sessions.footers[location]
        ends = list(accumulate(footer.row_group(i).num_rows for i in range(footer.num_row_groups)))
        numbers = rows.to_numpy()
        first, last = bisect_right(ends, numbers.min()), bisect_right(ends, numbers.max())
        lists = dict.fromkeys(held_column(feature.column) for feature in spec.features)
        columns = (spec.pupil, SESSION_INDEX, FIRST_POSITION, N_OBSERVATIONS, *lists)
        groups = [self._group((location, group, columns, codes)) for group in range(first, last + 1)]
        return pa.concat_tables(groups), ends[first - 1] if first else 0

    def _group(self, group: _Group) -> pa.Table:
        """Return a row group of sessions, from memory where it has just been read."""
        location, row_group, columns, codes = group
        with self._lock:
            if group in self._recent:
                self._recent.move_to_end(group)
                return self._recent[group]
        table = self._sessions.read(location, row_group, columns, codes=codes, threads=False)
        with self._lock:
            self._recent[group] = table
            while len(self._recent) > self._most:
                self._recent.popitem(last=False)
        return table
