"""The embedded engine from files to files: the contract's cases, the oracle, the rules, and temporary files."""

import hashlib
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obs2seq import SequenceSpec
from obs2seq.bootstrap import check, run, warehouse
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.splits import hash_range
from obs2seq.errors import ConfigurationError, DataError, DataNotFoundError, StorageError
from obs2seq.storage.filesystems import opened
from obs2seq.warehouses.arrow import buckets, memory
from obs2seq.warehouses.arrow.steps import for_each
from tests import oracle
from tests.arrow_vectors import ArrowVector, load_arrow_vectors
from tests.commands import put_parquet
from tests.small_jobs import answers, published_rows, put_answers, settings_for
from tests.test_kernel import FLOATS, SCHEMA, in_order, observations, specifications

LEAVING_OUT = {"null_pupil": "leave_out", "null_time": "leave_out"}


def made(data: Path, place: Path, **changes: Any) -> tuple[Manifest, list[dict[str, Any]]]:
    """Run on Arrow; return the manifest of the subset train, and what readers find."""
    run(settings_for(str(data), str(place), **({"engine": "arrow"} | changes)))
    kind = f"sequenced_{changes.get('sequence_length', 3)}"
    return published_rows(f"{place}/train_{kind}")


def in_files(table: pa.Table, folder: Path, files: int = 2) -> Path:
    """Lay a table's rows into several files."""
    step = -(-len(table) // files) or 1
    for number in range(files):
        put_parquet(folder / f"part-{number}.parquet", table.slice(number * step, step))
    return folder


@pytest.fixture(autouse=True, scope="module")
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep apart what other tests leave for a moment where temporary files lie by default."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))
        yield


def temporary_files() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("obs2seq-*"))


@pytest.mark.parametrize("vector", load_arrow_vectors(), ids=lambda vector: vector.name)
def test_files_of_a_vector_become_its_sequences(vector: ArrowVector, tmp_path: Path) -> None:
    data = in_files(vector.observations, tmp_path / "in")
    spec = SequenceSpec.model_validate(vector.spec)

    manifest, rows = made(data, tmp_path / "out", **vector.spec)

    assert in_order(rows, spec) == in_order(vector.sequences, spec)
    assert manifest.rows == len(rows)


@pytest.mark.parametrize("budget", [None, "16k"], ids=["in memory", "in temporary files"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=observations(FLOATS), fields=specifications(), duplicates=st.sampled_from(["keep", "drop"]))
def test_files_of_random_cases_become_what_the_oracle_says(
    rows: list[dict[str, Any]],
    fields: dict[str, Any],
    duplicates: str,
    budget: str | None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(memory, "LEAST_PIECE_ROWS", 4)
    table = pa.Table.from_pylist(rows, SCHEMA)
    kept = [row for row in rows if row["pupilid"] is not None and row["answered_at"] is not None]
    distinct = list({repr(sorted(row.items())): row for row in kept}.values())
    taken = distinct if duplicates == "drop" else kept
    expected = in_order(oracle.sequences(taken, fields), SequenceSpec.model_validate(fields))
    options = fields | LEAVING_OUT | {"duplicates": duplicates, "memory_budget": budget, "force": True}
    data = in_files(table, tmp_path / "in", files=3)

    if not kept:
        with pytest.raises(DataNotFoundError):
            made(data, tmp_path / "out", **options)
        return
    if not expected:
        with pytest.raises(DataNotFoundError, match="observations for the subset 'train', found none"):
            made(data, tmp_path / "out", **options)
        return
    manifest, found = made(data, tmp_path / "out", **options)

    assert repr(in_order(found, SequenceSpec.model_validate(fields))) == repr(expected)
    ledger = manifest.ledger
    assert ledger.rows_in == len(rows)
    assert ledger.left_out.get("null_pupil", 0) == sum(row["pupilid"] is None for row in rows)
    assert (ledger.left_out | ledger.noted).get("duplicate", 0) == len(kept) - len(distinct)
    assert ledger.sequenced == sum(sum(row["is_new_sequence"]) for row in expected)
    assert temporary_files() == []


def test_pupils_that_fit_no_budget_together_go_through_files_one_by_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "LEAST_PIECE_ROWS", 8)
    heavy, others = answers(1, [0, 1] * 100), [answers(pupil, [1] * 5) for pupil in range(2, 12)]
    put_answers(str(tmp_path / "in" / "a.parquet"), *others, heavy)
    options = {"sequence_length": 7, "stride": 3, "duplicates": "drop"}
    _, expected = made(tmp_path / "in", tmp_path / "memory", **options)

    manifest, rows = made(tmp_path / "in", tmp_path / "files", memory_budget="32k", **options)

    key = lambda row: (row["pupilid"], row["sequence_index"])  # noqa: E731
    assert sorted(rows, key=key) == sorted(expected, key=key)
    assert manifest.ledger.sequenced == 250


def test_a_pupil_that_cannot_be_ordered_within_the_budget_is_refused_with_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "LEAST_PIECE_ROWS", 8)
    put_answers(str(tmp_path / "in" / "a.parquet"), answers(1, [0, 1] * 500))

    with pytest.raises(ConfigurationError) as refused:
        made(tmp_path / "in", tmp_path / "out", memory_budget="32k")

    assert str(refused.value) == (
        "memory_budget: expected at least 131k, for a pupil with 1,000 observations, found 32k. "
        "Hint: raise memory_budget, or leave such a pupil out by row_filter."
    )
    assert temporary_files() == []
    made(tmp_path / "in", tmp_path / "out", memory_budget="131k")


