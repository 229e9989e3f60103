"""CSV and JSON lines read by Arrow: types and values are those that Spark 3.5 gave for the same text."""

import gzip
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from obs2seq.bootstrap import job
from obs2seq.domain.source import source_at
from obs2seq.errors import ConfigurationError, DataError, Obs2SeqError
from obs2seq.settings import Settings
from obs2seq.storage.local import LocalStorage
from obs2seq.warehouses.arrow.reading import read_observations
from obs2seq.warehouses.arrow.types import spark_name
from tests.commands import SECRET, put_bytes

NAN, INF = math.nan, math.inf


def read(location: Path, needed: set[str] | None = None, **settings: Any) -> pa.Table:
    """Read all rows of the columns that are needed, or of all."""
    source = source_at(str(location), LocalStorage().list_files(str(location)))
    is_read = needed.__contains__ if needed is not None else lambda _: True
    with ThreadPoolExecutor(1) as pool:
        found = read_observations(source, job(Settings(**settings)), is_read, pool)
        tables = [table for piece in found.cut(1000) for table, _ in piece.read()]
    return pa.concat_tables([found.schema.empty_table(), *tables])


def column(table: pa.Table, name: str = "x") -> tuple[str, list[Any]]:
    values = table.column(name)
    return spark_name(values.type), [repr(v) if isinstance(v, float) else v for v in values.to_pylist()]


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("values", "type_", "expected"),
    [
        (["+1", "-2"], "int", [1, -2]),
        (["01", "2"], "int", [1, 2]),
        (["1", "3000000000"], "bigint", [1, 3_000_000_000]),
        (["1", "1.5"], "double", [1.0, 1.5]),
        (["5D", "6F"], "double", [5.0, 6.0]),
        (["NaN", "1"], "double", [NAN, 1.0]),
        (["Inf", "-Inf"], "double", [INF, -INF]),
        (["Infinity", "1"], "double", [INF, 1.0]),
        ([" 1", "2"], "double", [1.0, 2.0]),
        ([".5", "5."], "double", [0.5, 5.0]),
        (["3000000000", "1.5"], "double", [3e9, 1.5]),
        (["true", "FALSE"], "boolean", [True, False]),
        (["true", "1"], "string", ["true", "1"]),
        (["2026-01-05", "2026-02-28"], "date", [date(2026, 1, 5), date(2026, 2, 28)]),
        (["2026-1-5", "2026-02-28"], "timestamp", [at(2026, 1, 5), at(2026, 2, 28)]),
        (["2026-01", "2026-02"], "timestamp", [at(2026, 1, 1), at(2026, 2, 1)]),
        (["2026-01-05 08:00:00", "2026-01-05"], "timestamp", [at(2026, 1, 5, 8), at(2026, 1, 5)]),
        (["2026-01-05T08:00:00Z", "2026-01-05T09:00:00+01:00"], "timestamp", [at(2026, 1, 5, 8), at(2026, 1, 5, 8)]),
        (
            ["2026-01-05 08:00", "2026-01-05T09:00:00.123"],
            "timestamp",
            [at(2026, 1, 5, 8), at(2026, 1, 5, 9, 0, 0, 123000)],
        ),
        (["2026-01-05 08:00:00.1234567", ""], "timestamp", [at(2026, 1, 5, 8, 0, 0, 123456), None]),
        (["2026-01-05", "5"], "string", ["2026-01-05", "5"]),
        (["2026-02-30", "2026-02-28"], "string", ["2026-02-30", "2026-02-28"]),
        (["05/01/2026", "06/01/2026"], "string", ["05/01/2026", "06/01/2026"]),
        (["t", "f"], "string", ["t", "f"]),
        (["1_000", "2"], "string", ["1_000", "2"]),
        (["", ""], "string", [None, None]),
        (["", "3"], "int", [None, 3]),
        (['"1"', '""'], "int", [1, None]),
        (['"a""b"', '"c,d"'], "string", ['a"b', "c,d"]),
        (["x ", "  y"], "string", ["x ", "  y"]),
        (['x"y', '" q "'], "string", ['x"y', " q "]),
    ],
)
def test_csv_columns_have_the_types_and_values_of_spark(
    values: list[str], type_: str, expected: list[Any], tmp_path: Path
) -> None:
    data = put_bytes(tmp_path / "a.csv", "".join(f"{line}\n" for line in ["x,y", *(f"{value},z" for value in values)]))

    assert column(read(data)) == (type_, [repr(v) if isinstance(v, float) else v for v in expected])


