"""Records and rows that cannot be read: each is refused in one line that shows no row, and changes nothing."""

import gzip
import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.commands import SECRET, Published, publish, put_bytes

Capture = pytest.CaptureFixture[str]
DATA, USAGE = 1, 2

SCHEMA = "pupilid long, answered_at timestamp, observation_id long, correct int, skill string"
HEADER = "pupilid,answered_at,observation_id,correct,skill\n"
CSV = HEADER + "".join(f"{i % 3},2026-01-05T08:{i:02d}:00Z,{i},{i % 2},skill {i % 3}\n" for i in range(12))
RECORD = {"pupilid": 1, "answered_at": "2026-01-05T09:00:00Z", "observation_id": 99, "correct": 1, "skill": SECRET}
JSON = "".join(json.dumps(RECORD | {"observation_id": i}) + "\n" for i in range(12))

WHOLE = "expected files that are whole, found one that is corrupt or half-written. Hint: write the file again"
ONE_LINE = (
    "expected every record to be one line that fits the columns' types, found one that does not. Hint: set input_"
)
OTHER_HEADER = "expected the same header in every CSV file"


@pytest.fixture(scope="module")
def published(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(tmp_path_factory.mktemp("published"))


def test_csv_files_with_different_headers_are_refused(published: Published, tmp_path: Path, capsys: Capture) -> None:
    put_bytes(tmp_path / "a.csv", CSV)
    put_bytes(tmp_path / "b.csv", CSV.replace("correct,skill", "skill,correct", 1))

    inferred = published.refusal(capsys, DATA, data=tmp_path)
    given = published.refusal(capsys, DATA, "--input_schema", SCHEMA, data=tmp_path)

    assert f"{OTHER_HEADER}, to the letter, found b.csv to differ from a.csv in column 4. Hint: name files" in inferred
    assert given.startswith(f"{tmp_path}/b.csv: {OTHER_HEADER}, and the columns of input_schema where it is set")


def test_a_row_in_the_place_of_the_header_is_refused_and_not_shown(
    published: Published, tmp_path: Path, capsys: Capture
) -> None:
    data = put_bytes(tmp_path / "a.csv", f"{SECRET},1,0.5\n{SECRET},2,0.5\n")

    said = published.refusal(capsys, DATA, data=data)

    assert said.startswith(f"{data}: expected a first line that names the columns, found numbers or times in it. Hint")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("a.csv", CSV + f"7,2026-01-05T09:00:00Z,5,{SECRET},x\n", ONE_LINE),
        ("a.csv", CSV + f"7,{SECRET},5,1,x\n", ONE_LINE),
        ("a.csv", CSV + f"7,2026-01-05T09:00:00Z,5,1,{SECRET},more\n", ONE_LINE),
        ("a.csv", CSV + f'7,2026-01-05T09:00:00Z,5,1,"{SECRET}\nover two lines"\n', ONE_LINE),
        ("a.csv.gz", gzip.compress(CSV.encode())[:-20], WHOLE),
        ("a.csv.gz", SECRET * 9, WHOLE),
        ("a.csv", CSV.encode().replace(b"skill 0", b"\xe9cole"), "found 4 of 12 rows: a text column holds bytes that"),
        ("a.jsonl", JSON + f'{{"pupilid": 1, "skill": "{SECRET}\n', ONE_LINE),
        ("a.jsonl", JSON + json.dumps(RECORD | {"correct": SECRET}) + "\n", ONE_LINE),
        ("a.jsonl", JSON + json.dumps(RECORD | {"answered_at": SECRET}) + "\n", ONE_LINE),
        ("a.json", json.dumps([RECORD, RECORD], indent=1), ONE_LINE),
        ("a.jsonl", JSON.encode().replace(b"Robin", b"R\xe9mi"), ONE_LINE),
    ],
    ids=["number", "time", "too long", "two lines", "cut gzip", "no gzip", "bytes", "json cut", "json number",
         "json time", "json array", "json bytes"],
)  # fmt: skip
def test_a_text_record_that_cannot_be_read_is_refused(
    published: Published, tmp_path: Path, capsys: Capture, file: str, content: bytes | str, said: str
) -> None:
    data = put_bytes(tmp_path / file, content)

    assert said in published.refusal(capsys, DATA, "--input_schema", SCHEMA, data=data)