def test_a_budget_smaller_than_a_batch_is_refused_with_what_is_needed(tmp_path: Path) -> None:
    put_answers(str(tmp_path / "in" / "a.parquet"), answers(1, [0, 1]))

    with pytest.raises(
        ConfigurationError, match=r"memory_budget: expected at least \d+[km], for a batch of .* found 5k"
    ):
        made(tmp_path / "in", tmp_path / "out", memory_budget="5k")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").rglob("*.parquet"))


def needing_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(memory, "LEAST_PIECE_ROWS", 8)
    put_answers(str(tmp_path / "in" / "a.parquet"), *(answers(pupil, [1] * 20) for pupil in range(30)))
    return {"memory_budget": "32k", "temporary_folder": str(tmp_path / "temporary")}


def test_a_temporary_folder_without_room_is_refused_with_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = needing_files(tmp_path, monkeypatch)
    (tmp_path / "temporary").mkdir()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=4096))

    with pytest.raises(
        StorageError, match=r"expected room for about \d+k of temporary files, found 4k free\. Hint: set"
    ):
        made(tmp_path / "in", tmp_path / "out", **options)
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("free", [4096, 1 << 40], ids=["no room", "room"])
def test_what_memory_holds_goes_into_files_above_a_size_only_where_they_have_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int
) -> None:
    put_answers(str(tmp_path / "in" / "part-0.parquet"), *(answers(pupil, [1, 0] * 50) for pupil in range(40)))
    usage, taken = shutil.disk_usage(tmp_path), list[int]()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))
    monkeypatch.setattr(memory, "_LIGHT", 1 << 17)
    monkeypatch.setattr(buckets.Bucket, "finish", _noting(buckets.Bucket.finish, taken))

    manifest, rows = made(tmp_path / "in", tmp_path / "out", memory_budget="1g")

    assert manifest.ledger.sequenced == 4000
    assert len(rows) == 40 * 34
    assert sum(taken) == (0 if free == 4096 else 4000)


def test_after_an_error_nothing_is_at_work_any_more() -> None:
    began, failed, done = threading.Event(), threading.Event(), list[int]()

    def do(item: int) -> None:
        if item == 0:
            began.wait()
            failed.set()
            raise DataError("here", "expected so, found otherwise")
        began.set()
        failed.wait()
        for number in range(1_000_000):
            done.append(number)

    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(DataError):
            for_each(pool, do, range(2))
        assert len(done) == 1_000_000


def _noting(finish: Callable[[buckets.Bucket], None], taken: list[int]) -> Callable[[buckets.Bucket], None]:
    def noted(bucket: buckets.Bucket) -> None:
        taken.append(bucket.rows)
        finish(bucket)

    return noted