@pytest.mark.parametrize(
    ("ddl", "text", "expected"),
    [
        ("int", "+1", 1),
        ("double", " 1.5", 1.5),
        ("double", "1d", 1.0),
        ("double", "Inf", INF),
        ("double", "1e400", INF),
        ("boolean", "TRUE", True),
        ("string", " a ", " a "),
        ("timestamp", "  2026-01-05", at(2026, 1, 5)),
        ("timestamp", "2026", at(2026, 1, 1)),
        ("timestamp", "2026-01-05T08:00:00.123+01:00", at(2026, 1, 5, 7, 0, 0, 123000)),
        ("date", "2026-1-5", date(2026, 1, 5)),
        ("date", "2026-01-05 08:00:00", date(2026, 1, 5)),
        ("timestamp_ntz", "2026-01-05 08:00:00", datetime(2026, 1, 5, 8)),  # noqa: DTZ001
        ("decimal(5,2)", "1.555", Decimal("1.56")),
        ("decimal(5,2)", "1e1", Decimal("10.00")),
        ("bigint", "9223372036854775807", 2**63 - 1),
        ("int", "", None),
    ],
)
def test_csv_fields_of_a_given_type(ddl: str, text: str, expected: Any, tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "a.csv", f"x,y\n{text},1\n")

    assert read(data, input_schema=f"x {ddl}, y int").column("x").to_pylist() == [expected]


@pytest.mark.parametrize(
    ("ddl", "text"),
    [
        *(("int", text) for text in (" 1", "1 ", "1.0", "2147483648", "x")),
        *(("double", text) for text in ("inf", "nan", "x")),
        *(("boolean", text) for text in ("t", "1", "yes")),
        ("timestamp", "x"),
        ("date", "x"),
        ("timestamp_ntz", "2026-01-05T08:00:00Z"),
        ("decimal(5,2)", "1234.5"),
        ("smallint", "40000"),
    ],
)
def test_csv_fields_that_stop_spark_stop_arrow(ddl: str, text: str, tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "a.csv", f"x,y\n{text},1\n")

    with pytest.raises(DataError, match="expected every record to be one line that fits the columns' types"):
        read(data, input_schema=f"x {ddl}, y int")


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("dd.MM.yyyy HH:mm", "05.01.2026 08:30", at(2026, 1, 5, 8, 30)),
        ("dd.MM.yyyy HH:mm", "5.1.2026 08:30", None),
        ("dd.MM.yyyy HH:mm", "05.01.2026 08:30:00", None),
        ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2026-01-05T08:30:15.123", at(2026, 1, 5, 8, 30, 15, 123000)),
        ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2026-01-05T08:30:15.1", at(2026, 1, 5, 8, 30, 15, 100000)),
        ("d/M/yyyy H:m", "5/1/2026 8:3", at(2026, 1, 5, 8, 3)),
        ("yyyy-MM-dd HH:mm:ssXXX", "2026-01-05 08:30:15+01:00", at(2026, 1, 5, 7, 30, 15)),
        ("yyyyMMdd", "20260105", at(2026, 1, 5)),
        ("yyyy-MM-dd HH:mm:ss[.SSS]", "2026-01-05 08:30:15", at(2026, 1, 5, 8, 30, 15)),
    ],
)
def test_times_of_a_pattern(pattern: str, text: str, expected: datetime | None, tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "a.csv", f"x,y\n{text},1\n")

    if expected is None:
        with pytest.raises(DataError, match="found one that does not"):
            read(data, input_schema="x timestamp, y int", timestamp_format=pattern)
    else:
        table = read(data, input_schema="x timestamp, y int", timestamp_format=pattern)
        assert table.column("x").to_pylist() == [expected]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("x,y\n\n1,2\n", [("1", "2")]),
        ("\n\nx,y\n1,2\n", [("1", "2")]),
        ("x,y\r\n1,2\r\n", [("1", "2")]),
        ("x,y\n1,2", [("1", "2")]),
        ("x,y\n#1,2\n", [("#1", "2")]),
        ("x,y\n1,\n", [("1", None)]),
        ("\ufeffx,y\n1,2\n", [("1", "2")]),
        ("x,y\n", []),
        ("X,Y\n1,2\n", [("1", "2")]),
        ("x,y\n1\n", None),
        ("x,y\n1,2,3\n", None),
        ("x,z\n1,2\n", None),
        ("x\n1\n", None),
    ],
)
def test_csv_files_of_any_shape(content: str, expected: list[Any] | None, tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "a.csv", content)

    if expected is None:
        with pytest.raises(DataError):
            read(data, input_schema="x string, y string")
    else:
        table = read(data, input_schema="x string, y string")
        assert list(zip(table["x"].to_pylist(), table["y"].to_pylist(), strict=True)) == expected