def test_a_csv_record_that_is_cut_short_is_refused_whatever_is_read(
    published: Published, tmp_path: Path, capsys: Capture
) -> None:
    lines = CSV.replace("\n", ",x\n").replace("skill,x", "skill,device").splitlines(keepends=True)
    data = put_bytes(tmp_path / "a.csv", "".join(lines) + "7,2026-01-05T09:00:00Z,5,1\n")

    assert ONE_LINE in published.refusal(capsys, DATA, data=data)


def test_a_pupil_that_is_not_utf8_is_refused(published: Published, tmp_path: Path, capsys: Capture) -> None:
    data = put_bytes(tmp_path / "a.csv", HEADER.encode() + b"Ren\xe9,2026-01-05T09:00:00Z,5,1,x\n")

    said = published.refusal(
        capsys, DATA, "--input_schema", SCHEMA.replace("pupilid long", "pupilid string"), data=data
    )

    assert "found 1 of 1 rows: a text column holds bytes that are not UTF-8. Hint: set csv_encoding" in said


def test_text_files_without_a_column_are_refused(published: Published, tmp_path: Path, capsys: Capture) -> None:
    for name in ("a.csv", "a.json"):
        data = put_bytes(tmp_path / name[2:] / name, "")
        said = published.refusal(capsys, DATA, data=data)
        assert said == f"{data}: expected files with observations, found no columns in them."


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--input_schema", "pupilid lonk"), "input_schema: expected columns with types as Spark DDL, found: "),
        (("--input_schema", "pupilid long,,"), "input_schema: expected columns with types as Spark DDL, found: "),
        (
            ("--csv_encoding", "UTF-88"),
            "csv_encoding: expected the name of a character set, found 'UTF-88'. Hint: such",
        ),
        (("--csv_encoding", "no name"), "csv_encoding: expected the name of a character set, found 'no name'. Hint: "),
        (
            ("--input_schema", SCHEMA, "--timestamp_format", "ddd.QQQQQQQ"),
            "expected Spark's letters for dates and times in timestamp_format and under columns, found others",
        ),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_a_setting_of_text_files_that_cannot_be_used_is_refused(
    published: Published, tmp_path: Path, capsys: Capture, options: tuple[str, ...], said: str
) -> None:
    data = put_bytes(tmp_path / "a.csv", CSV)

    assert said in published.refusal(capsys, USAGE, *options, data=data)


@pytest.mark.parametrize(
    ("expression", "column"),
    [
        (f"if(correct = 1, 1, CAST(raise_error('{SECRET}') AS INT))", "correct"),
        ("to_timestamp(concat('2.9.2026 8:0', skill), 'dd.MM.yyyy HH:mm')", "answered_at"),
        ("CAST(skill rlike concat('([', skill) AS INT)", "correct"),
    ],
    ids=["raised", "time", "pattern"],
)
def test_an_expression_that_fails_on_a_row_is_refused(
    published: Published, capsys: Capture, expression: str, column: str
) -> None:
    said = published.refusal(capsys, DATA, "--columns", f'{{{column}: "{expression}"}}')

    expected = (
        "expected every row to have a value under columns, row_filter and rules, found one for which an expression"
    )
    assert said.startswith(f"{published.data}: {expected} fails. Hint: use try_cast, try_divide or try_to_timestamp")


@pytest.mark.parametrize("expression", ["CAST(skill AS INT)", "1 / correct", "element_at(array(1), correct)"])
def test_an_expression_that_spark_quotes_is_named(published: Published, capsys: Capture, expression: str) -> None:
    said = published.refusal(capsys, DATA, "--columns", f'{{correct: "{expression}"}}')

    assert said.startswith("columns.correct: expected every row to have a value, found one for which the expression")
