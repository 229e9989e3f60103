"""Spark's own failures, each provoked, in the project's words: whichever Spark it is, it says them differently."""

import json
import logging
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from py4j.java_gateway import GatewayParameters, JavaGateway
from pyspark.sql import SparkSession

from obs2seq.errors import ConfigurationError, DataError, Obs2SeqError, StorageError
from obs2seq.warehouses.failures import explained
from tests.commands import SECRET

Provoke = Callable[[SparkSession, Path], object]


def _write(spark: SparkSession, location: str) -> None:
    spark.range(1).write.parquet(location)


def _closed_port() -> int:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return int(closed.getsockname()[1])


def _without_java(_: SparkSession, __: Path) -> object:
    return JavaGateway(gateway_parameters=GatewayParameters(port=_closed_port())).jvm.java.lang.System.lineSeparator()


def _table(folder: Path, *commit: dict[str, Any] | str) -> str:
    log = folder / "table" / "_delta_log"
    log.mkdir(parents=True)
    lines = [line if isinstance(line, str) else json.dumps(line) for line in commit]
    (log / "00000000000000000000.json").write_text("".join(f"{line}\n" for line in lines))
    return str(folder / "table")


def _table_of_the_future(spark: SparkSession, folder: Path) -> object:
    features = ["notYetInvented"]
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}
    schema = {"id": "x", "format": {"provider": "parquet"}, "schemaString": '{"type":"struct","fields":[]}'}
    metadata = schema | {"partitionColumns": [], "configuration": {}}
    return spark.read.format("delta").load(_table(folder, {"protocol": protocol}, {"metaData": metadata}))


def _table_with_a_broken_log(spark: SparkSession, folder: Path) -> object:
    return spark.read.format("delta").load(_table(folder, f'{{"commitInfo": {SECRET}'))


CASES: dict[str, tuple[Provoke, type[Obs2SeqError], str]] = {
    "no room": (
        lambda spark, _: spark._jvm.java.io.FileOutputStream("/dev/full").write(1),  # type: ignore[union-attr]
        StorageError,
        "out: expected room on the disk, found none left",
    ),
    "no memory": (
        lambda spark, _: spark._jvm.java.nio.ByteBuffer.allocate(2**31 - 1),  # type: ignore[union-attr]
        StorageError,
        "out: expected enough memory, found none left. Hint: raise driver_memory",
    ),
    "no Java": (_without_java, StorageError, "out: expected Spark's Java process to answer, found it gone"),
    "no file system": (
        lambda spark, _: spark.read.parquet("gs://bucket/x"),
        ConfigurationError,
        "in: expected Spark to have the libraries for S3 and Delta, found them missing",
    ),
    "no data source": (
        lambda spark, _: spark.read.format("iceberg").load("x"),
        ConfigurationError,
        "in: expected Spark to have the libraries for S3 and Delta, found them missing",
    ),
    "no right": (
        lambda spark, _: _write(spark, "/proc/obs2seq"),
        StorageError,
        "out: expected the right to read and write here, found it denied",
    ),
    "no such column": (
        lambda spark, _: spark.range(1).select("od"),
        ConfigurationError,
        "in: expected settings that fit the data, found: [UNRESOLVED_COLUMN.WITH_SUGGESTION]",
    ),
    "newer table": (
        _table_of_the_future,
        DataError,
        "in: expected a Delta table of features that this version of Delta knows, found newer ones",
    ),
    "broken log": (
        _table_with_a_broken_log,
        DataError,
        "00000000000000000000.json: expected a Delta table whose log is whole, found it damaged or with gaps",
    ),
    "unforeseen": (
        lambda spark, _: spark._jvm.java.util.ArrayDeque().pop(),  # type: ignore[union-attr]
        StorageError,
        "in: expected Spark to finish, found that it stopped: NoSuchElementException. Hint: see --debug.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_failure_of_spark_is_said_in_the_projects_words(spark: SparkSession, tmp_path: Path, case: str) -> None:
    provoke, kind, said = CASES[case]

    with pytest.raises(Obs2SeqError) as raised, explained("in", "out"):
        provoke(spark, tmp_path)

    assert type(raised.value) is kind
    assert said in str(raised.value)
    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is not None


HEARD_AT_LISTING = ("expired", "invalid")
REFUSALS = {
    "denied": (403, "AccessDenied"),
    "missing": (404, "NoSuchBucket"),
    "expired": (400, "ExpiredToken"),
    "invalid": (403, "InvalidAccessKeyId"),
    "moved": (301, "PermanentRedirect"),
    "busy": (503, "SlowDown"),
    "mute": (400, ""),
}


class _Refusing(BaseHTTPRequestHandler):
    """A store that refuses everything, by the code that its bucket is named for."""

    def do_GET(self) -> None:
        bucket = urlsplit(self.path).path.split("/")[1]
        status, code = REFUSALS[bucket]
        if self.command == "HEAD" and bucket in HEARD_AT_LISTING:
            status = (
                404  # an answer to HEAD has no room for a code, so the object is not there, and a listing asked for
            )
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815  # as the server calls it

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def refusing_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("bucket", "said"),
    [
        ("denied", "s3://denied/x: expected the right to read and write here, found it denied"),
        ("missing", "out: expected the bucket to exist, found none of that name"),
        ("silent", "out: expected the storage service to answer, found it unreachable"),
        ("expired", "out: expected AWS credentials that last as long as the run, found them expired"),
        ("invalid", "s3://invalid/x: expected AWS credentials that are valid here, found others"),
        ("moved", "out: expected a bucket of the region that is asked, found one of another region"),
        ("busy", "out: expected S3 to keep up, found that it asks for fewer requests even after pauses"),
        ("mute", "out: expected S3 to accept what was asked, found it refused without a reason"),
    ],
)
def test_a_refusal_of_s3_is_said_in_the_projects_words(
    spark: SparkSession, refusing_port: int, bucket: str, said: str
) -> None:
    port = _closed_port() if bucket == "silent" else refusing_port
    reader = spark.read.option(f"fs.s3a.bucket.{bucket}.endpoint", f"http://127.0.0.1:{port}")
    reader = reader.option(f"fs.s3a.bucket.{bucket}.retry.throttle.limit", 1)

    with pytest.raises(StorageError) as raised, explained("in", "out"):
        reader.parquet(f"s3://{bucket}/x")

    assert str(raised.value).startswith(said)


def test_what_spark_says_of_a_value_is_not_logged(
    spark: SparkSession, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DataError) as raised, explained("in"):
        spark.createDataFrame([(SECRET,)], "name string").selectExpr("CAST(name AS INT)").collect()

    captured = capfd.readouterr()
    assert SECRET not in f"{raised.value}{captured.out}{captured.err}{caplog.text}"
    assert not logging.getLogger("SQLQueryContextLogger").disabled


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(KeyError, match="x"), explained("in"):
        raise KeyError("x")


def test_missing_credentials_are_said_in_the_projects_words(spark: SparkSession, refusing_port: int) -> None:
    provider = "org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider"
    reader = spark.read.option("fs.s3a.bucket.anonymous.endpoint", f"http://127.0.0.1:{refusing_port}")
    reader = reader.option("fs.s3a.bucket.anonymous.aws.credentials.provider", provider)

    with pytest.raises(StorageError) as raised, explained("in", "out"):
        reader.parquet("s3://anonymous/x")

    assert "expected AWS credentials, found none. Hint: set AWS_PROFILE" in str(raised.value)
