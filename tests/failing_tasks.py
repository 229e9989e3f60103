"""A job whose every task fails once it has read, or has written its file, and succeeds when it is tried again.

The one argument is a folder: the observations are in `in` below it, `out` is to be made, and `failed` will hold a file
of the name of each file that a failed attempt has left.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyspark import TaskContext

from obs2seq.bootstrap import run
from obs2seq.warehouses.spark_arrow import parting, shuffling, tasks
from obs2seq.warehouses.spark_arrow.attempts import Attempt
from tests.small_jobs import settings_for

FAILED = Path(sys.argv[1], "failed")


def failing_once(order: tasks.TaskOrder, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    told = list(tasks.make_of_blocks(order, batches))
    context = TaskContext.get()
    assert context is not None
    if context.attemptNumber() == 0:
        for file in Attempt.from_text(told[0].to_pydict()["attempt"][0]).files:
            (FAILED / file.path).touch()
        raise RuntimeError("the first attempt fails")
    yield from told


def read_failing_once(order: parting.ReadOrder, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from parting.part_share(order, batches)
    context = TaskContext.get()
    if context is not None and context.attemptNumber() == 0:
        raise RuntimeError("the first attempt fails")


if __name__ == "__main__":
    FAILED.mkdir()
    shuffling.part_share = read_failing_once
    shuffling.make_of_blocks = failing_once
    spark = {"spark.master": "local[2,2]", "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
    root = FAILED.parent
    run(settings_for(f"{root}/in", f"{root}/out", execution="arrow", shuffle_partitions=3, spark=spark))
