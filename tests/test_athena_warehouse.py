"""The warehouse on Athena, end to end: a stand-in for Athena runs the statements, moto is S3 and Glue."""

import io
import re
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from obs2seq import SequenceSpec, sequence_table
from obs2seq.bootstrap import published, warehouse
from obs2seq.errors import (
    ConfigurationError,
    DataError,
    DataNotFoundError,
    Obs2SeqError,
    SpecificationError,
    StorageError,
)
from obs2seq.publishing import resolve
from obs2seq.storage.routing import RoutedStorage
from obs2seq.warehouses.athena.datasets import EmptyFolderDataset
from tests.athena_fakes import FakeAthena, client, client_error, put_object
from tests.athena_jobs import Clock, a_school, athena_service, new_database
from tests.small_jobs import answers, files_at, published_rows, published_sequences, put, put_answers, settings_for
from tests.sql_engines import comparable

PUPILS = {n: [n % 2, 1, 0, 1, 1, 0, 1][: 1 + n % 7] for n in range(1, 30)}


def _sequence(service: Any, root: str, subset: str = "train", length: int = 3) -> str:
    return str(service.sequence_dataset(f"{root}/in", length, f"{root}/out", subset))


def _put_school(root: str, folder: str = "in") -> None:
    half = len(PUPILS) // 2
    for i, names in enumerate(([*PUPILS][:half], [*PUPILS][half:])):
        put_answers(f"{root}/{folder}/part-{i}.parquet", *(answers(n, PUPILS[n]) for n in names))


def test_sequences_are_those_of_the_kernel_and_the_manifest_accounts_for_every_row(bucket: str) -> None:
    service, athena, root = a_school(bucket, sequence_length=3, stride=2, min_length=2)
    _put_school(root)

    location = _sequence(service, root)

    manifest, rows = published_rows(location)
    spec = SequenceSpec.model_validate(
        {
            "order_by": ["answered_at", "observation_id"],
            "sequence_length": 3,
            "stride": 2,
            "min_length": 2,
            "features": [{"name": "correct", "column": "correct", "pad": -1}],
        }
    )
    table = pa.concat_tables(pq.read_table(io.BytesIO(_get(f"{root}/in/part-{i}.parquet"))) for i in range(2))
    in_order = sorted(rows, key=lambda row: (row["pupilid"], row["sequence_index"]))
    assert in_order == sequence_table(table, spec).to_pylist()
    short = sum(1 for history in PUPILS.values() if len(history) == 1)
    assert (manifest.ledger.rows_in, manifest.ledger.left_out["min_length"]) == (table.num_rows, short)
    assert manifest.rows == len(rows) == sum(file.rows for file in manifest.files)
    assert manifest.columns == {
        "pupilid": "bigint",
        **dict.fromkeys(("session_index", "sequence_index", "first_position", "n_observations"), "int"),
        **dict.fromkeys(("is_pad_sequence", "is_new_sequence"), "array<tinyint>"),
        "correct_sequence": "array<int>",
    }
    assert manifest.versions["athena"] == "Athena engine version 3"
    assert [statement.startswith("UNLOAD") for statement in athena.statements] == [False, True]


def _get(location: str) -> bytes:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()


def test_subsets_by_hash_part_all_pupils_and_read_one_table(bucket: str) -> None:
    shares = {"train": 0.5, "test": 0.5}
    service, athena, root = a_school(bucket, subsets=shares, split_salt="s")
    _put_school(root)

    with service.all_or_none():
        locations = [_sequence(service, root, subset) for subset in shares]

    found = [{row["pupilid"] for row in published_rows(location)[1]} for location in locations]
    assert found[0] | found[1] == set(PUPILS)
    assert not found[0] & found[1]
    assert min(map(len, found)) > 5
    assert len({tuple(re.findall('FROM ("[^"]+"."[^"]+")', text)) for text in athena.statements}) == 1


