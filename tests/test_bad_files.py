"""Files that cannot be read: each is refused in one line that shows no row, and changes nothing."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from tests.commands import N_ROWS, SECRET, Published, observations, publish, put_bytes, put_parquet

Capture = pytest.CaptureFixture[str]
DATA = 1

WHOLE = "expected files that are whole, found one that is corrupt or half-written. Hint: write the file again"


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


def _with_broken_pages(content: bytes) -> bytes:
    return content[:100] + bytes(byte ^ 0x5A for byte in content[100:300]) + content[300:]


def _with_another_value(content: bytes) -> bytes:
    return content.replace((17).to_bytes(8, "little"), (99).to_bytes(8, "little"), 1)


@pytest.mark.parametrize(
    ("options", "damage"),
    [
        ({"compression": "snappy"}, _with_broken_pages),
        ({"compression": "none", "write_page_checksum": True}, _with_another_value),
    ],
    ids=["broken", "plausible"],
)
def test_a_parquet_page_that_is_damaged_is_refused(
    published: Published,
    tmp_path: Path,
    capsys: Capture,
    options: dict[str, object],
    damage: Callable[[bytes], bytes],
) -> None:
    folder = put_parquet(tmp_path / "ein Ordner" / "part-0.parquet", observations(), use_dictionary=False, **options)
    file = folder / "part-0.parquet"
    content = file.read_bytes()
    file.write_bytes(damage(content))
    assert file.read_bytes() != content

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
