"""The engine on Spark whose tasks are the embedded engine's: Spark reads, judges and shuffles; Arrow does the rest."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from obs2seq.domain import rules
from obs2seq.domain.files import is_hidden
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.locations import join
from obs2seq.domain.manifest import Manifest
from obs2seq.flow.columns import is_float, named, type_of
from obs2seq.flow.dataflow import select_observations
from obs2seq.flow.sequences import ROWS_OUT, SEQUENCED
from obs2seq.flow.tallies import Tally
from obs2seq.ports import Storage, WrittenFile
from obs2seq.warehouses.arrow.types import spark_name
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.failures import explained
from obs2seq.warehouses.spark import Product, SparkEngine, Tools, accounted_manifest, raw_and_selection
from obs2seq.warehouses.spark_arrow.attempts import Attempt, told
from obs2seq.warehouses.spark_arrow.sizes import Sizes
from obs2seq.warehouses.spark_arrow.tasks import TOLD, TaskOrder, make_partition
from obs2seq.warehouses.spark_arrow.types import task_schema
from obs2seq.warehouses.subsets import SubsetSource

_TO_S3 = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
"""What of the driver's environment the tasks are told: where S3 is, never who asks."""
_BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"
_ROWS_PER_BATCH = 1 << 15


class ArrowSparkEngine(Engine):
    """Lets Spark read, judge and shuffle, and each task sequence and write its own pupils' observations.

    Args:
        tools: Spark's.
        storage: Lists the files of a run, and removes those of attempts that count for nothing.
        sizes: How the work is cut.
    """

    def __init__(self, tools: Tools, storage: Storage, sizes: Sizes) -> None:
        self._tools, self._storage, self._sizes = tools, storage, sizes

    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        tally = Tally()
        with explained(found.source.location, output=location), _told_by_tasks():
            raw, selection = raw_and_selection(order, found, self._tools)
            observations = select_observations(raw, order.job.spec, selection, tally, order.kind)
            task = self._task(order, observations, location)
            attempts = self._run(task, observations, found.source.size)
        files = sorted(file for attempt in attempts for file in attempt.files)
        self._remove_others(location, files)
        _put_counts(tally, attempts)
        columns = {field.name: spark_name(field.type) for field in task.maker().schema}
        return accounted_manifest(order, found.source, run_id, Product(columns, files, tally), self._tools)

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        return SparkEngine(self._tools).check(order, found)

    def _task(self, order: Order, observations: DataFrame, location: str) -> TaskOrder:
        context = self._tools.sessions().sparkContext
        schema = task_schema(observations.schema)
        environment = {name: os.environ[name] for name in _TO_S3 if name in os.environ}
        budget = self._sizes.budget(context)
        task = TaskOrder(order.kind, order.job, schema, location, budget, self._sizes.temporary_folder, environment)
        task.allowance().require_enough()
        return task

    def _run(self, task: TaskOrder, observations: DataFrame, size: int) -> list[Attempt]:
        session = self._tools.sessions()
        at_a_time = session.sparkContext.defaultParallelism
        count = self._sizes.number_of_partitions(size, task.budget, at_a_time)
        by_pupil = observations.repartition(count, _pupil_key(observations, task.job.spec.pupil))
        with _batches_of(session, _ROWS_PER_BATCH):
            rows = by_pupil.mapInArrow(partial(make_partition, task), TOLD).collect()
        return [Attempt.from_text(row["attempt"]) for row in rows]

    def _remove_others(self, location: str, files: Sequence[WrittenFile]) -> None:
        """Remove what attempts left that failed, were killed, or came second."""
        named_files = {file.path for file in files}
        for stored in self._storage.list_files(location):
            if stored.path not in named_files and not is_hidden(stored.path):
                self._storage.remove(join(location, stored.path))


def _pupil_key(observations: DataFrame, pupil: str) -> Column:
    """Return what rows are sent to tasks by: the hash of both zeros has to be one."""
    column = named(pupil)
    type_ = type_of(observations, pupil)
    return F.when(column == 0, F.lit(0).cast(type_)).otherwise(column) if is_float(type_) else column


def _put_counts(tally: Tally, attempts: Sequence[Attempt]) -> None:
    """Let the tally know what the tasks counted."""
    counts: Counter[str] = Counter()
    for attempt in attempts:
        counts.update(attempt.counts)
    rows = sum(file.rows for attempt in attempts for file in attempt.files)
    windows = {name: counts[name] for name in (rules.MIN_LENGTH, rules.MAX_SEQUENCES, SEQUENCED)}
    tally.know("duplicates", {rules.DUPLICATE: counts[rules.DUPLICATE]})
    tally.know("windows", windows | {ROWS_OUT: rows})


@contextmanager
def _batches_of(session: SparkSession, rows: int) -> Iterator[None]:
    """Let Spark hand so many rows at a time to Python, for the queries within the block."""
    before = session.conf.get(_BATCH_ROWS)
    session.conf.set(_BATCH_ROWS, str(rows))
    try:
        yield
    finally:
        session.conf.set(_BATCH_ROWS, str(before))


@contextmanager
def _told_by_tasks() -> Iterator[None]:
    """Raise as they were the project's own errors that a task raised."""
    try:
        yield
    except (Py4JError, PySparkException) as error:
        if found := told(str(error)):
            raise found from error
        raise