def test_prepared_observations_are_sorted_in_each_file_and_whole(bucket: str) -> None:
    service, _, root = a_school(bucket, row_filter="correct = 1")
    _put_school(root)

    location = str(service.prepare_dataset(f"{root}/in", f"{root}/out", "train"))

    manifest, rows = published_rows(location)
    assert [*rows[0]] == ["pupilid", "observation_id", "answered_at", "exercise_id", "skill", "correct", "duration_s"]
    assert len(rows) == sum(map(sum, PUPILS.values())) == manifest.ledger.sequenced
    assert manifest.columns["answered_at"] == "timestamp"
    keys = [(row["pupilid"], row["answered_at"]) for row in rows]
    assert keys == sorted(keys)


def test_a_look_at_what_is_published_needs_no_spark(bucket: str) -> None:
    service, _, root = a_school(bucket)
    put_answers(f"{root}/in/part-0.parquet", answers(1, [1, 0]))
    location = str(service.prepare_dataset(f"{root}/in", f"{root}/out", "train"))

    manifest, _, rows = published(location, 1)

    assert manifest.rows == 2
    assert rows[0]["answered_at"] == datetime(2026, 1, 5, 8, tzinfo=UTC)


def test_hive_partitions_become_columns_and_are_registered_in_batches(bucket: str) -> None:
    service, athena, root = a_school(bucket, columns={"exercise_id": "week * 10"}, row_filter="week <> 3")
    put_answers(f"{root}/one.parquet", answers(1, [1, 0]))
    file = _get(f"{root}/one.parquet")
    for week in range(1, 103):
        put_object(f"{root}/in/week={week:03}/part-0.parquet", file)

    location = _sequence(service, root)

    manifest, rows = published_rows(location)
    glue, database = client("glue"), athena.queries["query-1"].request["QueryExecutionContext"]["Database"]
    (table,) = glue.get_tables(DatabaseName=database)["TableList"]
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=table["Name"])
    assert {row["n_observations"] for row in rows} == {3, 1}
    assert manifest.ledger.rows_in == 204
    assert manifest.ledger.left_out == {"filter": 2}
    assert sum(len(page["Partitions"]) for page in pages) == 102
    assert table["PartitionKeys"] == [{"Name": "week", "Type": "int"}]

    put_object(f"{root}/in/week=103/part-0.parquet", file)
    again = athena_service(athena, root, database)
    assert published_rows(_sequence(again, root))[0].ledger.rows_in == 206


def test_the_same_run_again_asks_athena_nothing(bucket: str) -> None:
    service, athena, root = a_school(bucket)
    _put_school(root)
    first = _sequence(service, root)
    asked = len(athena.queries)

    assert _sequence(service, root) == first
    assert len(athena.queries) == asked
    assert "_STARTED" not in " ".join(files_at(f"{root}/out"))


def test_a_run_by_force_is_another_one_in_a_folder_of_its_own(bucket: str) -> None:
    service, athena, root = a_school(bucket)
    _put_school(root)
    location = _sequence(service, root)
    before = resolve(RoutedStorage(), location)[0]

    forced = athena_service(athena, root, new_database(), force=True)
    _sequence(forced, root)

    assert resolve(RoutedStorage(), location)[0].run_id == f"{before.run_id}-2"


def test_a_named_table_is_read_and_a_run_named_after_it(bucket: str) -> None:
    database = new_database()
    service, athena, root = a_school(bucket)
    _put_school(root)
    _sequence(service, root)
    _copy_table(athena.queries["query-1"].request["QueryExecutionContext"]["Database"], database, "answers")

    named = athena_service(athena, root, database, athena_table=f"{database}.answers")
    manifest, rows = published_rows(_sequence(named, root))

    assert len(rows) == manifest.rows > 0
    assert manifest.input.format.startswith(f"table {database}.answers")
    assert f'FROM "{database}"."answers"' in athena.statements[-1]


def _copy_table(database: str, target: str, name: str, **changes: Any) -> None:
    glue = client("glue")
    (table,) = glue.get_tables(DatabaseName=database)["TableList"]
    parts = {key: table[key] for key in ("TableType", "StorageDescriptor", "PartitionKeys", "Parameters")}
    glue.create_table(DatabaseName=target, TableInput={"Name": name} | parts | changes)