@pytest.mark.parametrize(("is_file", "reason"), [(True, "Not a directory"), (False, "No such file or directory")])
def test_a_temporary_folder_that_is_none_is_refused_before_it_is_needed(
    tmp_path: Path, is_file: bool, reason: str
) -> None:
    put_answers(str(tmp_path / "in" / "a.parquet"), answers(1, [0, 1]))
    if is_file:
        (tmp_path / "temporary").write_text("a file")

    with pytest.raises(
        ConfigurationError, match=rf"temporary_folder: expected a folder .* '.*/temporary': {reason}\. Hint: make"
    ):
        made(tmp_path / "in", tmp_path / "out", temporary_folder=str(tmp_path / "temporary"))
    assert not (tmp_path / "out").exists()


def test_a_temporary_folder_that_may_only_be_read_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(dir: str) -> None:  # as tempfile calls it
        raise PermissionError(13, "Permission denied", dir)

    monkeypatch.setattr("obs2seq.bootstrap.temporary_files.TemporaryFile", refused)

    with pytest.raises(ConfigurationError, match=r"temporary_folder: .* Permission denied\. Hint: make the folder, or"):
        made(tmp_path / "in", tmp_path / "out", temporary_folder=str(tmp_path))


def test_a_disk_that_fills_up_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = needing_files(tmp_path, monkeypatch)
    (tmp_path / "temporary").mkdir()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("obs2seq.warehouses.arrow.buckets.Bucket.add", full)

    with pytest.raises(StorageError, match=r"temporary: expected to write about .* found: No space left on device"):
        made(tmp_path / "in", tmp_path / "out", **options)
    assert list((tmp_path / "temporary").iterdir()) == []


# ---------------------------------------------------------------- rules and subsets


def test_every_rule_leaves_out_what_it_names_and_the_ledger_balances(tmp_path: Path) -> None:
    rows = [row for pupil in range(1, 9) for row in answers(pupil, [1, 0, 1])]
    rows[0]["pupilid"] = None
    rows[1]["answered_at"] = None
    rows[2]["duration_s"] = None
    put_parquet(tmp_path / "in" / "a.parquet", pa.Table.from_pylist(rows, SCHEMA_OF_ANSWERS))
    options = LEAVING_OUT | {"row_filter": "duration_s > 0", "subsets": {"train": 0.5, "test": 0.5}}

    manifest, found = made(tmp_path / "in", tmp_path / "out", **options)

    share = hash_range({"train": 0.5, "test": 0.5}, "train")
    train = [pupil for pupil in range(2, 9) if share.holds(str(pupil))]
    assert {row["pupilid"] for row in found} == set(train)
    assert manifest.ledger.rows_in == 24
    assert dict(manifest.ledger.left_out) == {
        "filter": 1,
        "null_pupil": 1,
        "null_time": 1,
        "other_subset": 3 * (7 - len(train)),
    }


SCHEMA_OF_ANSWERS = pa.schema(
    {
        "pupilid": pa.int64(),
        "observation_id": pa.int64(),
        "answered_at": pa.timestamp("us", "UTC"),
        "correct": pa.int32(),
        "duration_s": pa.float64(),
    }
)


