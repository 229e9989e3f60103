"""What one task of the arrow execution makes of its partition, without Spark: the contract, spilling, and errors."""

import datetime
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark import TaskContext

from obs2seq import SequenceSpec, sequence_table
from obs2seq.domain.files import WrittenFile
from obs2seq.domain.job import Job
from obs2seq.errors import StorageError
from obs2seq.warehouses.arrow import memory
from obs2seq.warehouses.arrow.types import CODED_TEXT
from obs2seq.warehouses.spark_arrow import tasks
from obs2seq.warehouses.spark_arrow.attempts import Attempt, AttemptFailedError, told
from tests.arrow_vectors import ArrowVector, load_arrow_vectors
from tests.small_jobs import CORRECT

SCHEMA = pa.schema({"pupilid": pa.int64(), "answered_at": pa.timestamp("us", "UTC"), "correct": pa.int32()})
NOON = datetime.datetime(2026, 1, 5, 12, tzinfo=datetime.UTC)
PLENTY = 1 << 28


@pytest.fixture(autouse=True)
def _within_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    context = SimpleNamespace(partitionId=lambda: 3, stageId=lambda: 7, taskAttemptId=lambda: 41)
    monkeypatch.setattr(TaskContext, "get", lambda: context)


def order_of(spec: SequenceSpec, schema: pa.Schema, folder: Path, **changes: Any) -> tasks.TaskOrder:
    coded = pa.schema([(field.name, CODED_TEXT if field.type == pa.string() else field.type) for field in schema])
    return replace(tasks.TaskOrder("sequences", Job(spec), coded, str(folder), PLENTY, None, {}), **changes)


def spec_of(**changes: Any) -> SequenceSpec:
    return SequenceSpec.model_validate(
        {"order_by": ["answered_at"], "sequence_length": 3, "features": [CORRECT]} | changes
    )


def answers_of(*pupils: int, each: int) -> pa.Table:
    """Answers that come in order of time, every other one correct."""
    times = [NOON + datetime.timedelta(minutes=i) for i in range(each)]
    columns = ([*pupils] * each, [at for at in times for _ in pupils], [i % 2 for i in range(each) for _ in pupils])
    return pa.table([pa.array(column, type_) for column, type_ in zip(columns, SCHEMA.types, strict=True)], SCHEMA)


def made(order: tasks.TaskOrder, batches: Iterable[pa.RecordBatch]) -> tuple[Attempt, list[dict[str, Any]]]:
    """Run a task; return what it tells, and the rows that it wrote, by pupil and index."""
    (told_by_task,) = tasks.make_partition(order, iter(batches))
    attempt = Attempt.from_text(told_by_task.to_pydict()["attempt"][0])
    rows = [row for file in attempt.files for row in pq.read_table(f"{order.location}/{file.path}").to_pylist()]
    return attempt, in_order(rows, order.job.spec)


def in_order(rows: list[dict[str, Any]], spec: SequenceSpec) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row[spec.pupil] is not None, row[spec.pupil] or 0, row["sequence_index"]))


@pytest.mark.parametrize("vector", load_arrow_vectors(), ids=lambda vector: vector.name)
def test_a_task_gives_the_vectors_sequences(vector: ArrowVector, tmp_path: Path) -> None:
    spec = SequenceSpec.model_validate(vector.spec)
    order = order_of(spec, vector.observations.schema, tmp_path)

    attempt, rows = made(order, vector.observations.to_batches(max_chunksize=2))

    assert rows == in_order([{name: row[name] for name in spec.outputs} for row in vector.sequences], spec)
    assert sum(file.rows for file in attempt.files) == len(rows)