REFUSED: dict[str, tuple[dict[str, Any], type[Obs2SeqError], str]] = {
    "delta": ({"output_format": "delta"}, ConfigurationError, "output_format: expected parquet, which is what Athena"),
    "expression": ({"columns": {"correct": "rand()"}}, ConfigurationError, "that Athena can compute as Spark does"),
    "no table": ({"athena_table": "nothing"}, DataNotFoundError, "expected a table 'nothing' in the database"),
    "catalog": ({"athena_table": "other.school.answers"}, ConfigurationError, "of the catalogue awsdatacatalog"),
    "statement": (
        {"features": tuple({"name": f"f{i}", "column": "correct", "pad": -1} for i in range(3000))},
        Obs2SeqError,
        "expected at most 262144 bytes",
    ),
    "missing column": (
        {"features": ({"name": "x", "column": "x", "pad": 0},)},
        DataError,
        "expected column 'x', found",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_athena_cannot_do_is_refused_before_it_is_asked(bucket: str, case: str) -> None:
    changes, error, words = REFUSED[case]
    put_answers(f"s3://{bucket}/deep/in/part-0.parquet", answers(1, [1, 0]))

    athena = FakeAthena()

    with pytest.raises(error) as refused:
        _sequence(athena_service(athena, f"s3://{bucket}/deep", new_database(), **changes), f"s3://{bucket}/deep")

    assert not athena.queries
    assert words in str(refused.value)
    assert files_at(f"s3://{bucket}/deep/out") == []


def test_longer_sequences_than_athena_makes_are_refused(bucket: str) -> None:
    service, athena, root = a_school(bucket)
    _put_school(root)

    with pytest.raises(SpecificationError, match="expected at most 10000 in Athena"):
        _sequence(service, root, length=10_001)

    assert not athena.queries
    assert files_at(f"{root}/out") == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("part-0.csv", b"pupilid\n1\n", "found csv data. Hint: make a table over the location yourself"),
        ("part-0.parquet", b"no Parquet", "part-0.parquet: expected a Parquet file, found one that is none"),
        ("_delta_log/00000000000000000000.json", b"{}", "found a Delta table"),
    ],
)
def test_what_cannot_be_registered_is_refused(bucket: str, name: str, content: bytes, words: str) -> None:
    service, athena, root = a_school(bucket)
    put(f"{root}/in/{name}", content)

    with pytest.raises(Obs2SeqError) as refused:
        _sequence(service, root)

    assert words in str(refused.value)
    assert not athena.queries


def test_files_that_differ_in_what_is_read_are_refused_and_else_are_read(bucket: str) -> None:
    service, _, root = a_school(bucket)
    put_answers(f"{root}/in/part-0.parquet", answers(1, [1, 0]))
    other = pa.table({"pupilid": [2], "observation_id": [1], "answered_at": [datetime(2026, 1, 5, tzinfo=UTC)]})
    other = other.append_column("skill", pa.array([5])).append_column("correct", pa.array([1], pa.int32()))
    buffer = io.BytesIO()
    pq.write_table(other, buffer)
    put(f"{root}/in/part-1.parquet", buffer.getvalue())

    assert published_sequences(_sequence(service, root)) == [(1, [1, 0, -1]), (2, [1, -1, -1])]

    reading, athena, _ = a_school(bucket, features=({"name": "skill", "column": "skill", "pad": ""},))
    with pytest.raises(DataError, match=r"column 'skill' as string in part-0.parquet and as bigint in part-1.parquet"):
        _sequence(reading, root)
    assert not athena.queries


