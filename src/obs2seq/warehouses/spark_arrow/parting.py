"""What a task does that reads: judges the rows of its share of the files, and hands on those that it keeps, by pupil.

Rows travel in blocks, each an Arrow stream of some rows of one partition, so that Spark moves few large values instead
of many rows. Nothing here may need more than the executors have: obs2seq, pyarrow, NumPy, and sqlglot for expressions.
"""

from __future__ import annotations

import json
import os
import pickle
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from obs2seq.warehouses.arrow.buckets import parted
from obs2seq.warehouses.arrow.memory import jemalloc
from obs2seq.warehouses.arrow.pieces import Piece
from obs2seq.warehouses.arrow.selection import Selection
from obs2seq.warehouses.spark_arrow.attempts import telling

BLOCKS = "key int, rows binary, counts string"
"""The columns that a task hands on, as Spark DDL: rows of one partition, or once, instead, what became of all rows."""
BLOCK_BYTES = 1 << 20
_SCHEMA = pa.schema({"key": pa.int32(), "rows": pa.binary(), "counts": pa.string()})
_BATCH_BYTES = 4 * BLOCK_BYTES
LEVEL = 9
"""None of those by which a store parts what one partition holds: that has to fall apart by other digits."""


@dataclass(frozen=True)
class ReadOrder:
    """What the tasks of a run that read are to do.

    Args:
        shares: What each task is to read, packed: it unpacks no other's.
        selection: Judges rows.
        pupil: The column that names the pupils, among those that are kept.
        keys: For each partition, what Spark sends there.
        block_rows: How many rows stand in one block, at the most.
        environment: Variables that tell where S3 is, above the executor's own.
    """

    shares: Sequence[bytes]
    selection: Selection
    pupil: str
    keys: Sequence[int]
    block_rows: int
    environment: Mapping[str, str]


def packed(pieces: Sequence[Piece]) -> bytes:
    """Return the share of one task as it travels."""
    return pickle.dumps(list(pieces))


def part_share(order: ReadOrder, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Read the shares of the numbers that came, most often one; yield blocks of `BLOCKS`."""
    os.environ.update(order.environment)
    pa.set_cpu_count(1)  # Spark runs as many tasks as there are processors
    with telling(), jemalloc():
        for batch in batches:
            for number in batch.column(0).to_pylist():
                pieces: list[Piece] = pickle.loads(order.shares[number])
                yield from _together(_blocks(order, pieces))


def rows_of(batches: Iterable[pa.RecordBatch], counts: Counter[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows in blocks that came; put what became of all rows of the input into the counts."""
    for batch in batches:
        for rows, told in zip(batch.column("rows"), batch.column("counts").to_pylist(), strict=True):
            if told is not None:
                counts.update(json.loads(told))
            else:
                yield from pa.ipc.open_stream(rows.as_buffer())


def _blocks(order: ReadOrder, pieces: Sequence[Piece]) -> Iterator[tuple[int, bytes | None, str | None]]:
    counts: Counter[str] = Counter()
    for piece in pieces:
        for raw, _ in piece.read():
            selected = order.selection.select(raw)
            counts.update(selected.counts)
            for part, table in parted(selected.table, order.pupil, len(order.keys), LEVEL):
                for start in range(0, len(table), order.block_rows):
                    yield order.keys[part], _stream(table.slice(start, order.block_rows)), None
    # They go the way of the rows: what an attempt counts that came second, nobody reads.
    yield order.keys[0], None, json.dumps(counts)


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def _together(blocks: Iterable[tuple[int, bytes | None, str | None]]) -> Iterator[pa.RecordBatch]:
    """Join blocks, for each batch costs Spark something of its own."""
    waiting: list[tuple[int, bytes | None, str | None]] = []
    size = 0
    for block in blocks:
        waiting.append(block)
        size += len(block[1] or b"")
        if size >= _BATCH_BYTES:
            yield _batch(waiting)
            waiting, size = [], 0
    if waiting:
        yield _batch(waiting)


def _batch(blocks: Sequence[tuple[int, bytes | None, str | None]]) -> pa.RecordBatch:
    columns = zip(*blocks, strict=True)
    arrays = [pa.array(list(column), type_) for column, type_ in zip(columns, _SCHEMA.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)
