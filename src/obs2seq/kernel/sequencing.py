"""The whole contract in memory: a table of observations in, a table of sequences out."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from obs2seq.domain.columns import require_scalar
from obs2seq.domain.spec import SequenceSpec
from obs2seq.kernel.columns import Array, Column, Key
from obs2seq.kernel.derived import Histories, derived_columns, require_derived
from obs2seq.kernel.exploding import Elements, Ordered, with_element_types
from obs2seq.kernel.gathering import Gatherer, PaddedFeature
from obs2seq.kernel.loaded import LoadedColumns
from obs2seq.kernel.ordering import Ordering
from obs2seq.kernel.pads import Pad, pad_for
from obs2seq.kernel.schema import feature_type, find_columns, output_schema, spark_type
from obs2seq.kernel.sessions import Sessions, require_time, sessions_of
from obs2seq.kernel.texts import longest
from obs2seq.kernel.whole_windows import LeftOut, whole_windows
from obs2seq.kernel.windows import Windows, cuts_of, rows_left_out, windows_of

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
            A column that is exploded holds arrays or texts.
        spec: What to make; see `SequenceSpec`.
        threads: How many threads read and pad at the same time.

    Returns:
        One row a sequence, by pupil (nulls first, NaN last, text by code point) and sequence_index, with
        `spec.outputs`: the pupil; session_index, sequence_index, first_position, n_observations (int32);
        is_pad_sequence, is_new_sequence (list<int8>); and a list of the feature's own type for each feature. Every list
        has `spec.sequence_length` elements and no null. Text that came in a dictionary comes out in one, with 32-bit
        codes; other values that came in a dictionary come out without. The pupils -0.0 and 0.0 are one, 0.0.

    Raises:
        DataError: A column is missing, is there twice, or is no scalar; or an observation has more elements than a
            window that is to hold it whole.
        SpecificationError: A feature is no scalar, a pad is not a value of its column's type, or
            `session_gap_seconds` is set and the time is not a timestamp, a date or a number.

    Example:
        >>> spec = SequenceSpec(order_by=["at"], sequence_length=3, features=[{"name": "c", "column": "c", "pad": -1}])
        >>> table = pa.table({"pupilid": [7, 7], "at": [2, 1], "c": [0, 1]})
        >>> sequence_table(table, spec)["c_sequence"].to_pylist()
        [[1, 0, -1]]
    """
    with ThreadPoolExecutor(threads) as pool:
        plan = plan_sequences(table, spec, pool)
        return pa.Table.from_batches(pool.map(plan.batch, plan.pieces()), plan.schema)


@dataclass(frozen=True)
class Counts:
    """What became of the rows of a table.

    Args:
        duplicates: Rows that equal the one before them in all that is read, the sign of a zero apart.
        min_length: Rows in no sequence for that reason.
        max_sequences: Rows in no sequence for that reason.
        sequenced: Rows in sequences, each where it is new.
        expanded: What exploding makes of rows beyond one of each; from there on, rows are elements.
    """

    duplicates: int
    min_length: int
    max_sequences: int
    sequenced: int
    expanded: int = 0


@dataclass(frozen=True)
class Plan:
    """All sequences of a table, laid out; their arrays are made piece by piece, on any thread and in any order."""

    schema: pa.Schema
    counts: Counts
    gatherer: Gatherer

    def __len__(self) -> int:
        return len(self.gatherer.windows)

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[slice]:
        """Cut some of the sequences into pieces of bounded size, which Arrow's offsets can count the bytes of."""
        texts = [feature.texts for feature in self.gatherer.features if feature.texts is not None]
        longest_text = max(map(longest, texts), default=0)
        elements = min(PIECE, _MOST_BYTES // max(longest_text, 1))
        step = max(elements // self.gatherer.spec.sequence_length, 1)
        end = len(self) if stop is None else stop
        return (slice(first, min(first + step, end)) for first in range(start, end, step))

    def batch(self, piece: slice) -> pa.RecordBatch:
        """Return one piece of the output."""
        return _batch(self.gatherer, piece, self.schema)


def plan_sequences(
    table: pa.Table,
    spec: SequenceSpec,
    pool: Executor,
    *,
    drops_duplicates: bool = False,
    is_context: Array | None = None,
) -> Plan:
    """Order all observations and lay out all windows; see `sequence_table`.

    Args:
        table: As for `sequence_table`; kept in memory by the plan.
        spec: What to make.
        pool: Where columns are read.
        drops_duplicates: Whether rows that equal the one before them in all columns that are read are left out.
        is_context: Which rows are context, a pupil's earliest: they stand in windows, are new in none, and no count
            has them; what holds no other row is no window. None: no row is.
    """
    chunks, typed, pads = _checked(table, spec)
    marks = np.zeros(len(table), bool) if is_context is None else is_context
    gatherer, counts = _laid_out(LoadedColumns(chunks, spec, pool), spec, pads, _Rows(drops_duplicates, marks))
    return Plan(output_schema(typed, spec), counts, gatherer)


def required_schema(table: pa.Table, spec: SequenceSpec) -> pa.Schema:
    """Return the columns of the output, after every check of `sequence_table` on the table's columns."""
    _, typed, _ = _checked(table, spec)
    return output_schema(typed, spec)


_Chunks = dict[str, pa.ChunkedArray]


def _checked(table: pa.Table, spec: SequenceSpec) -> tuple[_Chunks, _Chunks, list[Pad]]:
    """Return the columns that are read, the same by the types that features find in them, and the features' pads."""
    chunks = find_columns(table, spec.columns)
    typed = with_element_types(spec, chunks)
    pads = [pad_for(feature, feature_type(feature, typed)) for feature in spec.features]
    for name, column in typed.items():
        require_scalar(name, spark_type(column.type))
    require_time(spec, typed[spec.order_by[0]].type)
    require_derived(spec, typed)
    return chunks, typed, pads


@dataclass(frozen=True)
class _Rows:
    """What is done with rows: whether duplicates are dropped, and which are context."""

    drops_duplicates: bool
    is_context: Array

    def counted(self, sessions: Sessions, rows: Array) -> Sessions:
        """Count the context of each session."""
        if not self.is_context.any():
            return sessions
        up_to = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.is_context[rows])])
        return replace(sessions, context=up_to[sessions.start + sessions.length] - up_to[sessions.start])


