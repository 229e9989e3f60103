"""How many tasks, and how much memory for each: from the size of the input and what Spark was given."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pyspark import SparkContext

from obs2seq.warehouses.arrow.memory import budget_of

MEMORY_PER_BYTE = 20
"""What a byte of the input takes of a task's budget, at the most: Parquet of numbers that are packed well."""
_MIB = 1 << 20
_LEAST_PARTITION = 4 * _MIB
"""Bytes of the input that are worth a task of their own."""
_MOST_PARTITION = 32 * _MIB
"""More would no longer be sequenced within the processor's caches, nor in little memory."""
_MOST_READ = 128 * _MIB
"""Bytes of the input that one task reads, at the most: as many as Spark's own readers."""
_ENOUGH_PARTITIONS = 2_000
"""From here on memory alone asks for more: every task of the shuffle writes for each of them."""
_TASKS_PER_PROCESSOR = 4
_INTERPRETER = 160 * _MIB
"""What Python takes with the libraries, before the first observation."""
_LEAST_BUDGET = 64 * _MIB
_LEAST_OVERHEAD = 384 * _MIB


@dataclass(frozen=True)
class Sizes:
    """What the settings say.

    Args:
        partitions: How many tasks make the output; None: as many as fit the input.
        memory_budget: What the observations of one task may take, such as 2g; None: its share of what there is.
        temporary_folder: Where the rest waits; None: on the executor's own disks.
    """

    partitions: int | None = None
    memory_budget: str | None = None
    temporary_folder: str | None = None

    def budget(self, context: SparkContext) -> int:
        """Return the bytes that the observations of one task may take."""
        if self.memory_budget is not None:
            return budget_of(self.memory_budget)
        return max(_share(context), _LEAST_BUDGET)

    def number_of_partitions(self, size: int, budget: int, at_a_time: int, *, joins_small: bool = True) -> int:
        """Return how many tasks to cut an input of some bytes into.

        Args:
            size: Of the input.
            budget: Of one task, in bytes.
            at_a_time: How many tasks run at the same time.
            joins_small: Whether Spark may join small partitions: tasks in Python that have next to nothing to do
                would take longer to start.
        """
        if self.partitions is not None and joins_small:
            worth = max(math.ceil(size / _LEAST_PARTITION), at_a_time * _TASKS_PER_PROCESSOR)
            return min(self.partitions, worth)
        if self.partitions is not None:
            return self.partitions
        by_memory = math.ceil(size * MEMORY_PER_BYTE / budget)
        by_cache = min(math.ceil(size / _MOST_PARTITION), _ENOUGH_PARTITIONS)
        by_processors = min(math.ceil(size / _LEAST_PARTITION), at_a_time * _TASKS_PER_PROCESSOR)
        return max(by_memory, by_cache, by_processors, 1)


def number_of_readers(size: int, at_a_time: int) -> int:
    """Return how many tasks to let read an input of some bytes, where so many run at the same time."""
    by_processors = min(math.ceil(size / _LEAST_PARTITION), at_a_time * _TASKS_PER_PROCESSOR)
    return max(math.ceil(size / _MOST_READ), by_processors, 1)


def _share(context: SparkContext) -> int:
    """Return what of the memory beside Java's one task may take."""
    if (context.master or "").startswith("local"):
        return budget_of(None) // context.defaultParallelism
    conf = context.getConf()
    tasks = max(int(conf.get("spark.executor.cores", "1")) // int(conf.get("spark.task.cpus", "1")), 1)
    return _python_memory(context) // tasks - _INTERPRETER


def _python_memory(context: SparkContext) -> int:
    """Return what an executor may take beside its heap; a cluster that holds it to that ends what takes more."""
    conf = context.getConf()
    for name in ("spark.executor.pyspark.memory", "spark.executor.memoryOverhead"):
        if told := conf.get(name):
            return _bytes(context, told)
    heap = _bytes(context, conf.get("spark.executor.memory", "1g"))
    factor = float(conf.get("spark.executor.memoryOverheadFactor", "0.1"))
    return max(int(heap * factor), _LEAST_OVERHEAD)


def _bytes(context: SparkContext, size: str) -> int:
    """Read a size as Spark does: without a unit it is in mebibytes."""
    jvm = context._jvm
    assert jvm is not None, "a context has a JVM"
    return int(jvm.org.apache.spark.network.util.JavaUtils.byteStringAsMb(size)) * _MIB
