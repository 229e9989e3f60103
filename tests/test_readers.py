"""What every reader of observations promises, and so does its stand-in."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from obs2seq.bootstrap import readers
from obs2seq.domain.source import source_at
from obs2seq.errors import DataError
from obs2seq.ports import ObservationReader, Source
from obs2seq.settings import Settings
from obs2seq.storage.local import LocalStorage
from tests.spark_fakes import InMemoryObservationReader

SCHEMA = "pupilid bigint, answered_at timestamp, score double, note string"
Record = tuple[int | None, datetime | None, float | None, str | None]
RECORDS: list[Record] = [
    (1, datetime(2026, 1, 5, 8, 0, tzinfo=UTC), 0.5, 'says "3, or 4"'),
    (2, datetime(2026, 1, 5, 8, 1, 2, 345678, tzinfo=UTC), None, "naïve – 正しい"),
    (None, None, -1.25, None),
    (3, datetime(1969, 12, 31, tzinfo=UTC), 1e300, " spaced "),
]
EXPECTED = [
    ("1", "2026-01-05 08:00:00", "0.5", 'says "3, or 4"'),
    ("2", "2026-01-05 08:01:02.345678", None, "naïve – 正しい"),
    ("3", "1969-12-31 00:00:00", "1.0E300", " spaced "),
    (None, None, "-1.25", None),
]
"""As Spark writes it, so that no time zone on the way to Python counts."""


def texts(frame: DataFrame) -> list[tuple[str | None, ...]]:
    """Return all rows as text, in order."""
    rows = frame.select(*(F.col(f"`{name}`").cast("string") for name in frame.columns)).collect()
    return sorted((tuple(row) for row in rows), key=repr)


def local_source(location: Path | str, format_: str = "auto") -> Source:
    """List a local folder as a run does."""
    return source_at(str(location), LocalStorage().list_files(str(location)), format_)


def reader_for(spark: SparkSession, source: Source, **settings: object) -> ObservationReader:
    """Return the reader that a run takes."""
    return readers(Settings(**settings), lambda: spark)[source.format]


def _table(records: list[Record]) -> pa.Table:
    schema = pa.schema(
        {
            "pupilid": pa.int64(),
            "answered_at": pa.timestamp("us", "UTC"),
            "score": pa.float64(),
            "note": pa.string(),
        }
    )
    return pa.Table.from_pylist([dict(zip(schema.names, record, strict=True)) for record in records], schema)


def _csv(records: list[Record]) -> bytes:
    def cell(value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, datetime):
            return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return '"' + value.replace('"', '""') + '"' if isinstance(value, str) else str(value)

    lines = ["pupilid,answered_at,score,note", *(",".join(map(cell, record)) for record in records)]
    return "".join(f"{line}\n" for line in lines).encode()


def _json(records: list[Record]) -> bytes:
    names = ("note", "answered_at", "pupilid", "score")
    lines = []
    for pupil, time, score, note in records:
        values = (note, time and time.isoformat(), pupil, score)
        lines.append(json.dumps({name: v for name, v in zip(names, values, strict=True) if v is not None}))
    return "".join(f"{line}\n" for line in lines).encode()


@dataclass(frozen=True)
class Case:
    """A reader, and a place that its files lie in."""

    reader: Callable[[Source], ObservationReader]
    put: Callable[[str, list[Record]], None]
    """Adds a file, or a commit."""
    source: Callable[[], Source]
    is_pinned: bool = False
    """Whether what comes after the listing changes nothing; otherwise it is refused."""

    def read(self) -> DataFrame:
        source = self.source()
        return self.reader(source).read(source)


def _in_memory(spark: SparkSession, _: Path) -> Case:
    fake = InMemoryObservationReader(spark, SCHEMA)

    def put(name: str, records: list[Record]) -> None:
        # Python's instants lose their zone on the way into a frame.
        fake.files[f"somewhere/{name}"] = [
            tuple(v.astimezone().replace(tzinfo=None) if isinstance(v, datetime) else v for v in record)
            for record in records
        ]

    return Case(lambda _: fake, put, lambda: fake.source("somewhere"))


def _files(write: Callable[[Path, list[Record]], object], ending: str) -> Callable[[SparkSession, Path], Case]:
    def case(spark: SparkSession, folder: Path) -> Case:
        def put(name: str, records: list[Record]) -> None:
            path = folder / f"{name}{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, records)

        return Case(lambda source: reader_for(spark, source, input_schema=SCHEMA), put, lambda: local_source(folder))

    return case


def _delta(spark: SparkSession, folder: Path) -> Case:
    def put(_: str, records: list[Record]) -> None:
        path = folder / "staged.parquet"
        pq.write_table(_table(records), path)
        spark.read.parquet(str(path)).write.format("delta").mode("append").save(str(folder / "table"))

    return Case(lambda source: reader_for(spark, source), put, lambda: local_source(folder / "table"), is_pinned=True)


CASES = {
    "in memory": _in_memory,
    "parquet": _files(lambda path, records: pq.write_table(_table(records), path), ".parquet"),
    "delta": _delta,
    "csv": _files(lambda path, records: path.write_bytes(_csv(records)), ".csv"),
    "csv.gz": _files(lambda path, records: path.write_bytes(gzip.compress(_csv(records))), ".csv.gz"),
    "json": _files(lambda path, records: path.write_bytes(_json(records)), ".jsonl"),
    "json.gz": _files(lambda path, records: path.write_bytes(gzip.compress(_json(records))), ".json.gz"),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, spark: SparkSession, tmp_path: Path) -> Case:
    return CASES[request.param](spark, tmp_path)


def test_every_row_of_every_file_is_read_with_its_names_types_and_nulls(case: Case) -> None:
    case.put("a", RECORDS[2:])
    case.put("sub folder/b", RECORDS[:2])

    frame = case.read()

    assert [f"{name} {type_}" for name, type_ in frame.dtypes] == SCHEMA.split(", ")
    assert texts(frame) == EXPECTED


def test_what_arrives_after_the_reading_is_not_read(case: Case) -> None:
    case.put("a", RECORDS)
    frame = case.read()

    case.put("b", RECORDS)

    assert texts(frame) == EXPECTED


def test_what_arrives_between_listing_and_reading_is_not_read_in_silence(case: Case) -> None:
    case.put("a", RECORDS)
    source = case.source()
    case.put("b", RECORDS)

    if case.is_pinned:
        assert texts(case.reader(source).read(source)) == EXPECTED
    else:
        with pytest.raises(DataError, match="listed at the start"):
            case.reader(source).read(source)


def test_a_single_file_is_a_source_too(spark: SparkSession, tmp_path: Path) -> None:
    for name, content in (("a.csv", _csv(RECORDS)), ("a.json", _json(RECORDS))):
        (tmp_path / name).write_bytes(content)
        source = local_source(tmp_path / name)
        assert texts(reader_for(spark, source, input_schema=SCHEMA).read(source)) == EXPECTED
    pq.write_table(_table(RECORDS), tmp_path / "a.parquet")
    source = local_source(tmp_path / "a.parquet")
    assert texts(reader_for(spark, source).read(source)) == EXPECTED
