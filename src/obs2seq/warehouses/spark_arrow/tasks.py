"""What a task does on its executor: takes its pupils' observations from Spark, and writes the output's files itself.

Nothing here may need more than the executors have: obs2seq, pyarrow and NumPy.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import pyarrow as pa
from pyspark import TaskContext

from obs2seq.domain.files import WrittenFile
from obs2seq.domain.job import Job
from obs2seq.domain.locations import join
from obs2seq.domain.split_times import TimeRange
from obs2seq.domain.vocabularies import Vocabulary, id_column
from obs2seq.storage.filesystems import opened
from obs2seq.warehouses.arrow.accounts import Account
from obs2seq.warehouses.arrow.encoding import ElementEncoder, encoder_of
from obs2seq.warehouses.arrow.failures import unwritable
from obs2seq.warehouses.arrow.folds import maker_with_folds
from obs2seq.warehouses.arrow.making import Maker, maker_for
from obs2seq.warehouses.arrow.memory import Allowance, jemalloc, row_bytes, value_bytes
from obs2seq.warehouses.arrow.shares import column_name
from obs2seq.warehouses.arrow.steps import Writing
from obs2seq.warehouses.arrow.store import Store
from obs2seq.warehouses.arrow.types import spark_name
from obs2seq.warehouses.spark_arrow.attempts import Attempt, telling
from obs2seq.warehouses.spark_arrow.parting import rows_of

TOLD = "attempt string"
"""The columns that a task returns, as Spark DDL."""
Tables = Callable[[int], Iterator[pa.Table]]
"""Gives the observations of a partition, about so many rows at a time."""
_DONE = 0.25
"""What part of a task's observations has come, as far as can be guessed, when they no longer fit the memory."""


@dataclass(frozen=True)
class TaskOrder:
    """What every task of a run is to make.

    Args:
        kind: Sequences, or whole observations.
        job: The settings that shape the result.
        schema: The observations to come, by name and type; texts are coded.
        location: The run's folder.
        budget: What a task's observations may take of memory, in bytes.
        temporary_folder: Where the rest waits; None: on the executor's own disks.
        environment: Variables that tell where S3 is, above the executor's own.
        context: The range of time before which observations are context; None: none is.
        vocabulary: That of the elements that observations are taken apart into, where these are encoded: Spark has
            their ids beside no observation.
    """

    kind: Literal["sequences", "observations"]
    job: Job
    schema: pa.Schema
    location: str
    budget: int
    temporary_folder: str | None
    environment: Mapping[str, str]
    context: TimeRange | None = None
    vocabulary: Vocabulary | None = None

    @property
    def kept(self) -> pa.Schema:
        """The observations as a task holds them."""
        if self.vocabulary is None:
            return self.schema
        return self.schema.append(pa.field(id_column(self.vocabulary.column), ElementEncoder.type))

    def encoded(self, table: pa.Table) -> pa.Table:
        """Return observations that came, as they are kept."""
        if self.vocabulary is None:
            return table
        encoder = encoder_of(self.vocabulary, self.schema, self.job.spec)
        return table.append_column(self.kept.field(-1), encoder.ids(table))

    def maker(self) -> Maker:
        """Return what makes the output; raise where the specification does not fit the columns."""
        return maker_with_folds(maker_for(self.kind, self.job, self.kept, self.context), self.job)

    @property
    def columns(self) -> dict[str, str]:
        """The type of every column of the output by Spark's name, in the order of the columns."""
        return {field.name: spark_name(field.type) for field in self.maker().schema}

    def allowance(self) -> Allowance:
        """Return what the budget means for one task, which has one thread."""
        maker = self.maker()
        return Allowance(
            budget=self.budget,
            threads=1,
            row_bytes=row_bytes(self.kept),
            stride=maker.stride,
            output_bytes=sum(map(value_bytes, maker.schema.types)),
            width=maker.width,
            derived=maker.derived,
            counted=maker.counted,
        )


def make_partition(order: TaskOrder, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Make all of one partition, which holds all observations of some pupils; yield the attempt as one row."""
    yield _told(order, lambda most: _tables(batches, order.schema, most), Counter())


def make_of_blocks(order: TaskOrder, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Do the same where tasks have read the files, and observations come in blocks."""
    read: Counter[str] = Counter()
    yield _told(order, lambda most: _joined(rows_of(batches, read), most), read)


def _name(context: TaskContext) -> str:
    """Return what the files of an attempt are called: no other attempt's, at this task or another, are called so."""
    return f"part-{context.partitionId():05d}-{context.stageId()}-{context.taskAttemptId()}"


def _told(order: TaskOrder, tables: Tables, read: Mapping[str, int]) -> pa.RecordBatch:
    os.environ.update(order.environment)
    pa.set_cpu_count(1)  # Spark runs as many tasks as there are processors
    with telling(), jemalloc():
        attempt = replace(_attempt(order, tables), read=dict(read))
    return pa.RecordBatch.from_pydict({"attempt": [attempt.to_text()]})


def _attempt(order: TaskOrder, tables: Tables) -> Attempt:
    context = TaskContext.get()
    assert context is not None, "Spark runs this"
    maker, allowance, account = order.maker(), order.allowance(), Account()
    writers = maker.writers(order.location, order.job.compression, _name(context))
    pupil = column_name(order.kept, order.job.spec.pupil)
    folder = order.temporary_folder or _executor_folder()
    with Store(order.kept, pupil, allowance, folder, maker.elements) as store, ThreadPoolExecutor(1) as pool:
        for number, table in enumerate(tables(allowance.piece_rows)):
            store.add((0, number), order.encoded(table), _DONE)
        Writing(maker, writers, account, 1, allowance.row_group_values).write(store.groups(), pool)
    return Attempt(context.stageId(), list(_files(order.location, writers.rows)), account.made)


def _joined(batches: Iterator[pa.RecordBatch], most: int) -> Iterator[pa.Table]:
    """Join small batches, until they hold about so many rows."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += len(batch)
        if rows >= most:
            yield pa.Table.from_batches(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def _tables(batches: Iterator[pa.RecordBatch], schema: pa.Schema, most: int) -> Iterator[pa.Table]:
    """Join Spark's small batches, and give their columns the types of the schema."""
    return (_typed(table, schema) for table in _joined(batches, most))


def _typed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [_cast(column, field.type) for column, field in zip(table.columns, schema, strict=True)]
    return pa.Table.from_arrays(columns, schema=schema)


def _cast(column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_dictionary(type_):
        return column.cast(type_.value_type).dictionary_encode()
    return column if column.type == type_ else column.cast(type_)


def _executor_folder() -> str | None:
    """Return a folder on the disks that Spark has for its own temporary files; None where it names none."""
    folder = os.environ.get("SPARK_LOCAL_DIRS", "").split(",")[0]
    return folder if folder and os.access(folder, os.W_OK) else None


def _files(location: str, rows: Mapping[str, int]) -> Iterator[WrittenFile]:
    for name, count in rows.items():
        where = join(location, name)
        filesystem, path = opened(where)
        with unwritable(where):
            yield WrittenFile(name, filesystem.get_file_info(path).size, count)