def test_a_table_of_the_name_that_is_another_is_not_touched(bucket: str) -> None:
    service, athena, root = a_school(bucket)
    put_answers(f"{root}/in/part-0.parquet", answers(1, [1, 0]))
    _sequence(service, root)
    database, other = athena.queries["query-1"].request["QueryExecutionContext"]["Database"], new_database()
    (table,) = client("glue").get_tables(DatabaseName=database)["TableList"]
    storage = table["StorageDescriptor"]
    _copy_table(database, other, table["Name"], StorageDescriptor=storage | {"Columns": storage["Columns"][1:]})

    with pytest.raises(ConfigurationError, match="found 'pupilid' as missing in the table and as bigint in the files"):
        _sequence(athena_service(athena, root, other, force=True), root)

    assert (
        len(client("glue").get_table(DatabaseName=other, Name=table["Name"])["Table"]["StorageDescriptor"]["Columns"])
        == 6
    )


def test_no_database_is_said_with_the_command_that_makes_one(bucket: str) -> None:
    _, athena, root = a_school(bucket)
    put_answers(f"{root}/in/part-0.parquet", answers(1, [1, 0]))

    with pytest.raises(
        DataNotFoundError, match="Hint: make it once: aws glue create-database --database-input Name=nowhere"
    ):
        _sequence(athena_service(athena, root, "nowhere"), root)

    assert files_at(f"{root}/out") == []


def test_a_rule_stops_the_run_before_anything_is_written(bucket: str) -> None:
    service, athena, root = a_school(bucket)
    put_answers(f"{root}/in/part-0.parquet", [*answers(1, [1, 0]), *(a | {"pupilid": None} for a in answers(2, [1]))])

    with pytest.raises(DataError, match="found 1 of 3 rows: the pupil is null"):
        _sequence(service, root)

    assert len(athena.statements) == 1
    assert not any("UNLOAD" in text for text in athena.statements)
    assert files_at(f"{root}/out") == []


def test_checking_counts_and_writes_nothing(bucket: str) -> None:
    service, athena, root = a_school(bucket, row_filter="correct = 1")
    _put_school(root)

    ledger = service.check_dataset(f"{root}/in", "train")

    ones = sum(map(sum, PUPILS.values()))
    assert (ledger.rows_in, ledger.sequenced) == (sum(map(len, PUPILS.values())), ones)
    assert files_at(f"{root}/out") == []
    assert len(athena.statements) == 1


