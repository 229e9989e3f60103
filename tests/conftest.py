"""What several test modules share."""

import platform
import sys
import threading
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from pyspark.sql import SparkSession

from obs2seq.aws.s3 import s3_client
from obs2seq.packaging import Package, make_package, target_for
from obs2seq.storage.s3 import S3Storage
from obs2seq.warehouses.session import local_session
from tests.sql_engines import Engine, engine_named

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of a local stand-in for S3, which the environment names too."""
    from moto.s3.responses import S3Response
    from moto.server import ThreadedMotoServer

    put_object, one_at_a_time = S3Response.put_object, threading.Lock()

    def put_object_in_one_step(self: S3Response) -> object:
        # S3 checks the condition of a PUT and writes in one step; moto does it in two.
        with one_at_a_time:
            return put_object(self)

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(S3Response, "put_object", put_object_in_one_step)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_REGION"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def s3(s3_endpoint: str) -> "S3Client":
    """A client for the stand-in; making one takes a fifth of a second."""
    return boto3.Session().client("s3", endpoint_url=s3_endpoint)


@pytest.fixture
def bucket(s3: "S3Client") -> str:
    """The name of a new bucket."""
    name = f"bucket-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def s3_storage(s3_endpoint: str) -> S3Storage:
    """The adapter, with the client that it makes itself."""
    client = s3_client()
    assert client.meta.endpoint_url == s3_endpoint
    return S3Storage(lambda: client)


@pytest.fixture(scope="session")
def spark(s3_endpoint: str) -> Iterator[SparkSession]:
    """The one Spark session of all tests, which reads and writes Delta and, at the stand-in, S3."""
    settings = {
        "spark.master": "local[2]",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
        "spark.databricks.delta.snapshotPartitions": "2",
    }
    session = local_session(settings, driver_memory="2g", shuffle_partitions=2, delta=True, s3=True)
    yield session
    session.stop()


@pytest.fixture(scope="module", params=["duckdb", "trino"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """What runs the statements for Athena."""
    with engine_named(request.param) as found:
        if found is None:
            pytest.skip("TRINO_URL is not set: no Trino to ask")
        yield found


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """What a cluster of this machine's kind is sent, for the Python that runs the tests: some 100 MB of wheels."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    architecture = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    return make_package(target_for(python, architecture), tmp_path_factory.mktemp("dist"))
