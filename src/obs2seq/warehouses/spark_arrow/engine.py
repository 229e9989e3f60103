"""The engine on Spark whose tasks are the embedded engine's: Spark reads, judges and shuffles; Arrow does the rest."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from obs2seq.domain import rules
from obs2seq.domain.files import is_hidden
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.locations import join
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.vocabularies import Vocabulary, Word, encoded_columns
from obs2seq.errors import ConfigurationError
from obs2seq.flow.dataflow import flow_graph, select_observations
from obs2seq.flow.sequences import ROWS_OUT, SEQUENCED
from obs2seq.flow.tallies import Tally
from obs2seq.lineage.engines import task_graph
from obs2seq.ports import Storage, WrittenFile
from obs2seq.warehouses.arrow.accounts import EXPANDED
from obs2seq.warehouses.arrow.memory import in_words
from obs2seq.warehouses.arrow.types import spark_name
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.failures import explained
from obs2seq.warehouses.spark import Product, SparkEngine, Tools, accounted_manifest, raw_and_selection
from obs2seq.warehouses.spark_arrow.attempts import Attempt, told
from obs2seq.warehouses.spark_arrow.obstacles import ObstacleError
from obs2seq.warehouses.spark_arrow.shuffling import attempts_of, wait_for_stragglers
from obs2seq.warehouses.spark_arrow.sizes import Sizes
from obs2seq.warehouses.spark_arrow.tasks import TaskOrder
from obs2seq.warehouses.spark_arrow.types import task_schema
from obs2seq.warehouses.subsets import SubsetSource, context_of
from obs2seq.warehouses.vocabularies import vocabulary_of

logger = logging.getLogger(__name__)


class ArrowSparkEngine(Engine):
    """Lets Spark read, judge and shuffle, and each task sequence and write its own pupils' observations.

    Args:
        tools: Spark's.
        storage: Lists the files of a run, and removes those of attempts that count for nothing.
        sizes: How the work is cut.
        environment: Variables that tell tasks where S3 is.
    """

    def __init__(self, tools: Tools, storage: Storage, sizes: Sizes, environment: Mapping[str, str]) -> None:
        self._tools, self._storage, self._sizes, self._environment = tools, storage, sizes, environment

    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        tally = Tally()
        with explained(found.source.location, output=location), _told_by_tasks():
            selected = raw, selection = raw_and_selection(order, found, self._tools)
            observations = select_observations(raw, order.job.spec, selection, tally, order.kind, self._tools.watch)
            task = self._task(order, observations, location)
            partitions = self._partitions(task, found.source.size)
            tasks = "1 task" if partitions == 1 else f"{partitions} tasks"
            logger.info("%s: execution arrow, in %s of %s each", order.dataset, tasks, in_words(task.budget))
            attempts = attempts_of(task, observations, partitions)
            wait_for_stragglers(self._tools.sessions().sparkContext, attempts)
        files = sorted(file for attempt in attempts for file in attempt.files)
        self._remove_others(location, files)
        _put_counts(tally, attempts)
        columns = {field.name: spark_name(field.type) for field in task.maker().schema}
        graph = task_graph(order.job, order.kind, flow_graph(order.job, order.kind).path_to("observations"))
        product = Product(selected, location, columns, files, tally, graph)
        return accounted_manifest(order, found.source, run_id, product, self._tools)

    def count_pupils(self, order: Order, found: SubsetSource) -> Mapping[str, int]:
        return SparkEngine(self._tools).count_pupils(order, found)

    def first_values(self, order: Order, found: SubsetSource, columns: Sequence[str]) -> Mapping[str, Sequence[Word]]:
        return SparkEngine(self._tools).first_values(order, found, columns)

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        return SparkEngine(self._tools).check(order, found)

    def _task(self, order: Order, observations: DataFrame, location: str) -> TaskOrder:
        schema = task_schema(observations.schema)
        budget, folder = self._sizes.budget(self._tools.sessions().sparkContext), self._sizes.temporary_folder
        context = context_of(order.job, order.subset)
        settings = (location, budget, folder, self._environment, context, _elements_vocabulary(order))
        task = TaskOrder(order.kind, order.job, schema, *settings)
        _require_enough(task)
        return task

    def _partitions(self, task: TaskOrder, size: int) -> int:
        at_a_time = self._tools.sessions().sparkContext.defaultParallelism
        return self._sizes.number_of_partitions(size, task.budget, at_a_time)

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
