"""A job whose tasks run the kernel in the executors' own Python, and say where they found what they imported.

The one argument is the file to write.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyspark.sql import SparkSession

N_TASKS = 4


def import_code(_: int) -> None:
    import obs2seq  # noqa: F401  # whether it is there at all


def sequenced(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    import numpy

    import obs2seq

    feature = {"name": "id", "column": "id", "pad": -1}
    spec = obs2seq.SequenceSpec(pupil="pupil", order_by=["id"], sequence_length=2, features=[feature])
    for batch in batches:
        made = obs2seq.sequence_table(pa.Table.from_batches([batch]), spec)
        places = {module.__name__: str(Path(module.__file__).absolute()) for module in (obs2seq, numpy, pa)}
        yield pa.RecordBatch.from_pylist([{"n": made.num_rows, "places": json.dumps(places)}])


if __name__ == "__main__":
    spark = SparkSession.builder.getOrCreate()
    # Without Arrow, which Spark itself needs in the tasks that follow.
    spark.sparkContext.parallelize(range(N_TASKS), N_TASKS).foreach(import_code)
    rows = spark.range(3 * N_TASKS, numPartitions=N_TASKS).selectExpr("id", "id DIV 3 AS pupil")
    told = rows.mapInArrow(sequenced, "n long, places string").collect()
    Path(sys.argv[1]).write_text(json.dumps([{"n": row.n, **json.loads(row.places)} for row in told]))
