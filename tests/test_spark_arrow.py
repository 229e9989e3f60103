"""The arrow execution on Spark: the contract through real tasks, leftovers, and what S3 is told."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from obs2seq import SequenceSpec
from obs2seq.bootstrap import compare, run
from obs2seq.domain.job import Job
from obs2seq.errors import ConfigurationError, DataNotFoundError, StorageError
from obs2seq.warehouses.spark_arrow.shuffling import attempts_of
from obs2seq.warehouses.spark_arrow.tasks import TaskOrder
from obs2seq.warehouses.spark_arrow.types import task_schema
from tests.contract_vectors import Vector, load_vectors
from tests.flow_inputs import Row, drawn, drawn_observations, exact, frame_of, sorted_rows, specifications
from tests.small_jobs import CORRECT, answers, files_at, published_rows, published_sequences, put_answers, settings_for
from tests.test_flow_laws import expected_sequences

ROOT = Path(__file__).parents[1]
DERIVED = (
    CORRECT,
    {"name": "gap", "derive": "seconds_since_previous", "pad": -1.0},
    {"name": "attempt", "derive": "attempt_number", "of": "skill", "pad": 0},
    {"name": "share", "derive": "share_correct_before", "of": "correct", "pad": 0.5},
)
BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"


def by_tasks(observations: DataFrame, spec: SequenceSpec, folder: str, partitions: int = 3) -> list[Row]:
    """Make sequences by the arrow execution; return them by pupil, nulls first, and index."""
    selected = observations.select(*spec.columns)
    task = TaskOrder("sequences", Job(spec), task_schema(selected.schema), folder, 1 << 28, None, {})
    files = [file for attempt in attempts_of(task, selected, partitions) for file in attempt.files]
    return sorted_rows(
        (row for file in files for row in pq.read_table(f"{folder}/{file.path}").to_pylist()), spec.pupil
    )


@pytest.mark.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)
def test_tasks_give_the_vectors_sequences(spark: SparkSession, vector: Vector, tmp_path: Path) -> None:
    spec = SequenceSpec.model_validate(vector.spec)

    rows = by_tasks(vector.observations(spark), spec, str(tmp_path), 2)

    expected = [{name: row[name] for name in spec.outputs} for row in vector.sequences]
    assert rows == sorted_rows(expected, spec.pupil)


@drawn(max_examples=12)
@given(fields=specifications(), seed=st.integers(0, 2**32 - 1))
def test_tasks_agree_with_the_oracle(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, fields: Row, seed: int
) -> None:
    rows, spec = drawn_observations(seed), SequenceSpec.model_validate(fields)

    found = by_tasks(frame_of(spark, rows), spec, str(tmp_path_factory.mktemp("run")))

    assert exact(found) == exact(expected_sequences(rows, fields))


def test_pupils_that_are_floats_lie_together_whatever_their_bits(spark: SparkSession, tmp_path: Path) -> None:
    texts = ["0.0", "-0.0", "NaN", "1.5", "-0.0", "NaN", "0.0", "1.5"]
    frame = spark.createDataFrame([(text, t) for t, text in enumerate(texts)], "name string, t int")
    frame = frame.selectExpr("CAST(name AS double) pupilid", "t").repartition(8, "t")
    feature = {"name": "t", "column": "t", "pad": -1}
    spec = SequenceSpec.model_validate({"order_by": ["t"], "sequence_length": 4, "features": [feature]})

    rows = by_tasks(frame, spec, str(tmp_path), 16)

    assert sorted(row["t_sequence"] for row in rows) == [[0, 1, 4, 6], [2, 5, -1, -1], [3, 7, -1, -1]]


def test_the_size_of_sparks_batches_is_as_before(spark: SparkSession, tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/part-0.parquet", answers(1, [1, 0]))
    before = spark.conf.get(BATCH_ROWS)

    run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", execution="arrow"))

    assert spark.conf.get(BATCH_ROWS) == before


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("execution", ["native", "arrow"])
def test_a_subset_without_observations_is_refused_alike(tmp_path: Path, execution: str) -> None:
    put_answers(f"{tmp_path}/in/part-0.parquet", answers(1, [1, 0]))
    settings = settings_for(f"{tmp_path}/in", f"{tmp_path}/out", row_filter="correct > 1", execution=execution)

    with pytest.raises(DataNotFoundError, match=r"found none \(of 2 rows, 2 rows: "):
        run(settings)

    assert not list((tmp_path / "out").rglob("*.parquet"))


@pytest.mark.usefixtures("spark")
def test_sequences_on_s3_are_published_as_on_disks(bucket: str) -> None:
    root = f"s3://{bucket}/deep"
    put_answers(f"{root}/in/part-0.parquet", answers(1, [1, 0, 1, 1]), answers(2, [0, 0]))

    run(settings_for(f"{root}/in", f"{root}/out", execution="arrow"))

    location = f"{root}/out/train_sequenced_3"
    assert published_sequences(location) == [(1, [1, -1, -1]), (1, [1, 0, 1]), (2, [0, 0, -1])]
    manifest, _ = published_rows(location)
    data = [path for path in files_at(location) if path.endswith(".parquet")]
    assert data == [f"run_id={manifest.run_id}/{file.path}" for file in manifest.files]


@pytest.mark.usefixtures("spark")
def test_a_column_that_arrow_does_not_carry_is_refused_by_name_and_left_to_native(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put_answers(f"{tmp_path}/in/part-0.parquet", answers(1, [1, 0]))
    columns = {"gap": "INTERVAL '1' DAY * correct"}
    settings = settings_for(f"{tmp_path}/in", f"{tmp_path}/out", columns=columns)
    arrow, auto = (
        settings.model_copy(update={"output": "observations", "execution": name}) for name in ("arrow", "auto")
    )

    with pytest.raises(ConfigurationError) as refused:
        run(arrow)
    with caplog.at_level(logging.INFO):
        run(auto)

    assert str(refused.value) == (
        "execution: expected native for the column 'gap' of type interval day to second, found arrow. "
        "Hint: set execution: native, or cast the column under columns."
    )
    assert "train_prepared: execution native, since arrow is refused: execution: expected native" in caplog.text
    assert published_rows(f"{tmp_path}/out/train_prepared")[0].columns["gap"] == "interval day to second"


@pytest.mark.usefixtures("spark")
def test_too_small_a_budget_is_refused_and_left_to_native(tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/part-0.parquet", answers(1, [1, 0]))
    options = {"memory_budget": "5k", "force": True}

    with pytest.raises(
        ConfigurationError, match=r"memory_budget: expected at least \d+[km], for a batch of .* found 5k"
    ):
        run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", execution="arrow", **options))
    run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", execution="auto", **options))

    assert published_sequences(f"{tmp_path}/out/train_sequenced_3") == [(1, [1, 0, -1])]


@pytest.mark.usefixtures("spark")
def test_a_task_beyond_its_budget_goes_through_temporary_files(tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/part-0.parquet", *(answers(pupil, [1, 0, 1, 1] * 100) for pupil in range(200)))
    options: dict[str, object] = {"sequence_length": 50, "shuffle_partitions": 1}

    small = {"execution": "arrow", "memory_budget": "10m"}

    made = {
        name: run(settings_for(f"{tmp_path}/in", f"{tmp_path}/{name}", **options, **more))["train"]
        for name, more in (("native", {}), ("arrow", small))
    }
    with pytest.raises(StorageError, match=r"^/nowhere: expected to write about .* No such file or directory\. Hint: "):
        run(settings_for(f"{tmp_path}/in", f"{tmp_path}/none", **options, **small, temporary_folder="/nowhere"))

    assert compare(str(made["native"][1]), str(made["arrow"][1])) == []
    assert made["arrow"][0].ledger == made["native"][0].ledger


@pytest.mark.usefixtures("spark")
def test_derived_features_within_a_budget_are_natives(tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/part-0.parquet", *(answers(pupil, [1, 0, 1, 1, 0]) for pupil in range(9)))
    ways: dict[str, dict[str, object]] = {"native": {}, "arrow": {"execution": "arrow", "memory_budget": "64m"}}

    made = {
        name: run(settings_for(f"{tmp_path}/in", f"{tmp_path}/{name}", features=DERIVED, **more))["train"]
        for name, more in ways.items()
    }

    assert compare(str(made["native"][1]), str(made["arrow"][1])) == []
    assert made["arrow"][0].columns == made["native"][0].columns


@pytest.mark.usefixtures("spark")
def test_auto_takes_arrow_where_executors_have_it_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put_answers(f"{tmp_path}/in/part-0.parquet", answers(1, [1, 0]))

    with caplog.at_level(logging.INFO):
        run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", execution="auto"))

    assert "train_sequenced_3: execution arrow, in 1 task" in caplog.text
    assert published_sequences(f"{tmp_path}/out/train_sequenced_3") == [(1, [1, 0, -1])]


def test_attempts_that_failed_or_came_second_leave_nothing(tmp_path: Path) -> None:
    """A task that has read, and one that has written its file, fails, and is tried again."""
    put_answers(f"{tmp_path}/in/part-0.parquet", *(answers(pupil, [1, 0, 1, 1]) for pupil in range(5)))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))), "MODE": "local"}
    command = [sys.executable, "-m", "tests.failing_tasks", str(tmp_path)]

    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)

    assert done.returncode == 0, done.stderr
    location = f"{tmp_path}/out/train_sequenced_3"
    manifest, _ = published_rows(location)
    on_disk = {path.name for path in Path(location).rglob("*.parquet")}
    assert len(list((tmp_path / "failed").iterdir())) > 0
    assert on_disk == {file.path for file in manifest.files}
    assert not on_disk & {path.name for path in (tmp_path / "failed").iterdir()}
    assert (manifest.ledger.rows_in, manifest.ledger.sequenced) == (20, 20)
    assert published_sequences(location) == sorted(
        row for pupil in range(5) for row in [(pupil, [1, 0, 1]), (pupil, [1, -1, -1])]
    )