def test_rules_that_fail_stop_the_run_before_anything_is_written(tmp_path: Path) -> None:
    rows = answers(1, [1, 0])
    rows[0]["pupilid"] = None
    put_parquet(tmp_path / "in" / "a.parquet", pa.Table.from_pylist(rows, SCHEMA_OF_ANSWERS))

    with pytest.raises(DataError, match=r"found 1 of 2 rows: the pupil is null\. Hint: set null_pupil"):
        made(tmp_path / "in", tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_times_outside_the_years_1_to_9999_are_counted(tmp_path: Path) -> None:
    times = pa.array([-62_135_596_800_000_001, -62_135_596_800_000_000, 253_402_300_800_000_000], pa.int64())
    table = pa.table({"pupilid": [1, 1, 1], "answered_at": times.cast(pa.timestamp("us", "UTC")), "correct": [1, 2, 3]})
    put_parquet(tmp_path / "in" / "a.parquet", table)

    manifest, rows = made(
        tmp_path / "in", tmp_path / "out", order_by=["answered_at"], time_out_of_range="leave_out", sequence_length=1
    )

    assert [row["correct_sequence"] for row in rows] == [[2]]
    assert manifest.ledger.left_out == {"time_out_of_range": 2}


def test_a_column_tells_the_subset(tmp_path: Path) -> None:
    table = pa.table(
        {
            "pupilid": ["a", "b", "c", "d"],
            "at": [1, 2, 3, 4],
            "correct": [1, 2, 3, 4],
            "subset": pa.array(["train", "test", None, "other"]).dictionary_encode(),
        }
    )
    put_parquet(tmp_path / "in" / "a.parquet", table)
    options = {"order_by": ["at"], "subsets": {"train": 0.5, "test": 0.5}}

    manifest, rows = made(tmp_path / "in", tmp_path / "out", **options)

    assert [(row["pupilid"], row["correct_sequence"]) for row in rows] == [("a", [1, -1, -1])]
    assert manifest.ledger.left_out == {"other_subset": 1, "unknown_subset": 2}


def test_folders_tell_the_subset_and_give_columns(tmp_path: Path) -> None:
    for subset, year, pupil in (("train", 2025, 1), ("train", 2026, 2), ("test", 2026, 3)):
        put_answers(str(tmp_path / "in" / subset / f"year={year}" / "a.parquet"), answers(pupil, [1, 0]))
    features = [{"name": "year", "column": "year", "pad": 0}]

    _, rows = made(
        tmp_path / "in", tmp_path / "out", subsets={"train": 0.5, "test": 0.5}, features=features, sequence_length=2
    )

    assert [(row["pupilid"], row["year_sequence"]) for row in rows] == [(1, [2025, 2025]), (2, [2026, 2026])]


def halves(texts: list[str]) -> tuple[dict[str, float], list[str]]:
    """Return two shares that part two pupils, and the share of each: told by the hash of their texts alone."""
    hashes = [int(hashlib.md5(f":{text}".encode()).hexdigest()[:8], 16) / 16**8 for text in texts]
    cut = round(sum(hashes) / 2, 9)
    return {"low": cut, "high": round(1 - cut, 9)}, ["low" if each < cut else "high" for each in hashes]


@pytest.mark.parametrize(
    ("pupils", "texts"),
    [
        (pa.array([7, -1], pa.int16()), ["7", "-1"]),
        (pa.array(["ä", ""]), ["ä", ""]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([1.0, 12345678.0]), ["1.0", "1.2345678E7"]),
        (pa.array([0, 20_000], pa.date32()), ["1970-01-01", "2024-10-04"]),
        (pa.array([Decimal("150.00"), Decimal(7)], pa.decimal128(20, 2)), ["150.00", "7.00"]),
        (pa.array([1, 2], pa.uint64()), ["1", "2"]),
    ],
    ids=str,
)
def test_pupils_of_every_type_are_split_by_their_text_in_spark(
    pupils: pa.Array, texts: list[str], tmp_path: Path
) -> None:
    table = pa.table({"pupilid": pupils, "at": [1, 2], "correct": [1, 2]})
    put_parquet(tmp_path / "in" / "a.parquet", table)

    shares, expected = halves(texts)
    ledgers = check(settings_for(str(tmp_path / "in"), "", engine="arrow", order_by=["at"], subsets=shares))

    assert {name: ledger.sequenced for name, ledger in ledgers.items()} == Counter(expected)


@pytest.mark.parametrize(
    "pupils", [pa.array([1.5, 2.0]), pa.array([0, 1], pa.timestamp("us", "UTC"))], ids=["fractions", "times"]
)
def test_pupils_whose_text_in_spark_is_not_certain_are_refused(pupils: pa.Array, tmp_path: Path) -> None:
    put_parquet(tmp_path / "in" / "a.parquet", pa.table({"pupilid": pupils, "at": [1, 2], "correct": [1, 2]}))

    with pytest.raises(DataError, match=r"expected the pupils to be whole numbers, texts, .* CAST"):
        made(tmp_path / "in", tmp_path / "out", order_by=["at"], subsets={"train": 0.5, "test": 0.5})


# ---------------------------------------------------------------- observations, columns, refusals


def test_observations_come_out_whole_and_in_order(tmp_path: Path) -> None:
    table = pa.table(
        {
            "tags": pa.array([["b"], ["a"], None, ["a"], ["a"]]),
            "Pupilid": [2, 1, 1, 1, 1],
            "at": [1, 5, 5, 4, 5],
            "correct": [1, 2, 2, 3, 2],
            "place": pa.array([{"x": 1.0}, {"x": None}, {"x": 0.5}, None, {"x": float("nan")}]),
        }
    )
    put_parquet(tmp_path / "in" / "a.parquet", table)

    service = warehouse(settings_for("", "", engine="arrow", order_by=["at"]))
    service.prepare_dataset(str(tmp_path / "in"), str(tmp_path / "out"), "train")

    manifest, rows = published_rows(str(tmp_path / "out" / "train_prepared"))
    assert list(manifest.columns.items())[:2] == [("tags", "array<string>"), ("Pupilid", "bigint")]
    assert [(row["Pupilid"], row["at"], row["tags"], repr(row["place"])) for row in rows] == [
        (1, 4, ["a"], "None"),
        (1, 5, ["a"], "{'x': None}"),
        (1, 5, None, "{'x': 0.5}"),
        (1, 5, ["a"], "{'x': nan}"),
        (2, 1, ["b"], "{'x': 1.0}"),
    ]


def test_expressions_make_columns_and_filter_rows(tmp_path: Path) -> None:
    put_answers(str(tmp_path / "in" / "a.parquet"), answers(1, [1, 0, 1]), answers(2, [0, 0]))
    columns = {"correct": "CAST(correct = 1 AND duration_s >= 2.5 AS INT)", "who": "concat('p', pupilid)"}

    manifest, rows = made(
        tmp_path / "in", tmp_path / "out", columns=columns, row_filter="who <> 'p2'", pupil="who", sequence_length=4
    )

    assert [(row["who"], row["correct_sequence"]) for row in rows] == [("p1", [1, 0, 1, -1])]
    assert manifest.ledger.left_out == {"filter": 2}
    assert manifest.columns["correct_sequence"] == "array<int>"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"correct": "rand()"}}, r"columns.correct: expected an expression .* found rand\(\)\. Hint"),
        ({"columns": {"correct": "correct +"}}, "columns.correct: expected a column or a Spark SQL expression"),
        ({"row_filter": "correct + 1"}, "row_filter: expected a condition, found an expression of type int"),
        ({"row_filter": "corect = 1"}, "found: no column 'corect' .did you mean 'correct'"),
        ({"output_format": "delta"}, "output_format: expected parquet where engine is arrow, found delta"),
        ({"mode": "emr"}, "engine: expected spark where mode is emr, found arrow. Hint: set mode: local"),
    ],
)
def test_what_arrow_does_not_do_is_refused_by_name(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    put_answers(str(tmp_path / "in" / "a.parquet"), answers(1, [1]))

    with pytest.raises(ConfigurationError, match=message):
        made(tmp_path / "in", tmp_path / "out", **changes)


def test_a_key_that_arrow_cannot_encrypt_with_is_refused_and_passed_over_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="s3_kms_key: expected none where engine is arrow"):
        run(settings_for(str(tmp_path / "in"), "s3://bucket/out", engine="arrow", s3_kms_key="alias/school"))

    warehouse(settings_for(str(tmp_path / "in"), str(tmp_path / "out"), engine="arrow", s3_kms_key="alias/school"))


