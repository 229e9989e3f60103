"""Rows, subsets and names that a run has to judge: what it refuses, leaves out, counts, or simply reads."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from obs2seq.publishing import resolve
from obs2seq.storage.local import LocalStorage
from tests.commands import N_ROWS, SECRET, Published, asked, observations, publish, put_bytes, put_parquet, run

Capture = pytest.CaptureFixture[str]
DONE, DATA = 0, 1


@pytest.fixture(scope="module")
def published(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(tmp_path_factory.mktemp("published"))


def _set(table: pa.Table, column: str, value: object, *rows: int) -> pa.Table:
    """Return the table with another value in some rows."""
    mask = pa.array([i in rows for i in range(table.num_rows)])
    type_ = table.schema.field(column).type
    changed = pc.if_else(mask, pa.scalar(value, type_), table[column])
    return table.set_column(table.column_names.index(column), column, changed)


def _ledger(output: Path, dataset: str = "all_sequenced_4") -> tuple[int, int, dict[str, int], dict[str, int]]:
    ledger = resolve(LocalStorage(), str(output / dataset))[0].ledger
    noted = {rule: n for rule, n in ledger.noted.items() if n}
    return ledger.rows_in, ledger.sequenced, dict(ledger.left_out), noted


def _rows(output: Path, dataset: str = "all_sequenced_4") -> list[dict[str, Any]]:
    manifest, location = resolve(LocalStorage(), str(output / dataset))
    return [row for file in manifest.files for row in pq.ParquetFile(Path(location, file.path)).read().to_pylist()]


RULES = {
    "null_pupil": (_set(observations(), "pupilid", None, 3, 7), "the pupil is null"),
    "null_time": (_set(observations(), "answered_at", None, 3, 7), "the time is null"),
    "time_out_of_range": (
        observations(
            answered_at=pa.array(
                [260_000_000_000_000_000 if i in (3, 7) else i for i in range(N_ROWS)], pa.timestamp("us", "UTC")
            )
        ),
        "the time lies outside the years 1 to 9999",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_row_that_breaks_a_rule_stops_the_run_or_is_left_out_and_counted(
    published: Published, tmp_path: Path, capsys: Capture, rule: str
) -> None:
    table, meaning = RULES[rule]
    data = put_parquet(tmp_path / "in" / "part-0.parquet", table)

    said = published.refusal(capsys, DATA, data=data)
    answer = run(capsys, data, tmp_path / "out", f"--{rule}", "leave_out")

    assert f"expected rows that can be used, found 2 of 24 rows: {meaning}. Hint: set {rule}: leave_out" in said
    assert answer.code == DONE
    assert f"2 left out: {meaning}" in answer.out
    assert _ledger(tmp_path / "out") == (24, 22, {rule: 2}, {})


def test_times_before_1900_are_read(published: Published, tmp_path: Path, capsys: Capture) -> None:
    old = _set(observations(), "answered_at", datetime(1, 1, 1, tzinfo=UTC), 5)
    data = put_parquet(tmp_path / "in" / "part-0.parquet", old)

    assert run(capsys, data, tmp_path / "out").code == DONE
    assert _ledger(tmp_path / "out") == (24, 24, {}, {})


@pytest.mark.parametrize(
    ("option", "expected", "line"),
    [
        ("keep", (30, 30, {}, {"duplicate": 6}), "6 kept, but noted: the same pupil, order keys and values stand in"),
        ("drop", (30, 24, {"duplicate": 6}, {}), "6 left out: the same pupil, order keys and values stand in another"),
    ],
)
def test_duplicates_are_kept_and_noted_or_dropped_and_counted(
    spark: SparkSession, tmp_path: Path, capsys: Capture, option: str, expected: tuple[object, ...], line: str
) -> None:
    put_parquet(tmp_path / "in" / "part-0.parquet", observations())
    put_parquet(tmp_path / "in" / "part-1.parquet", observations().slice(10, 6))

    answer = run(capsys, tmp_path / "in", tmp_path / "out", "--duplicates", option)

    assert answer.code == DONE
    assert line in answer.out
    assert _ledger(tmp_path / "out") == expected


def test_a_subset_without_a_row_is_refused(published: Published, tmp_path: Path, capsys: Capture) -> None:
    one_pupil = put_parquet(tmp_path / "part-0.parquet", observations().slice(3, 1))

    too_few = published.refusal(capsys, DATA, "--subsets", "a=0.5,b=0.5", data=one_pupil)
    too_short = published.refusal(capsys, DATA, "--sequence_length", 9, "--min_length", 9)
    all_filtered = published.refusal(capsys, DATA, "--row_filter", "correct > 1")

    nothing = "expected observations for the subset"
    assert f"{nothing} 'a', found none (of 1 rows, 1 rows: it belongs to another subset)" in too_few
    assert "found none (of 24 rows, 24 rows: its sequence has fewer observations than min_length)" in too_short
    assert "found none (of 24 rows, 24 rows: row_filter is not true)" in all_filtered


def test_folders_that_are_not_those_of_the_subsets_are_refused(
    published: Published, tmp_path: Path, capsys: Capture
) -> None:
    put_parquet(tmp_path / "train" / "part-0.parquet", observations())
    options = ("--subsets", "train=0.5,test=0.5")

    missing = published.refusal(capsys, DATA, *options, data=tmp_path)
    put_parquet(tmp_path / "test" / "part-0.parquet", observations())
    put_parquet(tmp_path / "extra" / "part-0.parquet", observations())
    extra = published.refusal(capsys, DATA, *options, data=tmp_path)

    assert "expected a folder for each of the subsets train, test, found none for test. Hint: name under" in missing
    assert "alone, found extra/part-0.parquet beside them. Hint: name its folder under subsets" in extra


def test_values_of_the_subset_column_that_name_no_subset_are_counted(
    spark: SparkSession, tmp_path: Path, capsys: Capture
) -> None:
    names = ["train", "test", "trian", None]
    data = put_parquet(tmp_path / "in" / "part-0.parquet", observations(subset=pa.array(names * 6)))

    answer = run(capsys, data, tmp_path / "out", "--subsets", "train=0.5,test=0.5")

    assert answer.code == DONE
    assert answer.out.count("12 left out: the subset column holds none of the configured subsets") == 2
    assert _ledger(tmp_path / "out", "train_sequenced_4") == (24, 6, {"other_subset": 6, "unknown_subset": 12}, {})


def test_a_missing_subset_column_is_refused(published: Published, capsys: Capture) -> None:
    said = published.refusal(capsys, DATA, "--subset_method", "column", "--subset_column", "skil")

    assert "expected column 'skil', found [" in said
    assert "did you mean 'skill'" in said


NAMES = {
    "pupilid": "pupil.id",
    "answered_at": "answered at, in `UTC`",
    "observation_id": 'the "no." of an\'answer;{}()=',
    "correct": "richtig — 正しい?",
    "skill": "a\\b*[c]",
}


@pytest.mark.parametrize("format_", ["parquet", "delta"])
def test_columns_of_any_name_are_read_and_published(
    spark: SparkSession, tmp_path: Path, capsys: Capture, format_: str
) -> None:
    data = put_parquet(tmp_path / "in" / "part-0.parquet", observations().rename_columns(list(NAMES.values())))
    options = ["--output_format", format_, "--pupil", NAMES["pupilid"]]
    options += ["--order_by", f"[{_yaml(NAMES['answered_at'])}, {_yaml(NAMES['observation_id'])}]"]
    options += ["--features", f"[{{name: {_yaml(NAMES['skill'])}, column: {_yaml(NAMES['skill'])}, pad: x}}]"]
    options += ["--columns", f"{{made: {_yaml('`' + NAMES['correct'] + '`')}}}", "--row_filter", "made >= 0"]

    answer = run(capsys, data, tmp_path / "out", *options)

    assert (answer.code, answer.err) == (DONE, "")
    output = tmp_path / "out" / "all_sequenced_4"
    frame = spark.read.format(format_).load(str(output)) if format_ == "delta" else spark.read.parquet(str(output))
    rows = [row for row in frame.collect() if row["pupil.id"] == 1]
    assert [row["a\\b*[c]_sequence"] for row in rows] == [["skill 1"] * 4]
    assert "pupil.id 1, session 0" in asked(capsys, "show", output, "--sequences", 6).out


def _yaml(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def test_places_of_any_name_are_read_and_written(spark: SparkSession, tmp_path: Path, capsys: Capture) -> None:
    names = ["with space", "[1] {a,b} *?", "back\\slash", "100% ü", 'it\'s "so"', "[bold] x"]
    for name in names:
        data = put_parquet(tmp_path / name / "a b=[1]" / f"{name}.parquet", observations()).parent
        put_bytes(data / "notes.txt", SECRET)

        answer = run(capsys, data, tmp_path / "out" / name)

        assert answer.code == DONE, answer.err
        assert f"all: {tmp_path}/out/{name}/all_sequenced_4 (run " in answer.out
        assert len(_rows(tmp_path / "out" / name)) == 6
