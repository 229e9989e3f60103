"""The arrow execution where tasks read the files: what they take on, what Spark keeps, and what may go wrong."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from obs2seq.bootstrap import compare, run
from obs2seq.domain.quality import Allowed
from obs2seq.errors import DataError
from obs2seq.warehouses.spark_arrow import engine, reading
from obs2seq.warehouses.spark_arrow.meaning import unknown_setting
from obs2seq.warehouses.spark_arrow.reading import keys_of
from tests.small_jobs import SCHEMA, answers, published_sequences, put_answers, settings_for

pytestmark = pytest.mark.usefixtures("spark")
SPARK_READS = "Spark reads the files for the tasks"
KNOWN = Allowed(name="known", kind="allowed", column="correct", values=(0, 1), severity="quarantine")


@pytest.mark.parametrize("partitions", [1, 2, 7, 200])
def test_spark_sends_each_key_to_its_partition(spark: SparkSession, partitions: int) -> None:
    keys = keys_of(spark, partitions)

    frame = spark.createDataFrame(list(enumerate(keys)), "part int, key int").repartition(partitions, "key")

    sent = {row["part"]: row["at"] for row in frame.select("part", F.spark_partition_id().alias("at")).collect()}
    assert sent == {part: part for part in range(partitions)}


@pytest.mark.parametrize(
    "changes",
    [
        {"subsets": {"train": 0.5, "test": 0.5}, "subset_method": "hash"},
        {"columns": {"correct": "CAST(duration_s > 2 AS INT)"}, "row_filter": "exercise_id <> 1"},
        {"rules": (KNOWN,), "output": "observations"},
        {"rules": (KNOWN,), "max_quarantined_share": 0.5},
    ],
    ids=["hash", "expressions", "observations", "rules"],
)
def test_tasks_that_read_make_what_spark_reads_makes(
    tmp_path: Path, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        put_answers(f"{tmp_path}/in/{number}.parquet", *(answers(9 * number + i, [1, 0, 2, 1]) for i in range(9)))
    options = {"execution": "arrow", "shuffle_partitions": 3, **changes}

    with caplog.at_level(logging.INFO):
        by_tasks = run(settings_for(f"{tmp_path}/in", f"{tmp_path}/tasks").model_copy(update=options))
    assert SPARK_READS not in caplog.text
    monkeypatch.setattr(reading, "left_to_spark", lambda *_: "it is asked to")
    with caplog.at_level(logging.INFO):
        by_spark = run(settings_for(f"{tmp_path}/in", f"{tmp_path}/spark").model_copy(update=options))

    assert f"{SPARK_READS}: it is asked to" in caplog.text
    for subset, (manifest, location) in by_tasks.items():
        assert compare(str(location), str(by_spark[subset][1])) == []
        assert manifest.ledger == by_spark[subset][0].ledger
        assert (manifest.quarantine and manifest.quarantine.rows) == (27 if "rules" in changes else None)


def test_tasks_read_what_folders_are_named_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for school, pupil in (("north", 1), ("south", 2), ("__HIVE_DEFAULT_PARTITION__", 3)):
        put_answers(f"{tmp_path}/in/year=2026/school={school}/part.parquet", answers(pupil, [1, 0]))
    features = [{"name": name, "column": name, "pad": pad} for name, pad in (("school", "<pad>"), ("year", 0))]
    ways = {"native": "native", "tasks": "arrow"}

    with caplog.at_level(logging.INFO):
        made = {
            name: run(settings_for(f"{tmp_path}/in", f"{tmp_path}/{name}", features=features, execution=execution))
            for name, execution in ways.items()
        }

    assert SPARK_READS not in caplog.text
    assert compare(str(made["native"]["train"][1]), str(made["tasks"]["train"][1])) == []
    assert made["tasks"]["train"][0].columns == made["native"]["train"][0].columns


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"subset_method": "stratified"}, "each would need to know the subsets of all pupils"),
        (
            {"columns": {"far": "bround(duration_s)"}},
            "columns.far: expected an expression that Arrow computes as Spark",
        ),
        ({"input_format": "csv"}, "they read Parquet alone, not csv"),
    ],
    ids=["stratified", "expression", "csv"],
)
def test_what_tasks_do_not_read_is_left_to_spark_with_the_reason(
    tmp_path: Path, changes: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    if "input_format" in changes:
        (tmp_path / "in").mkdir()
        pa.csv.write_csv(pa.Table.from_pylist(answers(1, [1, 0]), SCHEMA), tmp_path / "in" / "part.csv")
    else:
        put_answers(f"{tmp_path}/in/part.parquet", answers(1, [1, 0]))

    with caplog.at_level(logging.INFO):
        run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", execution="arrow", **changes))

    assert f"train_sequenced_3: {SPARK_READS}: {reason}" in caplog.text
    assert published_sequences(f"{tmp_path}/out/train_sequenced_3") == [(1, [1, 0, -1])]


def test_executors_without_what_reads_expressions_leave_them_to_spark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put_answers(f"{tmp_path}/in/part.parquet", answers(1, [1, 0]), answers(2, [1]))
    monkeypatch.setattr(engine, "can_import", lambda _, module: module != "sqlglot")

    with caplog.at_level(logging.INFO):
        run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", execution="arrow", row_filter="pupilid = 1"))

    assert f"{SPARK_READS}: executors have no sqlglot, which reads expressions" in caplog.text
    assert published_sequences(f"{tmp_path}/out/train_sequenced_3") == [(1, [1, 0, -1])]


@pytest.mark.parametrize("type_", [pa.float64(), pa.timestamp("us", "UTC")], ids=str)
def test_pupils_of_whom_tasks_do_not_know_the_text_are_divided_by_spark(
    tmp_path: Path, type_: pa.DataType, caplog: pytest.LogCaptureFixture
) -> None:
    table = pa.Table.from_pylist([row for pupil in range(30) for row in answers(pupil, [1, 0])], SCHEMA)
    halves = pa.array([number // 2 + 0.5 for number in range(60)])
    pupils = halves if type_ == pa.float64() else pc.multiply(halves, 1e6).cast(pa.int64()).cast(type_)
    (tmp_path / "in").mkdir()
    pq.write_table(table.set_column(0, "pupilid", pupils), tmp_path / "in" / "part.parquet")
    options = {"subsets": {"train": 0.5, "test": 0.5}, "subset_method": "hash"}

    with caplog.at_level(logging.INFO):
        made = {
            name: run(settings_for(f"{tmp_path}/in", f"{tmp_path}/{name}", execution=name, **options))
            for name in ("native", "arrow")
        }

    assert f"{SPARK_READS}: they do not divide pupils of type" in caplog.text
    for subset, (_, location) in made["native"].items():
        assert compare(str(location), str(made["arrow"][subset][1])) == []


def test_where_spark_is_told_to_read_otherwise_it_reads(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put_answers(f"{tmp_path}/in/part.parquet", answers(1, [1, 0, 1]))
    feature = {"name": "hour", "column": "hour", "pad": -1}
    told = {"spark": {"spark.sql.session.timeZone": "America/New_York"}, "columns": {"hour": "hour(answered_at)"}}

    with caplog.at_level(logging.INFO):
        made = [
            run(settings_for(f"{tmp_path}/in", f"{tmp_path}/{name}", execution=name, features=[feature], **told))
            for name in ("native", "arrow")
        ]

    assert f"{SPARK_READS}: they know nothing of spark.sql.session.timeZone" in caplog.text
    assert compare(*(str(each["train"][1]) for each in made)) == []


@pytest.mark.parametrize(
    ("settings", "has", "unknown"),
    [
        ({}, {}, None),
        ({"spark.executor.memory": "4g", "spark.sql.shuffle.partitions": 9, "spark.sql.ansi.enabled": True}, {}, None),
        ({"spark.sql.legacy.parquet.nanosAsLong": True}, {}, "spark.sql.legacy.parquet.nanosAsLong"),
        ({"spark.hadoop.fs.s3a.endpoint": "x"}, {}, "spark.hadoop.fs.s3a.endpoint"),
        ({}, {"spark.sql.caseSensitive": "true"}, "spark.sql.caseSensitive"),
        ({}, {"spark.sql.files.ignoreCorruptFiles": "TRUE"}, "spark.sql.files.ignoreCorruptFiles"),
    ],
)
def test_settings_by_which_spark_may_read_other_values_are_found(
    settings: dict[str, object], has: dict[str, str], unknown: str | None
) -> None:
    session: Any = SimpleNamespace(conf=SimpleNamespace(get=has.get))

    assert unknown_setting(settings, session) == unknown


def damaged(file: Path) -> None:
    """Wipe the first pages out; the footer, which the driver reads, stays whole."""
    content = bytearray(file.read_bytes())
    content[4:200] = bytes(196)
    file.write_bytes(content)


def gone(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize(
    ("accident", "problem"),
    [
        (damaged, "expected files that are whole, found one that is corrupt or half-written"),
        (gone, "expected the files that were listed at the start, found one gone or changed"),
        (Path.touch, "expected the files that were listed at the start, found one gone or changed"),
    ],
)
def test_what_happens_to_a_file_while_tasks_read_is_told_in_a_line_and_nothing_is_published(
    tmp_path: Path, accident: Callable[[Path], None], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_answers(f"{tmp_path}/in/part-0.parquet", answers(1, [1, 0] * 50))
    shutil.copy(tmp_path / "in" / "part-0.parquet", tmp_path / "in" / "part-1.parquet")
    act = engine.attempts_of_files

    def after_accident(*arguments: Any) -> Any:
        accident(tmp_path / "in" / "part-1.parquet")
        return act(*arguments)

    monkeypatch.setattr(engine, "attempts_of_files", after_accident)

    with pytest.raises(DataError, match=problem):
        run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", execution="arrow"))

    assert not list((tmp_path / "out").rglob("_CURRENT.json"))


def test_many_small_files_are_read_by_few_tasks(tmp_path: Path, spark: SparkSession) -> None:
    for pupil in range(40):
        put_answers(f"{tmp_path}/in/{pupil}.parquet", answers(pupil, [1]))
    status = spark.sparkContext.statusTracker()
    before = set(status.getJobIdsForGroup(None))

    run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", execution="arrow"))

    jobs = [status.getJobInfo(job) for job in set(status.getJobIdsForGroup(None)) - before]
    stages = [status.getStageInfo(stage) for job in jobs if job for stage in job.stageIds]
    assert max(stage.numTasks for stage in stages if stage) < 40
    assert len(published_sequences(f"{tmp_path}/out/train_sequenced_3")) == 40
    assert pq.read_metadata(tmp_path / "in" / "0.parquet").num_rows == 1