def test_buckets_are_looked_for_in_the_region_that_is_set(bucket: str, tmp_path: Path) -> None:
    put_answers(f"s3://{bucket}/in/a.parquet", answers(1, [1, 0, 1, 1]))
    settings = settings_for(f"s3://{bucket}/in", f"s3://{bucket}/out", engine="arrow", s3_region="eu-west-3")
    region_before = opened(f"s3://{bucket}/in")[0].region

    made = run(settings)

    assert made["train"][0].rows == 2
    assert opened(f"s3://{bucket}/out")[0].region == "eu-west-3"
    assert opened("s3://another-bucket/in")[0].region == region_before != "eu-west-3"
    warehouse(settings.model_copy(update={"s3_region": None}))
    assert opened(f"s3://{bucket}/out")[0].region == region_before


def test_a_delta_table_is_refused_by_name(tmp_path: Path) -> None:
    put_answers(str(tmp_path / "in" / "a.parquet"), answers(1, [1]))
    (tmp_path / "in" / "_delta_log").mkdir()
    (tmp_path / "in" / "_delta_log" / f"{0:020}.json").write_text("{}")

    with pytest.raises(ConfigurationError, match=r"found a Delta table\. Hint: set engine: spark"):
        made(tmp_path / "in", tmp_path / "out")


