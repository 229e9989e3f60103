"""What the footers of Parquet files say, read by the cluster's own libraries and credentials."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from py4j.java_gateway import JavaObject
from pyspark.sql import SparkSession

from obs2seq.domain.files import StoredFile
from obs2seq.domain.locations import join
from obs2seq.errors import DataError
from obs2seq.warehouses.failures import explained

_BLOCK = 128 * 1024 * 1024
_FIELD = re.compile(
    r"^  (?:required|optional|repeated) (?P<type>\S+) (?P<name>.*?)(?P<meaning> \(.*\))?(?: = \d+)?[;{ ]*$"
)


@dataclass(frozen=True)
class Footer:
    """One file's rows and columns."""

    path: str
    """Relative to the location."""
    rows: int
    columns: dict[str, str]
    """Parquet's own type of each top-level column; whether it may be null is left out."""


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
    with explained(location):
        read = jvm.org.apache.parquet.hadoop.ParquetFileReader.readAllFootersInParallel(configuration, statuses, False)
        return [_footer(by_uri[footer.getFile().toString()].path, footer.getParquetMetadata()) for footer in read]


def hadoop_path(session: SparkSession, location: str, file: StoredFile) -> str:
    """Return a file's location as Hadoop writes it."""
    jvm = session._jvm
    assert jvm is not None, "a session has a JVM"
    return str(jvm.org.apache.hadoop.fs.Path(join(location, file.path)).toString())


def require_equal_columns(location: str, footers: Sequence[Footer]) -> None:
    """Raise `DataError` that names two files and the first column, by name, in which they differ."""
    first, *others = sorted(footers, key=lambda footer: footer.path)
    for other in others:
        for name in sorted(first.columns.keys() | other.columns.keys()):
            here, there = first.columns.get(name), other.columns.get(name)
            if here != there:
                raise DataError(
                    location,
                    f"expected files with the same columns and types, found column '{name}' as {here or 'missing'} in "
                    f"{first.path} and as {there or 'missing'} in {other.path}",
                    "name files of one kind alone, or write the older ones again",
                )


def _footer(path: str, metadata: JavaObject) -> Footer:
    rows = sum(block.getRowCount() for block in metadata.getBlocks())
    return Footer(path, rows, _columns(metadata.getFileMetaData().getSchema().toString()))


def _columns(schema: str) -> dict[str, str]:
    """Read the top level of Parquet's own schema text, where a field's line is indented by two spaces."""
    fields = (match for line in schema.splitlines() if (match := _FIELD.match(line)))
    return {field["name"]: f"{field['type']}{field['meaning'] or ''}" for field in fields}
