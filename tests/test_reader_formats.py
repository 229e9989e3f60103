"""What is particular to a format of observations."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession

from obs2seq.errors import ConfigurationError, DataError
from obs2seq.ports import all_columns
from obs2seq.warehouses.failures import explained
from tests.commands import put_bytes, put_parquet
from tests.test_readers import local_source, reader_for, texts


def read(spark: SparkSession, location: Path, needed: set[str] | None = None, **settings: Any) -> DataFrame:
    """Read a location as a run does that needs some of the columns, or all."""
    source = local_source(location)
    is_read = all_columns if needed is None else needed.__contains__
    return reader_for(spark, source, **settings).read(source, is_read)


def _collected(frame: DataFrame) -> None:
    """Read all rows as a run does, whose writer meets what the lazy frame did not."""
    with explained("here"):
        frame.collect()


# ---------------------------------------------------------------- Parquet


def test_folders_named_for_a_column_are_a_column(spark: SparkSession, tmp_path: Path) -> None:
    for school, pupil in (("b 1", 1), ("ü=2", 2)):
        put_parquet(tmp_path / f"year=2026/school={school}" / "part-0.parquet", pa.table({"pupilid": [pupil]}))

    frame = read(spark, tmp_path)

    assert frame.columns == ["pupilid", "year", "school"]
    assert texts(frame) == [("1", "2026", "b 1"), ("2", "2026", "ü=2")]


def test_a_column_that_differs_between_files_is_left_out_where_it_is_not_read(
    spark: SparkSession, tmp_path: Path
) -> None:
    put_parquet(tmp_path / "a.parquet", pa.table({"pupilid": [1], "device": ["tablet"], "room": [1]}))
    put_parquet(tmp_path / "b.parquet", pa.table({"pupilid": [2], "device": [7]}))

    frame = read(spark, tmp_path, {"pupilid"})

    assert frame.columns == ["pupilid"]
    assert texts(frame) == [("1",), ("2",)]
    with pytest.raises(DataError, match=r"found column 'room' as int64 in a.parquet and as missing in b.parquet"):
        read(spark, tmp_path, {"pupilid", "room"})


def test_columns_that_spark_reads_alike_do_not_differ(spark: SparkSession, tmp_path: Path) -> None:
    times = pa.array([datetime(2026, 1, 5, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    money = pa.array([Decimal(1)], pa.decimal128(10, 2))
    here = pa.table({"at": times, "cost": money, "n": pa.array([1], pa.int64()), "tags": [["x"]]})
    there = pa.table({"N": pa.array([1], pa.int64()), "cost": money, "at": times, "tags": [["x"]]})
    put_parquet(tmp_path / "a.parquet", here, use_deprecated_int96_timestamps=True)
    put_parquet(tmp_path / "b.parquet", there, store_decimal_as_integer=True)
    put_parquet(tmp_path / "c.parquet", there.set_column(2, "at", times.cast(pa.timestamp("ms", "UTC"))))

    frame = read(spark, tmp_path)

    assert texts(frame) == [("2026-01-05 00:00:00", "1.00", "1", "[x]")] * 3


def test_columns_of_any_name_are_compared(spark: SparkSession, tmp_path: Path) -> None:
    names = ["int64 (STRING) = 3", "a;b{c", " lead", "new\nline", "`quoted`", "optional int64 x"]
    for file in ("a", "b"):
        put_parquet(tmp_path / f"{file}.parquet", pa.table({name: [1] for name in names}))
    put_parquet(tmp_path / "c.parquet", pa.table({name: [1.5] if name == "new\nline" else [1] for name in names}))

    assert read(spark, tmp_path / "a.parquet").columns == names
    with pytest.raises(DataError, match=r"found column 'new\nline' as int64 in a.parquet and as double in c.parquet"):
        read(spark, tmp_path)


def test_summary_files_are_no_data(spark: SparkSession, tmp_path: Path) -> None:
    table = pa.table({"pupilid": [1]})
    put_parquet(tmp_path / "a.parquet", table)
    pq.write_metadata(table.schema, tmp_path / "_metadata")
    pq.write_metadata(table.schema, tmp_path / "_common_metadata")

    assert texts(read(spark, tmp_path)) == [("1",)]


# ---------------------------------------------------------------- Delta


def _table_of(spark: SparkSession, folder: Path, *pupils: int, mode: str = "append") -> None:
    rows = spark.createDataFrame([(pupil,) for pupil in pupils], "pupilid bigint").coalesce(1)
    rows.write.format("delta").mode(mode).save(str(folder))


def test_deleted_rows_of_a_table_are_not_read(spark: SparkSession, tmp_path: Path) -> None:
    _table_of(spark, tmp_path, 1, 2, 3)
    spark.sql(f"DELETE FROM delta.`{tmp_path}` WHERE pupilid = 2")

    assert texts(read(spark, tmp_path)) == [("1",), ("3",)]


def test_a_table_is_read_at_the_version_that_was_found(spark: SparkSession, tmp_path: Path) -> None:
    _table_of(spark, tmp_path, 1)
    source = local_source(tmp_path)
    _table_of(spark, tmp_path, 2, mode="overwrite")

    assert texts(reader_for(spark, source).read(source)) == [("1",)]
    assert texts(read(spark, tmp_path)) == [("2",)]


def test_a_table_made_anew_is_another_source(spark: SparkSession, tmp_path: Path) -> None:
    log = tmp_path / "_delta_log" / "00000000000000000000.json"
    _table_of(spark, tmp_path, 1)
    before = local_source(tmp_path)
    log.write_text(log.read_text() + "\n")

    assert before.table_commit != local_source(tmp_path).table_commit


@pytest.mark.parametrize("damage", ["gap", "no data"])
def test_a_table_that_is_not_whole_is_refused(spark: SparkSession, tmp_path: Path, damage: str) -> None:
    for pupil in (1, 2, 3):
        _table_of(spark, tmp_path, pupil)
    if damage == "gap":
        (tmp_path / "_delta_log" / "00000000000000000001.json").unlink()
        with pytest.raises(DataError, match="expected a Delta table whose log is whole, found it damaged or with gaps"):
            read(spark, tmp_path)
    else:
        frame = read(spark, tmp_path)
        next(tmp_path.glob("part-*.parquet")).unlink()
        with pytest.raises(DataError, match="found one gone or changed"):
            _collected(frame)


# ---------------------------------------------------------------- CSV and JSON

CSV_SCHEMA = "pupilid string, note string"


@pytest.mark.parametrize(
    ("content", "settings", "expected"),
    [
        (b"pupilid,note\n1,\n2,\"\"\n3,NA\n", {}, [("1", None), ("2", None), ("3", "NA")]),
        (b"pupilid,note\n1,\n2,\"\"\n3,NA\n", {"csv_null_value": "NA"}, [("1", None), ("2", ""), ("3", None)]),
        (b'pupilid;note\n1;"a;b"\n2;"say ""x"""\n', {"csv_delimiter": ";"}, [("1", "a;b"), ("2", 'say "x"')]),
        (b"pupilid\tnote\n1\t'a\tb'\n", {"csv_delimiter": "\\t", "csv_quote": "'"}, [("1", "a\tb")]),
        (b'pupilid,note\n1,"a\\"b"\n', {"csv_escape": "\\"}, [("1", 'a"b')]),
        (b'pupilid,note\n1,"a\n', {"csv_quote": ""}, [("1", '"a')]),
        (b"pupilid||note\n1||a\n", {"csv_delimiter": "||"}, [("1", "a")]),
        (b"1,a\n2,b\n", {"csv_header": False}, [("1", "a"), ("2", "b")]),
        ("\ufeffpupilid,note\n1,ä\n".encode(), {}, [("1", "ä")]),
        ("pupilid,note\r\n1,ä\r\n".encode("latin-1"), {"csv_encoding": "ISO-8859-1"}, [("1", "ä")]),
        ("pupilid,note\n1,ä\n".encode("utf-16"), {"csv_encoding": "UTF-16"}, [("1", "ä")]),
        ("pupilid,note\n1,正しい\n".encode("utf-16-le"), {"csv_encoding": "UTF-16LE"}, [("1", "正しい")]),
    ],
    ids=["empty", "NA", "delimiter in quotes", "tab", "escape", "no quotes", "long delimiter",
         "no header", "mark", "Latin-1", "UTF-16", "UTF-16LE"],
)  # fmt: skip
def test_csv_is_read_as_the_settings_say(
    spark: SparkSession, tmp_path: Path, content: bytes, settings: dict[str, Any], expected: list[tuple[object, ...]]
) -> None:
    put_bytes(tmp_path / "a.csv", content)

    assert texts(read(spark, tmp_path, input_schema=CSV_SCHEMA, **settings)) == expected