def test_a_row_for_which_an_expression_fails_stops_the_run(tmp_path: Path) -> None:
    put_answers(str(tmp_path / "in" / "a.parquet"), answers(1, [1, 0]))

    with pytest.raises(DataError, match=r"columns\.correct: expected every row to have a value, found one"):
        made(tmp_path / "in", tmp_path / "out", columns={"correct": "1 / correct"})


def test_a_file_that_changes_while_it_is_read_stops_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "in" / "a.parquet"
    put_answers(str(file), answers(1, [1, 0]))
    from obs2seq.warehouses.arrow.steps import Reading

    read = Reading.read

    def read_and_change(self: Reading, *arguments: Any) -> None:
        read(self, *arguments)
        put_answers(str(file), answers(1, [1, 0, 1]))

    monkeypatch.setattr(Reading, "read", read_and_change)

    with pytest.raises(DataError, match="expected the files that were listed at the start, found one gone or changed"):
        made(tmp_path / "in", tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_a_file_that_is_cut_short_stops_the_run(tmp_path: Path) -> None:
    file = tmp_path / "in" / "a.parquet"
    put_answers(str(file), answers(1, [1, 0] * 50))
    file.write_bytes(file.read_bytes()[:-40])

    with pytest.raises(DataError, match=r"a.parquet: expected files that are whole, found one that is corrupt"):
        made(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY", "PLAIN"])
def test_texts_are_read_however_they_are_written(encoding: str, tmp_path: Path) -> None:
    skills = ["addition", None, "adding", "add", "subtraction"]
    table = pa.table({"pupilid": [1] * 5, "at": range(5), "skill": skills})
    (tmp_path / "in").mkdir()
    for number, options in enumerate(({"use_dictionary": False, "column_encoding": {"skill": encoding}}, {})):
        pupil = table.set_column(0, "pupilid", pa.array([number] * 5))
        pq.write_table(pupil, tmp_path / "in" / f"{number}.parquet", row_group_size=2, **options)
    feature = {"name": "skill", "column": "skill", "pad": "<pad>"}

    _, rows = made(tmp_path / "in", tmp_path / "out", order_by=["at"], features=[feature], sequence_length=5)

    assert [row["skill_sequence"] for row in rows] == [[skill or "<pad>" for skill in skills]] * 2


def test_files_that_differ_in_a_column_that_is_read_are_refused(tmp_path: Path) -> None:
    put_parquet(tmp_path / "in" / "a.parquet", pa.table({"pupilid": [1], "at": [1], "correct": [1], "x": [1]}))
    put_parquet(tmp_path / "in" / "b.parquet", pa.table({"pupilid": [2], "at": [1], "correct": ["1"], "x": ["1"]}))

    with pytest.raises(DataError, match=r"found column 'correct' as bigint in a\.parquet and as string in b\.parquet"):
        made(tmp_path / "in", tmp_path / "out", order_by=["at"])
    _, rows = made(tmp_path / "in", tmp_path / "out", order_by=["at"], columns={"correct": "at"})
    assert len(rows) == 2


def test_a_run_that_is_finished_is_not_made_again(tmp_path: Path) -> None:
    put_answers(str(tmp_path / "in" / "a.parquet"), answers(1, [1, 0]))

    first, _ = made(tmp_path / "in", tmp_path / "out")
    second, _ = made(tmp_path / "in", tmp_path / "out", memory_budget="1g")

    assert first == second
    assert set(first.versions) == {"obs2seq", "arrow", "python"}
