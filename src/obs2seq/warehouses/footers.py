"""What the footers of Parquet files say, read by the cluster's own libraries and credentials."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from py4j.java_gateway import JavaObject
from pyspark.sql import SparkSession

from obs2seq.domain.files import StoredFile
from obs2seq.domain.locations import join
from obs2seq.errors import DataError
from obs2seq.warehouses.failures import explained

_BLOCK = 128 * 1024 * 1024
_LONGEST = 60

# What Spark reads as the same, by the names that Parquet gives it.
_SAME = (
    (re.compile(r"int96|int64 \(TIMESTAMP\(\w+,true\)\)"), "timestamp"),
    (re.compile(r"\w+(?:\(\d+\))? \((DECIMAL\(\d+,\d+\))\)"), r"\1"),
    (re.compile(r"(int\d+) \(INTEGER\((?:32|64),true\)\)"), r"\1"),
)


@dataclass(frozen=True)
class Footer:
    """One file's rows and columns."""

    path: str
    """Relative to the location."""
    rows: int
    columns: dict[str, str]
    """The type of each top-level column, by name in lower case; whether it may be null is left out."""


def read_footers(session: SparkSession, location: str, files: Sequence[StoredFile]) -> list[Footer]:
    """Read every file's footer, several at a time; in no stated order.

    Raises:
        DataError: A file is no Parquet file, or is cut short.
    """
    jvm = session._jvm
    assert jvm is not None, "a session has a JVM"
    by_uri = {hadoop_path(session, location, file): file for file in files}
    statuses = jvm.java.util.ArrayList()
    for uri, file in by_uri.items():
        path = jvm.org.apache.hadoop.fs.Path(uri)
        statuses.add(jvm.org.apache.hadoop.fs.FileStatus(file.size, False, 1, _BLOCK, 0, path))
    configuration = session._jsc.hadoopConfiguration()
    columns_of = _columns_by_schema()
    with explained(location):
        read = jvm.org.apache.parquet.hadoop.ParquetFileReader.readAllFootersInParallel(configuration, statuses, False)
        return [
            _footer(by_uri[footer.getFile().toString()].path, footer.getParquetMetadata(), columns_of)
            for footer in read
        ]


def hadoop_path(session: SparkSession, location: str, file: StoredFile) -> str:
    """Return a file's location as Hadoop writes it."""
    jvm = session._jvm
    assert jvm is not None, "a session has a JVM"
    return str(jvm.org.apache.hadoop.fs.Path(join(location, file.path)).toString())


def require_equal_columns(location: str, footers: Sequence[Footer], is_read: Callable[[str], bool]) -> set[str]:
    """Return the columns, in lower case, that are not the same in all files, provided that none of them is read.

    Args:
        location: For the message.
        footers: At least one.
        is_read: Whether the job needs the column of a name.

    Raises:
        DataError: It names two files and the first column, by name, that is read and in which they differ.
    """
    first, *others = sorted(footers, key=lambda footer: footer.path)
    different: set[str] = set()
    for other in others:
        for name in sorted(first.columns.keys() | other.columns.keys()):
            here, there = first.columns.get(name), other.columns.get(name)
            if here != there and is_read(name):
                raise DataError(
                    location,
                    f"expected files with the same columns and types, found column '{name}' as {here or 'missing'} in "
                    f"{first.path} and as {there or 'missing'} in {other.path}",
                    "name files of one kind alone, or write the older ones again",
                )
            different |= {name} if here != there else set()
    return different


def _footer(path: str, metadata: JavaObject, columns_of: Callable[[JavaObject, str], dict[str, str]]) -> Footer:
    rows = sum(block.getRowCount() for block in metadata.getBlocks())
    schema = metadata.getFileMetaData().getSchema()
    return Footer(path, rows, columns_of(schema, schema.toString()))


def _columns_by_schema() -> Callable[[JavaObject, str], dict[str, str]]:
    """Return what reads a schema's columns: once for all files that say the same, as each call to Java takes time."""
    known: dict[str, dict[str, str]] = {}

    def columns_of(schema: JavaObject, text: str) -> dict[str, str]:
        if text not in known:
            known[text] = {str(field.getName()).lower(): _type(field) for field in schema.getFields()}
        return known[text]

    return columns_of


def _type(field: JavaObject) -> str:
    """Return Parquet's type of a column without its name, repetition and number: `binary (STRING)`."""
    _, kind, rest = " ".join(str(field.toString()).split()).split(" ", 2)
    meaning = rest.removeprefix(" ".join(str(field.getName()).split()))
    type_ = f"{kind} {re.sub(r' = [0-9]+$', '', meaning).strip()}".strip()
    for pattern, same in _SAME:
        type_ = pattern.sub(same, type_) if pattern.fullmatch(type_) else type_
    return type_ if len(type_) <= _LONGEST else f"{type_[: _LONGEST - 1]}…"