def test_types_of_csv_are_inferred_from_all_files(spark: SparkSession, tmp_path: Path) -> None:
    put_bytes(tmp_path / "a.csv", "pupilid,answered_at,score,name\n1,2026-01-05T08:00:00Z,1,7\n")
    put_bytes(tmp_path / "b.csv", "pupilid,answered_at,score,name\n2,2026-01-05T09:00:00Z,0.5,x\n")
    put_bytes(tmp_path / "c.csv", "")

    frame = read(spark, tmp_path)

    assert frame.dtypes == [("pupilid", "int"), ("answered_at", "timestamp"), ("score", "double"), ("name", "string")]
    assert texts(frame) == [("1", "2026-01-05 08:00:00", "1.0", "7"), ("2", "2026-01-05 09:00:00", "0.5", "x")]


def test_timestamps_of_text_follow_the_pattern(spark: SparkSession, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"input_schema": "at timestamp", "timestamp_format": "dd.MM.yyyy HH:mm"}
    put_bytes(tmp_path / "csv" / "a.csv", "at\n05.01.2026 08:30\n")
    put_bytes(tmp_path / "json" / "a.json", '{"at": "05.01.2026 08:30"}\n')

    for format_ in ("csv", "json"):
        assert texts(read(spark, tmp_path / format_, **settings)) == [("2026-01-05 08:30:00",)]


def test_types_of_json_are_inferred_and_keys_may_be_missing(spark: SparkSession, tmp_path: Path) -> None:
    put_bytes(tmp_path / "a.ndjson", '{"note": "é", "pupilid": 1}\n\n{"score": 0.5, "pupilid": 2}\n')

    frame = read(spark, tmp_path)

    assert frame.dtypes == [("note", "string"), ("pupilid", "bigint"), ("score", "double")]
    assert texts(frame) == [("é", "1", None), (None, "2", "0.5")]


def test_a_character_set_that_this_spark_does_not_read_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    put_bytes(tmp_path / "a.csv", "pupilid,note\n1,€\n".encode("windows-1252"))
    settings: dict[str, Any] = {"input_schema": CSV_SCHEMA, "csv_encoding": "windows-1252"}

    if spark.version.startswith("3.") or spark.conf.get("spark.sql.legacy.javaCharsets") == "true":
        assert texts(read(spark, tmp_path, **settings)) == [("1", "€")]
    else:
        with pytest.raises(ConfigurationError, match=r"set spark: \{spark\.sql\.legacy\.javaCharsets: true\}"):
            _collected(read(spark, tmp_path, **settings))