def _laid_out(columns: LoadedColumns, spec: SequenceSpec, pads: list[Pad], told: _Rows) -> tuple[Gatherer, Counts]:
    ordering = Ordering(len(columns)).refine(columns[spec.pupil].keys())
    pupil_starts = ordering.starts()
    is_duplicate = ordering.refine(_keys(columns, spec)).ties()
    rows = ordering.refine(_signs(columns, spec)).rows
    n_duplicates = int(np.count_nonzero(is_duplicate & ~told.is_context[rows]))
    if told.drops_duplicates and is_duplicate.any():
        rows = rows[~is_duplicate]
        pupil_starts = pupil_starts - np.cumsum(is_duplicate)[pupil_starts]
    sessions = told.counted(sessions_of(pupil_starts, rows, columns[spec.order_by[0]], spec), rows)
    derived = derived_columns(spec, Histories(rows, pupil_starts, columns.__getitem__, spec.order_by[0]), len(columns))
    placed: dict[str, Column] = {}
    bounds, expanded = rows, 0
    if lists := columns.lists():
        elements = Elements(Ordered(rows, pupil_starts, sessions, columns.__getitem__), lists, spec)
        rows, sessions, bounds, placed = elements.rows, elements.sessions, elements.starts, elements.columns()
        expanded = elements.expanded(told.is_context)
    windows, left_out = whole_windows(sessions, bounds, spec) if spec.keeps_together else _cut(sessions, spec)
    counts = Counts(n_duplicates, *left_out, int(windows.n_new.sum()), expanded)

    def column(name: str) -> Column:
        return placed.get(name) or derived.get(name) or columns[name]

    padded = tuple(
        PaddedFeature.of(feature, column(feature.column), pad, is_placed=feature.column in placed)
        for feature, pad in zip(spec.features, pads, strict=True)
    )
    return Gatherer(spec, rows, sessions, windows, columns[spec.pupil], padded), counts


def _cut(sessions: Sessions, spec: SequenceSpec) -> tuple[Windows, LeftOut]:
    cuts = cuts_of(sessions, spec)
    return windows_of(sessions, cuts, spec), rows_left_out(sessions, cuts, spec)


def _keys(columns: LoadedColumns, spec: SequenceSpec) -> Iterator[Key]:
    """Yield the contract's total order within a pupil."""
    for name in _ordering_columns(spec):
        yield from columns.order_of(name).keys()


def _signs(columns: LoadedColumns, spec: SequenceSpec) -> Iterator[Key]:
    """Yield what comes last in the order: the sign of a zero."""
    for name in _ordering_columns(spec):
        yield from columns.order_of(name).signs()


def _ordering_columns(spec: SequenceSpec) -> list[str]:
    return [name for name in (*spec.order_by, *spec.tie_breakers) if name != spec.pupil]


def _batch(gatherer: Gatherer, piece: slice, schema: pa.Schema) -> pa.RecordBatch:
    windows, sessions = gatherer.windows, gatherer.sessions
    session = windows.session[piece]
    numbers = (sessions.index[session], windows.sequence_index[piece], windows.first_position[piece])
    bookkeeping = [pa.array(column.astype(np.int32)) for column in (*numbers, windows.n_observations[piece])]
    return pa.RecordBatch.from_arrays([gatherer.pupils_of(piece), *bookkeeping, *gatherer.arrays(piece)], schema=schema)
