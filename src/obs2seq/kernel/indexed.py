"""The indexed layout: each session once, and a table of the windows over them; windows overlap without copies."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from obs2seq.domain.spec import FIRST_POSITION, N_OBSERVATIONS, SEQUENCE_INDEX, SESSION_INDEX, SequenceSpec
from obs2seq.errors import SpecificationError
from obs2seq.kernel.columns import Array
from obs2seq.kernel.gathering import Gatherer, PaddedFeature
from obs2seq.kernel.sequencing import plan_sequences

SESSION = "session"
FIRST_NEW_POSITION = "first_new_position"

LONGEST = 1 << 18
"""Observations after which a session goes on in another row, or sixteen windows where that is more."""

_PIECE = 1 << 20
"""Observations that are written into lists at a time: Arrow's offsets count the bytes of their texts."""


def held_column(column: str) -> str:
    """Return the name under which the sessions' table holds an input column."""
    return f"{column}_session"


def indexed_tables(table: pa.Table, spec: SequenceSpec, *, threads: int = 2) -> tuple[pa.Table, pa.Table]:
    """Make the sequences of pupils' raw observations in the indexed layout, in memory and without an engine.

    Together the tables say what `sequence_table` says of the same observations, and `expanded` returns just that. What
    no kept window shows, and no shift reads from one, is in neither.

    Args:
        table: As for `sequence_table`.
        spec: As for `sequence_table`.
        threads: How many threads read columns at the same time.

    Returns:
        Sessions, one row each, by pupil and session: the pupil; session_index; first_position, that of the first
        observation held; n_observations, how many are held; and for each column that a feature reads
        `<column>_session`, a list of its values as they were, nulls included, without shift and padding. A session of
        more than `LONGEST` observations has several rows, which overlap by what windows on either side read.

        Windows, one row a sequence, in the order of `sequence_table`: session (int64), the row in the other table;
        sequence_index, first_position, n_observations as in the sequence; first_new_position, from which on its
        observations stand in no earlier window.

    Raises:
        DataError: As `sequence_table`.
        SpecificationError: As `sequence_table`; or the pupil's column has the name of a list.
    """
    require_list_names(spec)
    with ThreadPoolExecutor(threads) as pool:
        plan = IndexedPlan.of(plan_sequences(table, spec, pool).gatherer)
    return plan.sessions(0, len(plan)), plan.windows(0, len(plan))


@dataclass(frozen=True)
class IndexedPlan:
    """Sessions and windows that are laid out; their tables are made for some sessions at a time, on any thread.

    Args:
        gatherer: Knows all windows, in order.
        bounds: The first window of each row of sessions, and the number of all windows.
        first: The position of each row's first observation in its session.
        counts: How many observations each row holds.
    """

    gatherer: Gatherer
    bounds: Array
    first: Array
    counts: Array

    @classmethod
    def of(cls, gatherer: Gatherer) -> "IndexedPlan":
        """Hold what the kept windows show, and what shifts read from them."""
        windows = gatherer.windows
        starts = _row_starts(gatherer)
        bounds = np.append(starts, len(windows))
        last = bounds[1:] - 1
        shifts = [feature.shift for feature in gatherer.features]
        first = np.maximum(windows.first_position[starts] + min(0, *shifts), 0)
        stop = windows.first_position[last] + windows.n_observations[last] + max(0, *shifts)
        counts = np.minimum(stop, gatherer.sessions.length[windows.session[starts]]) - first
        return cls(gatherer, bounds, first, counts)

    def __len__(self) -> int:
        return len(self.counts)

    def sessions(self, start: int, stop: int) -> pa.Table:
        """Return some rows of sessions, as `indexed_tables` describes them."""
        gatherer, first, counts = self.gatherer, self.first[start:stop], self.counts[start:stop]
        session = gatherer.windows.session[self.bounds[start:stop]]
        place = gatherer.sessions.start[session]
        columns = {
            gatherer.spec.pupil: gatherer.pupils.take(gatherer.order[place]),
            SESSION_INDEX: pa.array(gatherer.sessions.index[session].astype(np.int32)),
            FIRST_POSITION: pa.array(first.astype(np.int32)),
            N_OBSERVATIONS: pa.array(counts.astype(np.int32)),
        }
        held = {
            held_column(feature.column): padded
            for feature, padded in zip(gatherer.spec.features, gatherer.features, strict=True)
        }
        lists = {name: _lists(padded, gatherer.order, place + first, counts) for name, padded in held.items()}
        return pa.table(columns | lists)

    def windows(self, start: int, stop: int) -> pa.Table:
        """Return the windows over some rows of sessions, which count from the first of these."""
        windows, bounds = self.gatherer.windows, self.bounds[start : stop + 1]
        piece = slice(bounds[0], bounds[-1])
        first, n = windows.first_position[piece], windows.n_observations[piece]
        numbers = {
            SEQUENCE_INDEX: windows.sequence_index[piece],
            FIRST_POSITION: first,
            N_OBSERVATIONS: n,
            FIRST_NEW_POSITION: first + n - windows.n_new[piece],
        }
        session = pa.array(np.repeat(np.arange(stop - start), np.diff(bounds)))
        return pa.table({SESSION: session} | {name: pa.array(each.astype(np.int32)) for name, each in numbers.items()})


def require_list_names(spec: SequenceSpec) -> None:
    """Raise `SpecificationError` where the pupil's column has the name of a list."""
    taken = [name for name in (held_column(f.column) for f in spec.features) if name.lower() == spec.pupil.lower()]
    if taken:
        problem = f"expected another name than '{taken[0]}', which the indexed layout gives to a list"
        raise SpecificationError("pupil", problem, "rename the column, or set layout: expanded")


def _row_starts(gatherer: Gatherer) -> Array:
    """Return the first window of each session that has any, and of each further stretch of a long one."""
    windows = gatherer.windows
    stretch = windows.first_position // max(LONGEST, 16 * gatherer.spec.sequence_length)
    is_start = np.ones(len(windows), bool)
    is_start[1:] = (np.diff(windows.session) != 0) | (np.diff(stretch) != 0)
    return np.flatnonzero(is_start)


def _lists(padded: PaddedFeature, order: Array, start: Array, counts: Array) -> pa.ChunkedArray:
    """Return lists of the ordered values from each start on; as many sessions to a chunk as it may have values."""
    ends = np.cumsum(counts)
    chunks, done = [], 0
    while done < len(counts):
        before = ends[done - 1] if done else 0
        stop = max(int(np.searchsorted(ends, before + _PIECE, side="right")), done + 1)
        chunks.append(_chunk(padded, order, start[done:stop], counts[done:stop]))
        done = stop
    return pa.chunked_array(chunks, pa.list_(padded.column.take(np.zeros(0, np.int64)).type))


def _chunk(padded: PaddedFeature, order: Array, start: Array, counts: Array) -> pa.Array:
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    places = np.arange(offsets[-1]) + np.repeat(start - offsets[:-1], counts)
    values = padded.column.take(places if padded.is_placed else order[places])
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values)
