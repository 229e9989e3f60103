"""The engine on Spark whose tasks are the embedded engine's: they read and judge what they can, else Spark does."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from obs2seq.domain import rules
from obs2seq.domain.files import is_hidden
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.locations import join
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.rule_sets import with_severity
from obs2seq.domain.vocabularies import Vocabulary, Word, encoded_columns
from obs2seq.errors import ConfigurationError
from obs2seq.flow.dataflow import flow_graph, select_observations
from obs2seq.flow.sequences import ROWS_OUT, SEQUENCED
from obs2seq.flow.tallies import Tally
from obs2seq.lineage.engines import arrow_graph, task_graph
from obs2seq.ports import Storage, WrittenFile
from obs2seq.warehouses.arrow.accounts import EXPANDED, Account
from obs2seq.warehouses.arrow.memory import in_words
from obs2seq.warehouses.arrow.opening import require_unchanged
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.failing_expressions import expressions_of
from obs2seq.warehouses.failures import explained
from obs2seq.warehouses.spark import (
    Product,
    SparkEngine,
    Tools,
    accepted_manifest,
    ledger_of,
    raw_and_selection,
)
from obs2seq.warehouses.spark_arrow.attempts import Attempt, told
from obs2seq.warehouses.spark_arrow.executors import can_import
from obs2seq.warehouses.spark_arrow.meaning import unknown_setting
from obs2seq.warehouses.spark_arrow.obstacles import ObstacleError
from obs2seq.warehouses.spark_arrow.reading import Ability, Opened, keys_of, opened_by_tasks, shared_out
from obs2seq.warehouses.spark_arrow.shuffling import attempts_of, attempts_of_files, wait_for_stragglers
from obs2seq.warehouses.spark_arrow.sizes import Sizes, number_of_readers
from obs2seq.warehouses.spark_arrow.tasks import TaskOrder
from obs2seq.warehouses.spark_arrow.types import task_schema
from obs2seq.warehouses.subsets import SubsetSource, context_of
from obs2seq.warehouses.vocabularies import vocabulary_of

logger = logging.getLogger(__name__)
_JOINS_SMALL = "spark.sql.adaptive.coalescePartitions.enabled"


class ArrowSparkEngine(Engine):
    """Lets tasks read and judge, Spark shuffle, and tasks sequence and write their own pupils' observations.

    What tasks do not read, Spark reads and judges.

    Args:
        tools: Spark's.
        storage: Lists the files of a run, and removes those of attempts that count for nothing.
        sizes: How the work is cut.
        environment: Variables that tell tasks where S3 is.
        reads_s3: Whether tasks reach S3 as Spark does.
        spark: The settings of Spark that the job names.
    """

    def __init__(
        self,
        tools: Tools,
        storage: Storage,
        sizes: Sizes,
        environment: Mapping[str, str],
        *,
        reads_s3: bool,
        spark: Mapping[str, object],
    ) -> None:
        self._tools, self._storage, self._sizes, self._environment = tools, storage, sizes, environment
        self._reads_s3, self._spark = reads_s3, spark

    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        with explained(found.source.location, location, expressions_of(order.job)), _told_by_tasks():
            unknown = unknown_setting(self._spark, self._tools.sessions())
            able = Ability(self._reads_s3, lambda: self._reads_expressions, unknown)
            opened = opened_by_tasks(order, found, self._partitions(found.source.size), able)
            if opened is not None:
                product = self._made_of_files(order, found, opened, location)
            else:
                product = self._made_of_frame(order, found, location)
        return accepted_manifest(order, found.source, run_id, product, self._tools)

    def _made_of_frame(self, order: Order, found: SubsetSource, location: str) -> Product:
        """Let Spark read and judge, and tasks do the rest."""
        tally = Tally()
        selected = raw, selection = raw_and_selection(order, found, self._tools)
        observations = select_observations(raw, order.job.spec, selection, tally, order.kind, self._tools.watch)
        task = self._task(order, task_schema(observations.schema), location, _elements_vocabulary(order))
        partitions = self._partitions(found.source.size)
        self._tell(order, task, partitions)
        files, attempts = self._run(task, lambda: attempts_of(task, observations, partitions))
        _put_counts(tally, attempts)
        graph = task_graph(order.job, order.kind, flow_graph(order.job, order.kind).path_to("observations"))
        return Product(lambda: selected, location, task.columns, files, ledger_of(tally, order, files), graph)

    def _made_of_files(self, order: Order, found: SubsetSource, opened: Opened, location: str) -> Product:
        """Let tasks read and judge too."""
        task = self._task(order, opened.selection.schema, location)
        partitions = self._partitions(found.source.size)
        self._tell(order, task, partitions)
        selected = partial(raw_and_selection, order, found, self._tools)
        if with_severity(order.job.rules, "quarantine"):
            frames = (
                selected()
            )  # Spark may have to look for whole rows afterwards: what it cannot read stops the run now
            selected = partial(lambda frames: frames, frames)
        session = self._tools.sessions()
        pieces = opened.observations.cut(task.allowance().piece_rows)
        shares = shared_out(pieces, number_of_readers(found.source.size, session.sparkContext.defaultParallelism))
        keys = keys_of(session, partitions)
        reading = opened.read_order(order.job, shares, keys, task.allowance().row_bytes, self._environment)
        files, attempts = self._run(task, lambda: attempts_of_files(task, reading, session))
        require_unchanged(self._storage, found.source)
        account = Account()
        for attempt in attempts:
            account.add_told(attempt.read, attempt.counts)
        ledger = account.ledger(order.job)
        ledger.check(order.dataset)
        return Product(selected, location, task.columns, files, ledger, arrow_graph(order.job, order.kind))

    def _run(self, task: TaskOrder, act: Callable[[], list[Attempt]]) -> tuple[list[WrittenFile], list[Attempt]]:
        """Return the files of the attempts that succeeded, and what these tell; nothing else is left in the folder."""
        with self._tools.watch.step("write"):
            attempts = act()
        wait_for_stragglers(self._tools.sessions().sparkContext, attempts)
        files = sorted(file for attempt in attempts for file in attempt.files)
        self._remove_others(task.location, files)
        return files, attempts

    def _tell(self, order: Order, task: TaskOrder, partitions: int) -> None:
        tasks = "1 task" if partitions == 1 else f"{partitions} tasks"
        logger.info("%s: execution arrow, in %s of %s each", order.dataset, tasks, in_words(task.budget))

    def count_pupils(self, order: Order, found: SubsetSource) -> Mapping[str, int]:
        return SparkEngine(self._tools).count_pupils(order, found)

    def first_values(self, order: Order, found: SubsetSource, columns: Sequence[str]) -> Mapping[str, Sequence[Word]]:
        return SparkEngine(self._tools).first_values(order, found, columns)

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        return SparkEngine(self._tools).check(order, found)

    def _task(self, order: Order, schema: pa.Schema, location: str, vocabulary: Vocabulary | None = None) -> TaskOrder:
        context = context_of(order.job, order.subset)
        settings = (location, self._budget(), self._sizes.temporary_folder, self._environment, context, vocabulary)
        task = TaskOrder(order.kind, order.job, schema, *settings)
        _require_enough(task)
        return task

    def _budget(self) -> int:
        return self._sizes.budget(self._tools.sessions().sparkContext)

    def _partitions(self, size: int) -> int:
        session = self._tools.sessions()
        joins_small = session.conf.get(_JOINS_SMALL, "true") == "true"
        at_a_time = session.sparkContext.defaultParallelism
        return self._sizes.number_of_partitions(size, self._budget(), at_a_time, joins_small=joins_small)

    @cached_property
    def _reads_expressions(self) -> bool:
        return can_import(self._tools.sessions().sparkContext, "sqlglot")

    def _remove_others(self, location: str, files: Sequence[WrittenFile]) -> None:
        """Remove what attempts left that failed, were killed, or came second."""
        named_files = {file.path for file in files}
        for stored in self._storage.list_files(location):
            if stored.path not in named_files and not is_hidden(stored.path):
                self._storage.remove(join(location, stored.path))


def _elements_vocabulary(order: Order) -> Vocabulary | None:
    """Return what tasks encode by, where elements are encoded."""
    column = order.job.spec.explode
    is_encoded = order.kind == "sequences" and column in encoded_columns(order.job.spec).values()
    return vocabulary_of(order.job, column) if is_encoded and column is not None else None


def _require_enough(task: TaskOrder) -> None:
    try:
        task.allowance().require_enough()
    except ConfigurationError as error:
        raise ObstacleError(error.where, error.problem, error.hint) from error


def _put_counts(tally: Tally, attempts: Sequence[Attempt]) -> None:
    """Let the tally know what the tasks counted."""
    counts: Counter[str] = Counter()
    for attempt in attempts:
        counts.update(attempt.counts)
    rows = sum(file.rows for attempt in attempts for file in attempt.files)
    windows = {name: counts[name] for name in (rules.MIN_LENGTH, rules.MAX_SEQUENCES, SEQUENCED)}
    tally.know("elements", {EXPANDED: counts[EXPANDED]})
    tally.know("duplicates", {rules.DUPLICATE: counts[rules.DUPLICATE]})
    tally.know("windows", windows | {ROWS_OUT: rows})


@contextmanager
def _told_by_tasks() -> Iterator[None]:
    """Raise as they were the project's own errors that a task raised."""
    try:
        yield
    except (Py4JError, PySparkException) as error:
        if found := told(str(error)):
            raise found from error
        raise
