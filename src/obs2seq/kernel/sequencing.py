"""The whole contract in memory: a table of observations in, a table of sequences out."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
import pyarrow as pa

from obs2seq.domain.columns import require_scalar
from obs2seq.domain.spec import SequenceSpec
from obs2seq.kernel.columns import Column, Key, load, load_pupils
from obs2seq.kernel.gathering import Gatherer, PaddedFeature
from obs2seq.kernel.ordering import Ordering
from obs2seq.kernel.pads import Pad, pad_for
from obs2seq.kernel.schema import find_columns, output_schema, spark_type
from obs2seq.kernel.sessions import require_time, sessions_of
from obs2seq.kernel.texts import longest
from obs2seq.kernel.windows import windows_of

PIECE = 1 << 18
"""Elements of an array in one piece: what lies between columns and output then stays in the processor's cache."""

_MOST_BYTES = 2**31 - 1
"""What the offsets of an Arrow string array can count."""


def sequence_table(table: pa.Table, spec: SequenceSpec, *, threads: int = 2) -> pa.Table:
    """Turn pupils' raw observations into fixed-length padded sequences, in memory and without an engine.

    Costs a sort of the observations by pupil, and by no more of the order than their own leaves undone: observations
    that arrive in time order are cheapest. Beside input and output, memory holds the columns that are read as numbers,
    unless they come as one chunk, and at most some 40 bytes an observation for the order.

    Args:
        table: One row an observation, in any order and chunks. Columns read are `spec.columns`, texts plain or in
            dictionaries; others are passed over. Null pupils are one pupil together; a null in `order_by` comes first.
        spec: What to make; see `SequenceSpec`.
        threads: How many threads read and pad at the same time.

    Returns:
        One row a sequence, by pupil (nulls first, NaN last, text by code point) and sequence_index, with
        `spec.outputs`: the pupil; session_index, sequence_index, first_position, n_observations (int32);
        is_pad_sequence, is_new_sequence (list<int8>); and a list of the feature's own type for each feature. Every list
        has `spec.sequence_length` elements and no null. Text that came in a dictionary comes out in one, with 32-bit
        codes; other values that came in a dictionary come out without. The pupils -0.0 and 0.0 are one, 0.0.

    Raises:
        DataError: A column is missing, is there twice, or is no scalar.
        SpecificationError: A feature is no scalar, a pad is not a value of its column's type, or
            `session_gap_seconds` is set and the time is not a timestamp, a date or a number.

    Example:
        >>> spec = SequenceSpec(order_by=["at"], sequence_length=3, features=[{"name": "c", "column": "c", "pad": -1}])
        >>> table = pa.table({"pupilid": [7, 7], "at": [2, 1], "c": [0, 1]})
        >>> sequence_table(table, spec)["c_sequence"].to_pylist()
        [[1, 0, -1]]
    """
    chunks = find_columns(table, spec.columns)
    pads = [pad_for(feature, chunks[feature.column].type) for feature in spec.features]
    for name, column in chunks.items():
        require_scalar(name, spark_type(column.type))
    require_time(spec, chunks[spec.order_by[0]].type)
    schema = output_schema(chunks, spec)
    with ThreadPoolExecutor(threads) as pool:
        gatherer = _gatherer(_Columns(chunks, spec, pool), spec, pads)
        batches = pool.map(lambda piece: _batch(gatherer, piece, schema), _pieces(gatherer))
        return pa.Table.from_batches(batches, schema)


class _Columns:
    """Columns by name, read on the pool; those that ties may never reach are read when they do.

    Args:
        chunks: All columns that may be read.
        spec: Which of them will be, in any case.
        pool: Where they are read.
    """

    def __init__(self, chunks: dict[str, pa.ChunkedArray], spec: SequenceSpec, pool: Executor) -> None:
        self._chunks, self._pool = chunks, pool
        self._loads = {spec.pupil: pool.submit(load_pupils, chunks[spec.pupil])}
        for name in {spec.order_by[0], *(feature.column for feature in spec.features)} - {spec.pupil}:
            self._loads[name] = pool.submit(load, chunks[name])

    def __getitem__(self, name: str) -> Column:
        if name not in self._loads:
            self._loads[name] = self._pool.submit(load, self._chunks[name])
        return self._loads[name].result()

    def __len__(self) -> int:
        return max(len(chunks) for chunks in self._chunks.values())


def _gatherer(columns: _Columns, spec: SequenceSpec, pads: list[Pad]) -> Gatherer:
    """Order all observations and lay out all windows."""
    ordering = Ordering(len(columns)).refine(columns[spec.pupil].keys())
    pupil_starts = ordering.starts()
    rows = ordering.refine(_keys(columns, spec)).rows
    sessions = sessions_of(pupil_starts, rows, columns[spec.order_by[0]], spec)
    return Gatherer(
        spec=spec,
        order=rows,
        sessions=sessions,
        windows=windows_of(sessions, spec),
        pupils=columns[spec.pupil],
        features=tuple(
            PaddedFeature.of(feature, columns[feature.column], pad)
            for feature, pad in zip(spec.features, pads, strict=True)
        ),
    )


def _keys(columns: _Columns, spec: SequenceSpec) -> Iterator[Key]:
    """Yield the contract's total order within a pupil; the sign of a zero comes last."""
    names = [name for name in (*spec.order_by, *spec.tie_breakers) if name != spec.pupil]
    for name in names:
        yield from columns[name].keys()
    for name in names:
        yield from columns[name].signs()


def _pieces(gatherer: Gatherer) -> Iterator[slice]:
    """Cut the output into pieces of bounded size, which Arrow's offsets can count the bytes of."""
    longest_text = max(
        (longest(feature.texts) for feature in gatherer.features if feature.texts is not None), default=0
    )
    elements = min(PIECE, _MOST_BYTES // max(longest_text, 1))
    step = max(elements // gatherer.spec.sequence_length, 1)
    return (slice(start, start + step) for start in range(0, len(gatherer.windows), step))


def _batch(gatherer: Gatherer, piece: slice, schema: pa.Schema) -> pa.RecordBatch:
    windows, sessions = gatherer.windows, gatherer.sessions
    session = windows.session[piece]
    numbers = (sessions.index[session], windows.sequence_index[piece], windows.first_position[piece])
    bookkeeping = [pa.array(column.astype(np.int32)) for column in (*numbers, windows.n_observations[piece])]
    return pa.RecordBatch.from_arrays([gatherer.pupils_of(piece), *bookkeeping, *gatherer.arrays(piece)], schema=schema)
