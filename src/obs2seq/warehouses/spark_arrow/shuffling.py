"""The one action of a run: observations go to the tasks of their pupils, and what these tell comes back."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from pyspark import SparkContext
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from obs2seq.flow.columns import is_float, named, type_of
from obs2seq.warehouses.spark_arrow.attempts import Attempt
from obs2seq.warehouses.spark_arrow.parting import BLOCK_BYTES, BLOCKS, ReadOrder, part_share
from obs2seq.warehouses.spark_arrow.tasks import TOLD, TaskOrder, make_of_blocks, make_partition

_BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"
_FEWEST_ROWS, _MOST_ROWS = 1_000, 10_000
"""Measured: batches of 32,768 rows leave the processor's caches, and take longer."""
_BATCH_BYTES = 1 << 22
_BLOCKS_PER_BATCH = _BATCH_BYTES // BLOCK_BYTES
_PAUSE_S = 0.1
_PATIENCE = 300


def attempts_of(task: TaskOrder, observations: DataFrame, partitions: int) -> list[Attempt]:
    """Shuffle observations by pupil, let tasks make and write the output; return the attempts that succeeded.

    Args:
        task: What to make.
        observations: With the columns of the task's schema, in its order; null pupils are one pupil together.
        partitions: How many tasks.
    """
    by_pupil = observations.repartition(partitions, _pupil_key(observations, task.job.spec.pupil))
    with _batches_of(observations.sparkSession, rows_per_batch(task.allowance().row_bytes)):
        rows = by_pupil.mapInArrow(partial(make_partition, task), TOLD).collect()
    return [Attempt.from_text(row["attempt"]) for row in rows]


def attempts_of_files(task: TaskOrder, reading: ReadOrder, session: SparkSession) -> list[Attempt]:
    """Let tasks read the files themselves, and others make and write the output; return the attempts that succeeded.

    Args:
        task: What to make.
        reading: What to read.
        session: Of the cluster.
    """
    shares = session.range(0, len(reading.shares), 1, len(reading.shares))
    with _batches_of(session, _BLOCKS_PER_BATCH):
        blocks = shares.mapInArrow(partial(part_share, reading), BLOCKS).repartition(len(reading.keys), "key")
        rows = blocks.mapInArrow(partial(make_of_blocks, task), TOLD).collect()
    return [Attempt.from_text(row["attempt"]) for row in rows]


def rows_per_batch(row_bytes: float) -> int:
    """Return how many rows to hand to Python at a time: what Java holds of them lies beside its heap."""
    return max(min(int(_BATCH_BYTES / row_bytes), _MOST_ROWS), _FEWEST_ROWS)


def wait_for_stragglers(
    context: SparkContext, attempts: Sequence[Attempt], sleep: Callable[[float], None] = time.sleep
) -> None:
    """Wait until attempts that came second have ended, for half a minute at the most: they may still finish a file."""
    if (context.getConf().get("spark.speculation") or "false").lower() != "true":
        return
    for _ in range(_PATIENCE):
        if not any(_is_active(context, stage) for stage in {attempt.stage for attempt in attempts}):
            return
        sleep(_PAUSE_S)


def _is_active(context: SparkContext, stage: int) -> bool:
    info = context.statusTracker().getStageInfo(stage)
    return info is not None and info.numActiveTasks > 0


def _pupil_key(observations: DataFrame, pupil: str) -> Column:
    """Return what rows are sent to tasks by: the hash of both zeros has to be one."""
    column = named(pupil)
    type_ = type_of(observations, pupil)
    return F.when(column == 0, F.lit(0).cast(type_)).otherwise(column) if is_float(type_) else column


@contextmanager
def _batches_of(session: SparkSession, rows: int) -> Iterator[None]:
    """Let Spark hand so many rows at a time to Python, for the queries within the block."""
    before = session.conf.get(_BATCH_ROWS)
    session.conf.set(_BATCH_ROWS, str(rows))
    try:
        yield
    finally:
        session.conf.set(_BATCH_ROWS, str(before))