RETRYABLE = {"ErrorCategory": 1, "ErrorType": 401, "Retryable": True, "ErrorMessage": "x"}
ENDS: dict[str, tuple[list[tuple[str, str, dict[str, Any]]], type[Obs2SeqError], str]] = {
    "counting fails": (
        [("FAILED", "COLUMN_NOT_FOUND: line 3:9: Column 'correct' cannot be resolved beside 'Anna'", {})],
        StorageError,
        "that it failed: COLUMN_NOT_FOUND: line 3:9: Column 'correct' cannot be resolved beside '…'. Hint: check",
    ),
    "writing fails": (
        [("RUN", "", {}), ("FAILED", "Query exhausted resources at this scale factor", {})],
        StorageError,
        "failed: Query exhausted resources at this scale factor. Hint: make these sequences with Spark",
    ),
    "a row cannot be cast": (
        [("FAILED", "INVALID_CAST_ARGUMENT: Cannot cast 'Anna' to INT", {})],
        DataError,
        "a value cannot be turned into the type that an expression names (INVALID_CAST_ARGUMENT, query query-1)",
    ),
    "a reason that is not known": (
        [("FAILED", "GENERIC_INTERNAL_ERROR: row Anna, 7", {"ErrorCategory": 1, "ErrorType": 233})],
        StorageError,
        "failed: GENERIC_INTERNAL_ERROR, category 1, type 233. Hint: see the query's own page",
    ),
    "no reason": ([("FAILED", "Anna", {})], StorageError, "failed: no reason that can be told"),
    "cancelled": (
        [("RUN", "", {}), ("CANCELLED", "Query was cancelled by user", {})],
        StorageError,
        "found that somebody cancelled it. Hint: run again",
    ),
    "fails for passing reasons again and again": (
        [("RUN", "", {}), *[("FAILED", "Query exhausted resources", RETRYABLE)] * 3],
        StorageError,
        "query-4, found that it failed",
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_a_query_that_does_not_succeed_publishes_nothing(bucket: str, case: str) -> None:
    ends, error, words = ENDS[case]
    service, athena, root = a_school(bucket)
    _put_school(root)
    athena.ends = [*ends]

    with pytest.raises(error) as refused:
        _sequence(service, root)

    assert words in str(refused.value)
    assert "Anna" not in str(refused.value)
    assert files_at(f"{root}/out") == []

    athena.ends = []
    _sequence(service, root)
    assert not any("_STARTED" in path or "orphan" in path for path in files_at(f"{root}/out"))


def test_a_query_that_fails_for_a_passing_reason_is_asked_again_with_a_clear_folder(bucket: str) -> None:
    service, athena, root = a_school(bucket)
    _put_school(root)
    athena.ends = [("RUN", "", {}), ("FAILED", "Query exhausted resources", RETRYABLE), ("RUN", "", {})]

    location = _sequence(service, root)

    assert len(athena.statements) == 3
    assert athena.statements[1] == athena.statements[2]
    assert not any("orphan" in path for path in files_at(location))


def test_a_start_that_finds_no_room_waits_for_it(bucket: str) -> None:
    clock = Clock()
    service, athena, root = a_school(bucket, clock=clock)
    _put_school(root)
    athena.refusals = [client_error("TooManyRequestsException", "You have exceeded the limit")] * 4

    _sequence(service, root)

    assert clock.now > 4
    assert len(athena.queries) == 2


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("InvalidRequestException", "WorkGroup nowhere is not found.", "WorkGroup nowhere is not found"),
        ("AccessDeniedException", "User is not authorized", "found access denied (AccessDeniedException)"),
    ],
)
def test_a_start_that_is_refused_says_why(bucket: str, code: str, message: str, words: str) -> None:
    service, athena, root = a_school(bucket)
    _put_school(root)
    athena.refusals = [client_error(code, message)]

    with pytest.raises(StorageError) as refused:
        _sequence(service, root)

    assert words in str(refused.value)
    assert files_at(f"{root}/out") == []


@pytest.mark.parametrize("deadline_s", [2, 600])
def test_a_query_past_its_deadline_is_stopped(bucket: str, deadline_s: int) -> None:
    service, athena, root = a_school(bucket, *["RUNNING"] * 1000, deadline_s=deadline_s)
    _put_school(root)

    with pytest.raises(StorageError, match=r"found it RUNNING; it was stopped\. Hint: raise athena_deadline_minutes"):
        _sequence(service, root)

    assert athena.stopped == ["query-1"]
    assert files_at(f"{root}/out") == []


def test_ctrl_c_stops_the_query(bucket: str) -> None:
    service, athena, root = a_school(bucket)
    _put_school(root)

    def interrupt(query: Any) -> None:
        if query.request["QueryString"].startswith("UNLOAD"):
            raise KeyboardInterrupt

    athena.on_poll = interrupt
    with pytest.raises(KeyboardInterrupt):
        _sequence(service, root)

    assert athena.stopped == ["query-2"]
    assert all("_STARTED" in path for path in files_at(f"{root}/out"))


def test_data_that_changes_between_counting_and_writing_is_not_published(bucket: str) -> None:
    service, athena, root = a_school(bucket)
    _put_school(root)

    def add(query: Any) -> None:
        if query.request["QueryString"].startswith("UNLOAD"):
            put_answers(f"{root}/in/part-9.parquet", answers(99, [1]))

    athena.on_poll = add
    with pytest.raises(StorageError, match=r"rows in the files that were written, found \d+\. Hint: run again when"):
        _sequence(service, root)

    assert files_at(f"{root}/out") == []


def test_an_engine_that_does_not_know_the_functions_is_refused(bucket: str) -> None:
    service, athena, root = a_school(bucket)
    _put_school(root)
    athena.engine = "Athena engine version 2"

    with pytest.raises(ConfigurationError, match="athena_workgroup: expected Athena engine version 3"):
        _sequence(service, root)


