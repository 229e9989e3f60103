"""Spark's failures in the project's words: Spark itself quotes rows, and prints a page of stack."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from obs2seq.errors import ConfigurationError, DataError, Obs2SeqError, StorageError

# The first that is found in Spark's words counts, so what is said of a record comes before what is said of its file.
_CAUSES: tuple[tuple[str, type[Obs2SeqError], str, str], ...] = (
    (
        r"MALFORMED_RECORD_IN_PARSING|Malformed records are detected|_CORRUPT_RECORD|CANNOT_PARSE_JSON_FIELD",
        DataError,
        "expected every record to fit the columns' types, found one that does not",
        "set input_schema to types that all records fit (string fits all), and convert under columns",
    ),
    (
        r"CSV header does not conform|Number of column in CSV header",
        DataError,
        "expected the same header in every CSV file, and the columns of input_schema where it is set, found another",
        "name files of one kind alone, or correct input_schema",
    ),
    (
        r"CANNOT_MERGE_SCHEMAS|Failed to merge|Unsupported.*convert|SchemaColumnConvertNotSupported|CANNOT_MERGE",
        DataError,
        "expected files with the same columns and types, found files that differ",
        "name files of one kind alone",
    ),
    (
        (
            r"CAST_INVALID_INPUT|CANNOT_PARSE_TIMESTAMP|DIVIDE_BY_ZERO|ARITHMETIC_OVERFLOW|CAST_OVERFLOW"
            r"|NUMERIC_VALUE_OUT_OF_RANGE|INVALID_ARRAY_INDEX|DATETIME_FIELD_OUT_OF_BOUNDS|SparkDateTimeException"
        ),
        DataError,
        "expected every row to have a value under columns and row_filter, found one for which an expression fails",
        "use try_cast, try_divide or try_to_timestamp, which give null instead",
    ),
    (
        (
            r"is not a Parquet file|FAILED_READ_FILE|CANNOT_READ_FILE|Encountered error while reading file"
            r"|Could not read footer|[Ee]nd of input stream|not a gzip|incorrect header check|EOFException"
        ),
        DataError,
        "expected files that are whole, found one that is corrupt or half-written",
        "write the file again, or take it away",
    ),
    (
        r"JAVA_GATEWAY_EXITED",
        ConfigurationError,
        "expected Java to start, found that it refused its options",
        "check driver_memory and spark.driver.extraJavaOptions; Java's own words stand above",
    ),
    (
        r"No space left on device",
        StorageError,
        "expected room on the disk, found none left",
        "free some, and run again",
    ),
    (
        r"OutOfMemoryError|GC overhead limit",
        StorageError,
        "expected enough memory, found none left",
        "raise driver_memory (local) or spark.executor.memory, or shuffle_partitions",
    ),
    (
        r"No FileSystem for scheme|ClassNotFoundException: Class org\.apache\.hadoop\.fs\.s3|DATA_SOURCE_NOT_FOUND",
        ConfigurationError,
        "expected Spark to have the libraries for S3 and Delta, found them missing",
        "set MODE=local, which adds them; under spark-submit give them with --packages",
    ),
    (
        r"AccessDenied|Permission denied|Mkdirs failed|Read-only file system|status code: 403|Status Code: 403",
        StorageError,
        "expected the right to read and write here, found it denied",
        "check the permissions of the location",
    ),
    (r"NoSuchBucket", StorageError, "expected the bucket to exist, found none of that name", "check the location"),
    (
        r"UnknownHostException|ConnectException|Connection refused|Unable to execute HTTP request|ConnectTimeout",
        StorageError,
        "expected the storage service to answer, found it unreachable",
        "check the network and AWS_ENDPOINT_URL",
    ),
    (
        r"FileNotFoundException|PATH_NOT_FOUND|FILE_NOT_EXIST|File does not exist",
        DataError,
        "expected the files that were listed at the start, found one gone or changed",
        "run again when nobody writes to the location",
    ),
)
_PATH = re.compile(r"reading file:? (?P<a>\S+?)\.? |(?P<b>\S+) is not a Parquet file|CSV file: (?P<c>\S+)")


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Raise Spark's failures within the block as the project's own errors, which name the place and no row."""
    try:
        yield
    except (Py4JError, PySparkException) as error:
        raise explanation(str(error), where) from error


def explanation(words: str, where: str) -> Obs2SeqError:
    """Return the error that Spark's words mean; the file at fault stands for the place where Spark names it."""
    for pattern, kind, problem, hint in _CAUSES:
        if re.search(pattern, words):
            return kind(_file_at_fault(words) or where, problem, hint)
    names = re.findall(r"\b(?:\w+\.)*(\w+(?:Exception|Error))\b", words)
    return StorageError(where, f"Spark stopped: {names[-1] if names else 'no reason given'}", "see --debug")


def _file_at_fault(words: str) -> str | None:
    match = _PATH.search(words)
    return next(found for found in match.groups() if found).rstrip(".") if match else None
