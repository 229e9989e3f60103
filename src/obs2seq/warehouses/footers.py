"""What the footers of Parquet files say, read by the cluster's own libraries and credentials."""

import re
from collections.abc import Callable, Sequence

from py4j.java_gateway import JavaObject
from pyspark.sql import SparkSession

from obs2seq.domain.files import StoredFile
from obs2seq.domain.locations import join
from obs2seq.warehouses.failures import explained
from obs2seq.warehouses.file_columns import Footer

_BLOCK = 128 * 1024 * 1024
_LONGEST = 60

# What Spark reads as the same, by the names that Parquet gives it.
_SAME = (
    (re.compile(r"int96|int64 \(TIMESTAMP\(\w+,true\)\)"), "timestamp"),
    (re.compile(r"\w+(?:\(\d+\))? \((DECIMAL\(\d+,\d+\))\)"), r"\1"),
    (re.compile(r"(int\d+) \(INTEGER\((?:32|64),true\)\)"), r"\1"),
)


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
