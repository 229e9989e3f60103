"""The first lines of CSV files, read by the cluster's own libraries and credentials."""

from concurrent.futures import ThreadPoolExecutor

from py4j.java_gateway import JavaObject
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from obs2seq.domain.files import StoredFile
from obs2seq.domain.source import Source
from obs2seq.domain.validation import shortened
from obs2seq.errors import ConfigurationError, DataError
from obs2seq.warehouses.failures import explained
from obs2seq.warehouses.footers import hadoop_path
from obs2seq.warehouses.header_names import first_difference

_AT_ONCE = 16
_BOM = "\ufeff"


def is_wide(session: SparkSession, encoding: str) -> bool:
    """Whether a line break takes more than one byte in an encoding.

    Raises:
        ConfigurationError: Java knows no encoding of this name.
    """
    return int(_charset(session, encoding).encode("\n").limit()) > 1


def require_equal_headers(session: SparkSession, source: Source, encoding: str, delimiter: str) -> None:
    """Open every file for its first line; raise `DataError` that names two files whose first lines differ.

    Needed where types are inferred: there Spark takes a header for data where it is not, to the letter, that of the
    first file. What stands in the lines is not told: without headers they are rows.
    """
    charset = _charset(session, encoding)
    with explained(source.location), ThreadPoolExecutor(_AT_ONCE) as pool:
        lines = list(pool.map(lambda file: _first_line(session, source.location, file, charset), source.files))
    headers = [(file.path, line) for file, line in zip(source.files, lines, strict=True) if line]
    for path, line in headers[1:]:
        first_path, first = headers[0]
        if line != first:
            raise DataError(
                source.location,
                f"expected the same header in every CSV file, to the letter, found {path} to differ from {first_path} "
                f"in column {first_difference(line.split(delimiter), first.split(delimiter))}",
                "name files of one kind alone, or set input_schema",
            )


def _first_line(session: SparkSession, location: str, file: StoredFile, charset: JavaObject) -> str:
    """Return the first line with something on it; empty where there is none."""
    jvm, configuration = session._jvm, session._jsc.hadoopConfiguration()
    assert jvm is not None, "a session has a JVM"
    path = jvm.org.apache.hadoop.fs.Path(hadoop_path(session, location, file))
    stream = path.getFileSystem(configuration).open(path)
    try:
        codec = jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(configuration).getCodec(path)
        unpacked = codec.createInputStream(stream) if codec else stream
        lines = jvm.java.io.BufferedReader(jvm.java.io.InputStreamReader(unpacked, charset))
        while (line := lines.readLine()) is not None:
            if line.strip():
                return str(line).removeprefix(_BOM)
        return ""
    finally:
        stream.close()


def _charset(session: SparkSession, encoding: str) -> JavaObject:
    jvm = session._jvm
    assert jvm is not None, "a session has a JVM"
    try:
        return jvm.java.nio.charset.Charset.forName(encoding)
    except (Py4JError, PySparkException) as error:
        problem = f"expected the name of a character set, found {shortened(encoding)}"
        raise ConfigurationError("csv_encoding", problem, "such as UTF-8, UTF-16LE or ISO-8859-1") from error
