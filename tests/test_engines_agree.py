"""Spark, the kernel, its indexed layout and the online sequencer give the same; and what Spark publishes is loaded."""

import datetime
import itertools
from pathlib import Path

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

import obs2seq
from obs2seq import SequenceSpec, sequence_observations, sequence_table
from obs2seq.bootstrap import run
from obs2seq.kernel.expanding import expanded
from obs2seq.kernel.indexed import indexed_tables
from obs2seq.online import Sequencer
from tests.flow_inputs import Row, by_pupil, drawn, drawn_observations, exact, frame_of, sorted_rows, specifications
from tests.small_jobs import CORRECT, answers, put_answers, settings_for

SCHEMA = pa.schema(
    {
        "id": pa.int64(),
        "pupilid": pa.int64(),
        "t": pa.timestamp("us", "UTC"),
        "place": pa.float64(),
        "score": pa.float64(),
        "ratio": pa.float32(),
        "word": pa.string(),
        "right": pa.bool_(),
    }
)


def table_of(rows: list[Row]) -> pa.Table:
    start = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    moments = [row | {"t": row["t"] and start + datetime.timedelta(seconds=row["t"])} for row in rows]
    return pa.Table.from_pylist(moments, SCHEMA)


def online(table: pa.Table, spec: SequenceSpec) -> list[Row]:
    rows = sorted(enumerate(table["pupilid"].to_pylist()), key=lambda pair: (pair[1] is not None, pair[1] or 0))
    pupils = [[place for place, _ in group] for _, group in itertools.groupby(rows, lambda pair: pair[1])]
    return [sequence for places in pupils for sequence in Sequencer(spec).sequences(table.take(places))]


@drawn(max_examples=10)
@given(fields=specifications(), seed=st.integers(0, 2**32 - 1))
def test_every_engine_gives_the_same_bits(spark: SparkSession, fields: Row, seed: int) -> None:
    rows, spec = drawn_observations(seed), SequenceSpec.model_validate(fields)
    table = table_of(rows)

    by_spark = exact(by_pupil(sequence_observations(frame_of(spark, rows), spec)))

    assert exact(sorted_rows(sequence_table(table, spec).to_pylist())) == by_spark
    assert exact(sorted_rows(expanded(*indexed_tables(table, spec), spec).to_pylist())) == by_spark
    assert exact(sorted_rows(online(table, spec))) == by_spark


def test_what_spark_publishes_is_loaded_as_the_online_sequencer_makes_it(spark: SparkSession, tmp_path: Path) -> None:
    pupils = [answers(1, [1, 0, 1, 1]), answers(2, [0])]
    put_answers(f"{tmp_path}/in/part-0.parquet", *pupils)
    features = (
        CORRECT,
        {"name": "at", "column": "answered_at", "pad": "1970-01-01"},
        {"name": "skill", "column": "skill", "pad": ""},
    )
    run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", features=features))

    data = obs2seq.load(f"{tmp_path}/out", "train")

    made = [row for pupil in pupils for row in Sequencer(data.spec, types=data.types).sequences(pupil)]
    assert sorted_rows(data.table().to_pylist()) == made
    assert sorted(data.arrays(["correct"])["correct"].tolist()) == [[0, -1, -1], [1, -1, -1], [1, 0, 1]]
    assert data.types == {"pupilid": "bigint", "correct": "int", "answered_at": "timestamp", "skill": "string"}