def test_packed_files_and_other_characters(tmp_path: Path) -> None:
    put_bytes(tmp_path / "a.csv.gz", gzip.compress("x;y\n'ä;b';1\n".encode("iso-8859-1")))

    table = read(tmp_path, csv_delimiter=";", csv_quote="'", csv_escape="'", csv_encoding="ISO-8859-1")

    assert table.to_pylist() == [{"x": "ä;b", "y": 1}]


def test_bytes_that_are_no_text_are_marked(tmp_path: Path) -> None:
    put_bytes(tmp_path / "a.csv", b"x,y\n\xff\xfea,1\nb,2\n")

    assert read(tmp_path).column("x").to_pylist() == ["\ufffd\ufffda", "b"]


def test_files_without_a_header(tmp_path: Path) -> None:
    put_bytes(tmp_path / "a.csv", "1,2\n3,4\n")

    assert read(tmp_path, csv_header=False).to_pylist() == [{"_c0": 1, "_c1": 2}, {"_c0": 3, "_c1": 4}]
    assert read(tmp_path, csv_header=False, input_schema="a int, b string").to_pylist()[0] == {"a": 1, "b": "2"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"csv_delimiter": "||"}, "csv_delimiter: expected one character of ASCII where engine is arrow, found '||'"),
        ({"csv_escape": "\\"}, "csv_escape: expected the same as csv_quote where engine is arrow"),
        ({"csv_encoding": "klingon"}, "csv_encoding: expected the name of a character set, found 'klingon'"),
        ({"timestamp_format": "dd MMM yyyy"}, "timestamp_format: expected a pattern of .* found MMM"),
        ({"input_schema": "x array<int>, y int"}, r"input_schema: expected columns with types .* found 'x array<int>"),
        ({"input_schema": "x interval, y int"}, "found 'interval'"),
    ],
)
def test_what_only_spark_follows_is_refused_by_name(settings: Any, message: str, tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "a.csv", "x,y\n1,2\n")

    with pytest.raises(ConfigurationError, match=message):
        read(data, **settings)


@pytest.mark.parametrize("values", [["08:00:00"], ["2026-01-05 08:00:00 UTC"], ["0x1p3"], ["9" * 20]])
def test_types_that_are_not_certain_are_refused(values: list[str], tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "a.csv", "".join(f"{line}\n" for line in ["x,y", *(f"{value},z" for value in values)]))

    with pytest.raises(DataError, match="expected the values in column 'x' to be of a type that is certain"):
        read(data)
    assert read(data, needed={"y"}).column_names == ["y"]


