"""What every writer of sequences promises, and so does its stand-in."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from pyspark.sql import DataFrame, SparkSession

from obs2seq.domain.files import is_hidden
from obs2seq.ports import SequenceWriter
from obs2seq.storage.routing import RoutedStorage
from obs2seq.warehouses.writers import ParquetWriter
from tests.spark_fakes import InMemorySequenceWriter

SCHEMA = "`pupil.id` bigint, at_sequence array<timestamp>, is_pad_sequence array<tinyint>, note string"
ROWS = [(1, [0, 1], "ü"), (2, [], None), (None, [1], "")]


@dataclass(frozen=True)
class Case:
    writer: SequenceWriter
    location: str
    frame: Callable[[int], DataFrame]
    """Some rows, in as many partitions."""


@pytest.fixture(params=["in memory", "local", "local, odd name", "S3"])
def case(request: pytest.FixtureRequest, spark: SparkSession) -> Case:
    def frame(partitions: int) -> DataFrame:
        values = spark.createDataFrame(ROWS, "p bigint, i array<tinyint>, n string")
        times = "IF(p = 1, array(timestamp '2026-01-05 08:00:00', timestamp '1969-12-31'), array())"
        made = values.selectExpr("p AS `pupil.id`", f"CAST({times} AS array<timestamp>) AS at_sequence", "i", "n")
        return made.toDF("pupil.id", "at_sequence", "is_pad_sequence", "note").repartition(partitions)

    if request.param == "in memory":
        return Case(InMemorySequenceWriter(spark), "somewhere", frame)
    root = f"s3://{request.getfixturevalue('bucket')}" if request.param == "S3" else request.getfixturevalue("tmp_path")
    folder = "odd [1] {a}*" if "odd" in request.param else "deep/er"
    return Case(ParquetWriter(lambda: spark, RoutedStorage(), "zstd"), f"{root}/{folder}/run_id=1", frame)


def _texts(frame: DataFrame) -> list[tuple[str | None, ...]]:
    texts = frame.selectExpr(*(f"CAST(`{name}` AS string) AS c{i}" for i, name in enumerate(frame.columns)))
    return sorted((tuple(row) for row in texts.collect()), key=repr)


def test_what_is_written_can_be_read_back_with_its_names_types_and_nulls(case: Case) -> None:
    files = case.writer.write(case.frame(2), case.location)
    back = case.writer.read_back(case.location, files)

    assert ", ".join(f"`{n}` {t}" if "." in n else f"{n} {t}" for n, t in back.dtypes) == SCHEMA
    assert _texts(back) == [
        ("1", "[2026-01-05 08:00:00, 1969-12-31 00:00:00]", "[0, 1]", "ü"),
        ("2", "[]", "[]", None),
        (None, "[]", "[1]", ""),
    ]


def test_the_files_account_for_every_row_and_name_what_lies_there(case: Case) -> None:
    files = case.writer.write(case.frame(2), case.location)

    assert sum(file.rows for file in files) == 3
    assert files == sorted(files)
    assert all(file.size > 0 for file in files)
    if isinstance(case.writer, ParquetWriter):
        listed = RoutedStorage().list_files(case.location)
        assert {(f.path, f.size) for f in files} == {(f.path, f.size) for f in listed if not is_hidden(f.path)}


def test_only_the_named_files_are_read_back(case: Case) -> None:
    one, *_ = case.writer.write(case.frame(1), case.location)
    case.writer.write(case.frame(1), f"{case.location}-another")

    assert len(_texts(case.writer.read_back(case.location, [one]))) == 3


def test_a_frame_that_fails_leaves_no_file_behind(case: Case, spark: SparkSession) -> None:
    failing = case.frame(1).selectExpr("*", "element_at(array(1), 0) AS nothing")

    with pytest.raises(Exception, match="index 0"):
        case.writer.write(failing, case.location)

    if isinstance(case.writer, ParquetWriter):
        assert [file for file in RoutedStorage().list_files(case.location) if not is_hidden(file.path)] == []
