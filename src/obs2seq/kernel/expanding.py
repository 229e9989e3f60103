"""From the indexed layout back to sequences: windows are gathered from sessions, and padded."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa

from obs2seq.domain.spec import FIRST_POSITION, N_OBSERVATIONS, SEQUENCE_INDEX, SESSION_INDEX, Feature, SequenceSpec
from obs2seq.kernel.columns import Array, load
from obs2seq.kernel.gathering import Gatherer, PaddedFeature
from obs2seq.kernel.indexed import FIRST_NEW_POSITION, SESSION, held_column
from obs2seq.kernel.pads import pad_for
from obs2seq.kernel.schema import output_schema
from obs2seq.kernel.sequencing import Counts, Plan
from obs2seq.kernel.sessions import Sessions
from obs2seq.kernel.windows import Windows


def expanded(sessions: pa.Table, windows: pa.Table, spec: SequenceSpec, *, threads: int = 2) -> pa.Table:
    """Return the sequences that the two tables of the indexed layout stand for: what `sequence_table` makes.

    Args:
        sessions: As `indexed_tables` returns; lists of columns that no feature of the specification reads may lack.
        windows: As `indexed_tables` returns, or some rows of it, in any order.
        spec: What the tables were made by, perhaps with fewer features.
        threads: How many threads gather at the same time.

    Returns:
        One row a window, in the order of the windows, with `spec.outputs`.
    """
    flat = {f.column: _flattened(sessions.column(held_column(f.column))) for f in spec.features}
    schema = output_schema(flat | {spec.pupil: sessions.column(spec.pupil)}, spec)
    features = tuple(_padded(feature, flat[feature.column]) for feature in spec.features)
    numbers = {name: windows.column(name).to_numpy() for name in windows.column_names}
    plan = _plan(spec, schema, sessions, numbers, features)
    index = sessions.column(SESSION_INDEX).to_numpy()

    def batch(piece: slice) -> pa.RecordBatch:
        session = numbers[SESSION][piece]
        counted = (numbers[name][piece] for name in (SEQUENCE_INDEX, FIRST_POSITION, N_OBSERVATIONS))
        bookkeeping = [pa.array(values.astype(np.int32)) for values in (index[session], *counted)]
        pupils, arrays = plan.gatherer.pupils.take(session), plan.gatherer.arrays(piece)
        return pa.RecordBatch.from_arrays([pupils, *bookkeeping, *arrays], schema=schema)

    with ThreadPoolExecutor(threads) as pool:
        return pa.Table.from_batches(pool.map(batch, plan.pieces()), schema)


def _plan(
    spec: SequenceSpec,
    schema: pa.Schema,
    sessions: pa.Table,
    numbers: dict[str, Array],
    features: tuple[PaddedFeature, ...],
) -> Plan:
    """Lay out windows over what is held of the sessions: positions count from the first observation held."""
    lengths = sessions.column(N_OBSERVATIONS).to_numpy().astype(np.int64)
    starts = np.cumsum(lengths) - lengths
    session, n = numbers[SESSION], numbers[N_OBSERVATIONS]
    first = numbers[FIRST_POSITION] - sessions.column(FIRST_POSITION).to_numpy()[session]
    n_new = numbers[FIRST_POSITION] + n - numbers[FIRST_NEW_POSITION]
    windows = Windows(session, numbers[SEQUENCE_INDEX], first, n, n_new)
    # Of the sessions' own numbers, gathering reads neither.
    held = Sessions(starts, lengths, np.zeros_like(starts), np.zeros_like(starts))
    order = np.arange(max(int(lengths.sum()), 1))
    gatherer = Gatherer(spec, order, held, windows, load(sessions.column(spec.pupil)), features)
    return Plan(schema, Counts(0, 0, 0, int(n_new.sum())), gatherer)


def _padded(feature: Feature, flat: pa.ChunkedArray) -> PaddedFeature:
    return PaddedFeature.of(feature, load(flat), pad_for(feature, flat.type))


def _flattened(lists: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([chunk.flatten() for chunk in lists.chunks], lists.type.value_type)