def test_headers_that_differ_and_headers_that_are_rows_are_refused(tmp_path: Path) -> None:
    put_bytes(tmp_path / "a.csv", "x,y\n1,2\n")
    put_bytes(tmp_path / "b.csv", "x,z\n1,2\n")
    rows = put_bytes(tmp_path / "rows" / "a.csv", f"7,{SECRET}\n8,b\n")

    with pytest.raises(DataError, match=r"found b.csv to differ from a.csv in column 2"):
        read(tmp_path)
    with pytest.raises(DataError, match="found numbers or times in it") as refused:
        read(rows)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"a":1}\n{"a":2}', ("bigint", [1, 2])),
        ('{"a":1}\n\n{"a":1.5}', ("double", ["1.0", "1.5"])),
        ('{"a":1}\n{"a":"x"}', ("string", ["1", "x"])),
        ('{"a":true}\n{"a":null}', ("boolean", [True, None])),
        ('{"a":true}\n{"a":1}', ("string", ["true", "1"])),
        ('{"a":"2026-01-05T08:00:00Z"}', ("string", ["2026-01-05T08:00:00Z"])),
        ('{"a":null}', ("string", [None])),
        ('{"a":1}\n{"b":2}', ("bigint", [1, None])),
        ('[{"a":1},{"a":2}]', ("bigint", [1, 2])),
        ('{"a":1e3}', ("double", ["1000.0"])),
        ('{"a":1,"c":{"d":[1]}}', ("bigint", [1])),
    ],
)
def test_json_keys_have_the_types_and_values_of_spark(content: str, expected: Any, tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "a.jsonl", content)

    assert column(read(data, needed={"a"}), "a") == expected


def test_json_keys_stand_in_the_order_of_their_names(tmp_path: Path) -> None:
    put_bytes(tmp_path / "a.json.gz", gzip.compress(b'{"b":1,"a":2}\n'))

    assert read(tmp_path).column_names == ["a", "b"]


@pytest.mark.parametrize(
    ("ddl", "text", "expected"),
    [
        ("int", "1", 1),
        ("double", "1", 1.0),
        ("double", '"Infinity"', INF),
        ("string", "1", "1"),
        ("string", "true", "true"),
        ("timestamp", '"2026-01-05T08:00:00Z"', at(2026, 1, 5, 8)),
        ("timestamp", "1767600000", at(2026, 1, 5, 8)),
        ("date", '"2026-01-05T08:00:00"', date(2026, 1, 5)),
        ("decimal(5,2)", "1.555", Decimal("1.56")),
        ("decimal(5,2)", '"1.5"', Decimal("1.50")),
        ("int", "null", None),
    ],
)
def test_json_values_of_a_given_type(ddl: str, text: str, expected: Any, tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "a.json", f'{{"x":{text}}}\n')

    assert read(data, input_schema=f"x {ddl}").column("x").to_pylist() == [expected]


@pytest.mark.parametrize(
    ("ddl", "text"),
    [
        ("int", "1.0"), ("int", '"1"'), ("int", "3000000000"), ("int", "true"), ("double", '"1.5"'),
        ("boolean", '"true"'), ("boolean", "1"), ("timestamp", '"x"'), ("date", "20000"), ("int", "1,"),
    ],
)  # fmt: skip
def test_json_values_that_stop_spark_stop_arrow(ddl: str, text: str, tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "a.json", f'{{"x":{text}}}\n')

    with pytest.raises(DataError, match="expected every record to be one line that fits the columns' types"):
        read(data, input_schema=f"x {ddl}")


@pytest.mark.parametrize(
    "text",
    ['{"x":{"y":1}}', '{"x":[[1]]}', '{"x":[{"y":1}]}', '{"x":[9223372036854775808]}', '{"x":99999999999999999999}'],
)
def test_json_values_that_only_spark_types_are_refused(text: str, tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "a.json", text)

    with pytest.raises(Obs2SeqError, match=r"found something else\. Hint: set engine: spark"):
        read(data)
