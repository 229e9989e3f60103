"""Files and records that cannot be read: each is refused in one line that shows no row, and changes nothing."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from tests.commands import N_ROWS, SECRET, Published, observations, publish, put_bytes, put_parquet

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


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _with_broken_footer(content: bytes) -> bytes:
    return content[:-30] + b"x" * 22 + content[-8:]


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda _: b"PAR1", lambda _: SECRET.encode() * 9, _cut, _with_broken_footer],
    ids=["empty", "tiny", "another format", "half-written", "broken footer"],
)
def test_a_parquet_file_that_is_not_whole_is_refused(
    published: Published, tmp_path: Path, capsys: Capture, damage: Callable[[bytes], bytes]
) -> None:
    good = put_parquet(tmp_path / "part-0.parquet", observations()) / "part-0.parquet"
    broken = put_bytes(tmp_path / "part 1.parquet", damage(good.read_bytes())) / "part 1.parquet"

    said = published.refusal(capsys, DATA, data=tmp_path)

    assert said.startswith(f"{broken}: {WHOLE}")


@pytest.mark.parametrize("options", [{"compression": "snappy"}, {"compression": "none", "write_page_checksum": True}])
def test_a_parquet_page_that_is_damaged_is_refused(
    published: Published, tmp_path: Path, capsys: Capture, options: dict[str, object]
) -> None:
    folder = put_parquet(tmp_path / "ein Ordner" / "part-0.parquet", observations(), use_dictionary=False, **options)
    file = folder / "part-0.parquet"
    content = bytearray(file.read_bytes())
    for place in range(100, 300):
        content[place] ^= 0x5A
    file.write_bytes(content)

    said = published.refusal(capsys, DATA, data=folder)

    assert said.startswith(f"{file}: {WHOLE}")


@pytest.mark.parametrize(
    ("column", "type_", "said"),
    [
        ("answered_at", pa.timestamp("ns"), "expected times in milliseconds or microseconds, found nanoseconds"),
        ("correct", pa.time64("us"), "expected columns of types that Spark reads, found another type"),
        ("correct", pa.decimal256(60, 2), "expected columns of types that Spark reads, found another type"),
        ("correct", pa.float16(), "expected columns of types that Spark reads, found another type"),
        ("answered_at", pa.string(), "expected the time column 'answered_at' to be a timestamp, a date or a number"),
        ("correct", pa.list_(pa.int64()), "expected column 'correct' to be a number, boolean, text, date or timestamp"),
        (
            "skill",
            pa.binary(),
            "expected column 'skill' to be a number, boolean, text, date or timestamp, found binary",
        ),
    ],
    ids=str,
)
def test_a_column_of_another_type_is_refused(
    published: Published, tmp_path: Path, capsys: Capture, column: str, type_: pa.DataType, said: str
) -> None:
    data = put_parquet(tmp_path / "part-0.parquet", observations(**{column: pa.nulls(N_ROWS, type_)}))

    assert said in published.refusal(capsys, DATA, data=data)


def test_a_missing_column_is_refused_by_its_nearest_name(published: Published, tmp_path: Path, capsys: Capture) -> None:
    named_wrongly = observations().rename_columns(["pupilid", "answered_on", "observation_id", "correct", "skill"])
    data = put_parquet(tmp_path / "part-0.parquet", named_wrongly)

    said = published.refusal(capsys, DATA, data=data)

    assert "expected column 'answered_at', found ['answered_on', " in said
    assert "did you mean 'answered_on'" in said


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (observations(correct=None), "found column 'correct' as int32 in part-0.parquet and as missing in part-1"),
        (
            observations(correct=pa.array([1] * N_ROWS, pa.int64())),
            "found column 'correct' as int32 in part-0.parquet and as int64 in part-1.parquet",
        ),
        (
            observations(answered_at=pa.array([0] * N_ROWS, pa.timestamp("us"))),
            "as timestamp in part-0.parquet and as int64 (TIMESTAMP(MICROS,false)) in part-1.parquet",
        ),
    ],
    ids=["missing", "wider", "without a zone"],
)
def test_parquet_files_that_differ_in_a_column_that_is_read_are_refused(
    published: Published, tmp_path: Path, capsys: Capture, other: pa.Table, said: str
) -> None:
    put_parquet(tmp_path / "part-0.parquet", observations())
    put_parquet(tmp_path / "part-1.parquet", other)

    assert said in published.refusal(capsys, DATA, data=tmp_path)


def test_parquet_columns_that_differ_in_case_alone_are_refused(
    published: Published, tmp_path: Path, capsys: Capture
) -> None:
    data = put_parquet(tmp_path / "part-0.parquet", observations(Skill=pa.array(["x"] * N_ROWS)))

    said = published.refusal(capsys, DATA, data=data)

    assert "expected column names that differ in more than case, found one twice" in said


def test_partition_folders_that_do_not_fit_each_other_are_refused(
    published: Published, tmp_path: Path, capsys: Capture
) -> None:
    put_parquet(tmp_path / "mixed" / "school=1" / "part-0.parquet", observations())
    put_parquet(tmp_path / "mixed" / "class=1" / "part-0.parquet", observations())
    put_parquet(tmp_path / "beside" / "school=1" / "part-0.parquet", observations())
    put_parquet(tmp_path / "beside" / "part-0.parquet", observations())

    mixed = published.refusal(capsys, DATA, data=tmp_path / "mixed")
    beside = published.refusal(capsys, DATA, data=tmp_path / "beside")

    alike = "expected all files in folders named <column>=<value> of the same columns, or none, found"
    assert f"{alike} class=1/part-0.parquet beside school=1/part-0.parquet" in mixed
    assert f"{alike} part-0.parquet beside school=1/part-0.parquet" in beside


def test_a_file_name_that_hadoop_cannot_read_is_refused(published: Published, tmp_path: Path, capsys: Capture) -> None:
    data = put_parquet(tmp_path / "8:30.parquet", observations())

    assert "expected file names without a colon" in published.refusal(capsys, DATA, data=data)


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
        ("element_at(array(1), correct)", "correct"),
        (f"if(correct = 1, 1, CAST(raise_error('{SECRET}') AS INT))", "correct"),
        ("to_timestamp(concat('2.9.2026 8:0', skill), 'dd.MM.yyyy HH:mm')", "answered_at"),
        ("CAST(skill rlike concat('([', skill) AS INT)", "correct"),
    ],
    ids=["index", "raised", "time", "pattern"],
)
def test_an_expression_that_fails_on_a_row_is_refused(
    published: Published, capsys: Capture, expression: str, column: str
) -> None:
    said = published.refusal(capsys, DATA, "--columns", f'{{{column}: "{expression}"}}')

    assert "found one for which an expression fails. Hint: use try_cast, try_divide or try_to_timestamp" in said


def test_a_cast_that_fails_on_a_row_is_refused_in_ansi_mode(
    published: Published, spark: SparkSession, capsys: Capture
) -> None:
    before = spark.conf.get("spark.sql.ansi.enabled")
    try:
        said = published.refusal(
            capsys, DATA, "--columns", '{correct: "CAST(skill AS INT)"}', "--spark", "{spark.sql.ansi.enabled: true}"
        )
    finally:
        spark.conf.set("spark.sql.ansi.enabled", before)

    assert said.startswith(f"{published.data}: expected every row to have a value under columns and row_filter")
