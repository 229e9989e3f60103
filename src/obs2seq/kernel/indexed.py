"""The indexed layout: each session once, and a table of the windows over them; windows overlap without copies."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from obs2seq.domain.spec import FIRST_POSITION, N_OBSERVATIONS, SEQUENCE_INDEX, SESSION_INDEX, SequenceSpec
from obs2seq.errors import SpecificationError
from obs2seq.kernel.columns import Array, Column
from obs2seq.kernel.gathering import Gatherer
from obs2seq.kernel.sequencing import plan_sequences

SESSION = "session"
FIRST_NEW_POSITION = "first_new_position"

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
        `<column>_session`, a list of its values as they were, nulls included, without shift and padding.

        Windows, one row a sequence, in the order of `sequence_table`: session (int64), the row in the other table;
        sequence_index, first_position, n_observations as in the sequence; first_new_position, from which on its
        observations stand in no earlier window.

    Raises:
        DataError: As `sequence_table`.
        SpecificationError: As `sequence_table`; or the pupil's column has the name of a list.
    """
    _require_names(spec)
    with ThreadPoolExecutor(threads) as pool:
        gatherer = plan_sequences(table, spec, pool).gatherer
    held = _held(gatherer)
    windows, row_of_session = gatherer.windows, np.cumsum(held.is_held) - 1
    n = windows.n_observations
    numbers = {
        SESSION: row_of_session[windows.session],
        SEQUENCE_INDEX: windows.sequence_index,
        FIRST_POSITION: windows.first_position,
        N_OBSERVATIONS: n,
        FIRST_NEW_POSITION: windows.first_position + n - windows.n_new,
    }
    return _sessions(gatherer, held), pa.table(
        {name: pa.array(values.astype(np.int64 if name == SESSION else np.int32)) for name, values in numbers.items()}
    )


@dataclass(frozen=True)
class _Held:
    """What of each session is held: whether anything, and the positions from the first to before the last."""

    is_held: Array
    first: Array
    stop: Array


def _held(gatherer: Gatherer) -> _Held:
    """Find what the kept windows show, and what shifts read from them."""
    windows, lengths = gatherer.windows, gatherer.sessions.length
    shifts = [feature.shift for feature in gatherer.features]
    first, stop = lengths.copy(), np.zeros_like(lengths)
    np.minimum.at(first, windows.session, windows.first_position + min(0, *shifts))
    np.maximum.at(stop, windows.session, windows.first_position + windows.n_observations + max(0, *shifts))
    is_held = np.zeros(len(lengths), bool)
    is_held[windows.session] = True
    return _Held(is_held, np.maximum(first, 0), np.minimum(stop, lengths))


def _sessions(gatherer: Gatherer, held: _Held) -> pa.Table:
    sessions, kept = gatherer.sessions, held.is_held
    first, counts = held.first[kept], (held.stop - held.first)[kept]
    start = sessions.start[kept]
    columns = {
        gatherer.spec.pupil: gatherer.pupils.take(gatherer.order[start]),
        SESSION_INDEX: pa.array(sessions.index[kept].astype(np.int32)),
        FIRST_POSITION: pa.array(first.astype(np.int32)),
        N_OBSERVATIONS: pa.array(counts.astype(np.int32)),
    }
    held_columns = {
        held_column(feature.column): padded.column
        for feature, padded in zip(gatherer.spec.features, gatherer.features, strict=True)
    }
    lists = {name: _lists(column, gatherer.order, start + first, counts) for name, column in held_columns.items()}
    return pa.table(columns | lists)


def _lists(column: Column, order: Array, start: Array, counts: Array) -> pa.ChunkedArray:
    """Return lists of the ordered values from each start on; as many sessions to a chunk as it may have values."""
    ends = np.cumsum(counts)
    chunks, done = [], 0
    while done < len(counts):
        before = ends[done - 1] if done else 0
        stop = max(int(np.searchsorted(ends, before + _PIECE, side="right")), done + 1)
        chunks.append(_chunk(column, order, start[done:stop], counts[done:stop]))
        done = stop
    return pa.chunked_array(chunks, pa.list_(column.take(np.zeros(0, np.int64)).type))


def _chunk(column: Column, order: Array, start: Array, counts: Array) -> pa.Array:
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    places = np.arange(offsets[-1]) + np.repeat(start - offsets[:-1], counts)
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), column.take(order[places]))


def _require_names(spec: SequenceSpec) -> None:
    taken = [name for name in (held_column(f.column) for f in spec.features) if name.lower() == spec.pupil.lower()]
    if taken:
        problem = f"expected another name than '{taken[0]}', which the indexed layout gives to a list"
        raise SpecificationError("pupil", problem, "rename the column, or set layout: padded")