def test_subsets_in_folders_are_registered_each_for_itself_and_no_named_table_parts_them(bucket: str) -> None:
    service, athena, root = a_school(bucket, subsets={"train": 0.5, "test": 0.5})
    put_answers(f"{root}/in/train/part-0.parquet", answers(1, [1, 0]))
    put_answers(f"{root}/in/test/part-0.parquet", answers(2, [1]))

    assert published_sequences(_sequence(service, root, "test")) == [(2, [1, -1, -1])]

    named = athena_service(athena, root, new_database(), subsets={"train": 0.5, "test": 0.5}, athena_table="answers")
    with pytest.raises(ConfigurationError, match="expected subsets that a column or a hash tells apart"):
        _sequence(named, root)


def test_spark_reads_what_athena_wrote_and_publishes_beside_it(spark: SparkSession, bucket: str) -> None:
    service, athena, root = a_school(bucket)
    put_answers(f"{root}/in/part-0.parquet", answers(1, [1, 0]), answers(2, [1]))
    location = _sequence(service, root)
    run_id = service.published(location).run_id
    EmptyFolderDataset(RoutedStorage(), location).start("f" * 16)

    whole, one_run = spark.read.parquet(location), spark.read.parquet(f"{location}/run_id={run_id}")
    by_spark = warehouse(settings_for(f"{root}/in", f"{root}/out", force=True))
    by_spark.sequence_dataset(f"{root}/in", 3, f"{root}/out", "train")

    assert {(row["pupilid"], row["run_id"]) for row in whole.collect()} == {(1, run_id), (2, run_id)}
    assert one_run.count() == 2
    assert published_sequences(location) == [(1, [1, 0, -1]), (2, [1, -1, -1])]
    assert by_spark.published(location).run_id == f"{run_id}-2"
    assert not any("_STARTED" in path for path in files_at(location))
    assert athena.stopped == []


@pytest.mark.parametrize("subset", ["train", "test"])
def test_spark_and_athena_choose_count_and_make_the_same(spark: SparkSession, bucket: str, subset: str) -> None:
    told: dict[str, Any] = {
        "subsets": {"train": 0.5, "test": 0.5},
        "columns": {
            "correct": "if(isnan(duration_s), 7, int(duration_s * correct - 1.2))",
            "skill": "concat(skill, '-', exercise_id)",
        },
        "row_filter": "exercise_id <> 3 AND duration_s >= 0.5",
        "duplicates": "drop",
        "null_pupil": "leave_out",
        "null_time": "leave_out",
        "stride": 2,
        "align": "end",
        "min_length": 2,
        "max_sequences_per_pupil": 2,
        "session_gap_seconds": 60.0,
        "features": (
            {"name": "correct", "column": "correct", "pad": -9},
            {"name": "skill", "column": "skill", "pad": "", "shift": 1},
        ),
    }
    service, _, root = a_school(bucket, **told)
    rows = [row for n, corrects in PUPILS.items() for row in answers(n, corrects * (1 + n % 3))]
    for i, row in enumerate(rows):
        row["pupilid"] = None if i % 17 == 5 else row["pupilid"]
        row["answered_at"] = None if i % 19 == 7 else row["answered_at"]
        row["duration_s"] = (float("nan"), 0.25, 2.5)[i % 3 if i % 5 == 0 else 2]
    put_answers(f"{root}/in/part-0.parquet", rows, rows[10:30])

    by_athena, made = published_rows(_sequence(service, root, subset))
    on_spark = warehouse(settings_for(f"{root}/in", f"{root}/spark", **told))
    location = str(on_spark.sequence_dataset(f"{root}/in", 3, f"{root}/spark", subset))
    by_spark, expected = published_rows(location)

    assert comparable(made, ("pupilid", "sequence_index")) == comparable(expected, ("pupilid", "sequence_index"))
    assert by_athena.ledger == by_spark.ledger
    assert len(by_athena.ledger.left_out) == 7
    assert by_athena.columns == by_spark.columns
