"""Runs of Spark on S3 as it is used: encrypted by a key of one's own, and under names of every kind."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from pyspark.sql import SparkSession
from werkzeug.serving import make_server

from obs2seq.bootstrap import run
from obs2seq.errors import ConfigurationError
from obs2seq.storage.routing import RoutedStorage
from tests.small_jobs import answers, published_rows, published_sequences, put, put_answers, settings_for

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "arn:aws:kms:us-east-1:111122223333:key/12345678-1234-1234-1234-123456789012"
SEQUENCES = [(1, [1, -1, -1]), (1, [1, 0, 1]), (2, [0, 0, -1])]
ENCRYPTION = (
    "fs.s3a.encryption.algorithm",
    "fs.s3a.encryption.key",
    "fs.s3.enableServerSideEncryption",
    "fs.s3.serverSideEncryption.kms.keyId",
)


@pytest.fixture(scope="module")
def https_endpoint(s3_endpoint: str) -> Iterator[str]:
    """The same stand-in by https, without which the SDK of Hadoop 3.3 sends no KMS key."""
    server = make_server(
        "127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True, ssl_context="adhoc"
    )
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def unencrypted_afterwards(spark: SparkSession) -> Iterator[None]:
    yield
    for name in ENCRYPTION:
        spark._jsc.hadoopConfiguration().unset(name)
        spark.conf.unset(f"spark.hadoop.{name}")


@pytest.mark.parametrize("output_format", ["parquet", "delta"])
@pytest.mark.usefixtures("unencrypted_afterwards")
def test_all_that_a_run_writes_is_encrypted_by_the_key(
    spark: SparkSession, bucket: str, s3: "S3Client", https_endpoint: str, output_format: str
) -> None:
    _trust_any_certificate(spark)
    put_answers(f"s3://{bucket}/in/part-0.parquet", answers(1, [1, 0, 1, 1]))
    by_https = {} if is_spark_4(spark) else {f"spark.hadoop.fs.s3a.bucket.{bucket}.endpoint": https_endpoint}
    given = {"s3_kms_key": KEY, "s3_region": "us-east-1", "output_format": output_format, "spark": by_https}

    run(settings_for(f"s3://{bucket}/in", f"s3://{bucket}/out", **given))

    written = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix="out/")["Contents"]]
    keys = {name: s3.head_object(Bucket=bucket, Key=name).get("SSEKMSKeyId") for name in written}
    assert {name.rpartition(".")[2] for name in written} >= {"parquet", "json"}
    assert keys == dict.fromkeys(written, KEY)


@pytest.mark.usefixtures("unencrypted_afterwards")
def test_a_key_over_http_is_refused_where_the_sdk_refuses_it(
    spark: SparkSession, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if is_spark_4(spark):
        pytest.skip("its SDK sends KMS keys over http too")
    put_answers(f"s3://{bucket}/in/part-0.parquet", answers(1, [1, 0, 1, 1]))

    with pytest.raises(ConfigurationError, match="expected an endpoint of https where s3_kms_key is set"):
        run(settings_for(f"s3://{bucket}/in", f"s3://{bucket}/out", s3_kms_key=KEY))


@pytest.mark.parametrize("place", ["local", "s3"])
@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize("output_format", ["parquet", "delta"])
def test_names_may_hold_spaces_and_letters_of_every_kind(
    spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest, place: str, ending: str, output_format: str
) -> None:
    root = str(tmp_path) if place == "local" else f"s3://{request.getfixturevalue('bucket')}"
    data = f"{root}/Übung #1 + 50%/{{a}}[b]*?/klasse=3b/🎓 %20"
    output = f"{root}/Ergebnis #2 + 50%25/{{a}}[b]*?/klasse=3b/🎓"
    for name, pupil in (("größe 1+2%20.", answers(1, [1, 0, 1, 1])), ("é#&=😀?*.", answers(2, [0, 0]))):
        if ending == "parquet":
            put_answers(f"{data}/{name}parquet", pupil)
        else:
            put(f"{data}/{name}csv", as_csv(pupil))

    run(settings_for(data, output, output_format=output_format))

    assert [file.path for file in RoutedStorage().list_files(data)] == [
        f"größe 1+2%20.{ending}",
        f"é#&=😀?*.{ending}",
    ]
    if output_format == "parquet":
        assert published_sequences(f"{output}/train_sequenced_3") == SEQUENCES
        assert published_rows(f"{output}/train_sequenced_3")[0].input.files == 2


def is_spark_4(session: SparkSession) -> bool:
    return session.version.startswith("4.")


def _trust_any_certificate(session: SparkSession) -> None:
    assert session._jvm is not None
    session._jvm.java.lang.System.setProperty("com.amazonaws.sdk.disableCertChecking", "true")


def as_csv(pupil: list[dict[str, object]]) -> bytes:
    """Return answers as a CSV file."""
    lines = [",".join(pupil[0]), *(",".join(str(value) for value in answer.values()) for answer in pupil)]
    return "\n".join(lines).encode()