def test_a_task_tells_its_file_and_where_its_observations_went(tmp_path: Path) -> None:
    order = order_of(spec_of(min_length=2), SCHEMA, tmp_path)

    attempt, rows = made(order, answers_of(1, 2, each=4).to_batches())

    name = "part-00003-7-41-00000.parquet"
    assert attempt.stage == 7
    assert attempt.files == [WrittenFile(name, (tmp_path / name).stat().st_size, 2)]
    left_out = {"duplicate": 0, "min_length": 2, "max_sequences_per_pupil": 0}
    assert attempt.counts == left_out | {"expanded": 0, "sequenced": 6}
    assert [(row["pupilid"], row["correct_sequence"]) for row in rows] == [(1, [0, 1, 0]), (2, [0, 1, 0])]


def test_an_empty_partition_writes_no_file(tmp_path: Path) -> None:
    attempt, _ = made(order_of(spec_of(), SCHEMA, tmp_path / "run"), [])

    assert attempt.files == []
    assert sum(attempt.counts.values()) == 0
    assert not (tmp_path / "run").exists()


def test_a_partition_beyond_its_memory_goes_through_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "LEAST_PIECE_ROWS", 50)
    seen: list[list[str]] = []
    observations = answers_of(*range(40), each=50)
    order = order_of(spec_of(), SCHEMA, tmp_path / "run", budget=1 << 15, temporary_folder=str(tmp_path))

    def batches() -> Iterable[pa.RecordBatch]:
        yield from observations.to_batches(max_chunksize=50)
        seen.append([path.name for path in tmp_path.glob("obs2seq-*/0/*.arrows")])

    attempt, rows = made(order, batches())

    assert len(seen[0]) > 1
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert rows == in_order(sequence_table(observations, order.job.spec).to_pylist(), order.job.spec)
    assert attempt.counts["sequenced"] == 2_000


def test_temporary_files_lie_on_sparks_own_disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_LOCAL_DIRS", f"{tmp_path},/elsewhere")
    monkeypatch.setattr(memory, "LEAST_PIECE_ROWS", 50)
    order = order_of(spec_of(), SCHEMA, tmp_path / "run", budget=1 << 15)
    seen: list[Path] = []

    def batches() -> Iterable[pa.RecordBatch]:
        yield from answers_of(*range(40), each=50).to_batches(max_chunksize=50)
        seen.extend(tmp_path.glob("obs2seq-*"))

    made(order, batches())

    assert len(seen) == 1


def test_times_of_another_time_zone_are_the_same_instants(tmp_path: Path) -> None:
    feature = {"name": "at", "column": "answered_at", "pad": "1970-01-01"}
    observations = answers_of(1, each=3)
    in_berlin = observations.set_column(
        1, "answered_at", observations["answered_at"].cast(pa.timestamp("us", "Europe/Berlin"))
    )

    _, rows = made(order_of(spec_of(features=[feature]), SCHEMA, tmp_path), in_berlin.to_batches())

    assert rows[0]["at_sequence"] == [NOON + datetime.timedelta(minutes=i) for i in range(3)]


def test_a_task_is_told_where_s3_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    order = order_of(spec_of(), SCHEMA, tmp_path, environment={"AWS_REGION": "eu-central-1"})

    made(order, answers_of(1, each=1).to_batches())

    assert os.environ["AWS_REGION"] == "eu-central-1"


def test_what_a_task_is_refused_reaches_the_driver_in_the_projects_words(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("no folder")
    order = order_of(spec_of(), SCHEMA, tmp_path / "run")

    with pytest.raises(AttemptFailedError) as raised:
        made(order, answers_of(1, each=1).to_batches())
    error = told(f"Job aborted:\n  obs2seq.attempts.AttemptFailedError: {raised.value}\n\tat org.apache.spark")

    assert isinstance(error, StorageError)
    assert error.where == f"{tmp_path}/run/part-00003-7-41-00000.parquet"
    assert error.hint == "check the location and its permissions"


def test_other_failures_of_a_task_are_none_of_the_projects() -> None:
    assert told("Job aborted: org.apache.spark.SparkException: MemoryError") is None
