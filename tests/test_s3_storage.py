import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import boto3
import pytest
from botocore import exceptions as aws
from botocore.stub import Stubber

from obs2seq.aws.s3 import s3_client
from obs2seq.errors import ConfigurationError, ConflictError, StorageError
from obs2seq.ports import Storage, VersionedText
from obs2seq.storage.s3 import S3Storage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def paths(storage: Storage, location: str) -> list[str]:
    return [file.path for file in storage.list_files(location)]


@pytest.fixture(scope="session")
def offline_client() -> "S3Client":
    """A client whose answers a `Stubber` gives."""
    return boto3.Session().client("s3", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


def test_thousands_of_keys_are_listed_and_removed(bucket: str, s3: "S3Client") -> None:
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for i in range(2505):
        backend.put_object(bucket, f"folder/part-{i:05}", b"x")
    backend.put_object(bucket, "folder-2/part", b"x")
    client = s3_client()
    storage, pages, removed = S3Storage(lambda: client), list[str](), list[int]()

    def count_page(params: dict[str, Any], **_: object) -> None:
        pages.extend([params["Prefix"]] if "MaxKeys" not in params else [])

    def count_removed(params: dict[str, Any], **_: object) -> None:
        removed.append(len(params["Delete"]["Objects"]))

    client.meta.events.register("provide-client-params.s3.ListObjectsV2", count_page)
    client.meta.events.register("provide-client-params.s3.DeleteObjects", count_removed)
    listed = paths(storage, f"s3://{bucket}/folder")
    pages_of_listing = list(pages)
    storage.remove(f"s3://{bucket}/folder")

    assert listed == [f"part-{i:05}" for i in range(2505)]
    assert pages_of_listing == ["folder/"] * 3
    assert removed == [1000, 1000, 505]
    assert paths(storage, f"s3://{bucket}") == ["folder-2/part"]


def test_folder_markers_are_not_listed_and_are_removed(bucket: str, s3: "S3Client", s3_storage: S3Storage) -> None:
    for key in ("folder/", "folder_$folder$", "folder/deep/", "folder/deep_$folder$", "folder/part", "other"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x" if key in {"folder/part", "other"} else b"")

    listed = paths(s3_storage, f"s3://{bucket}/folder")
    s3_storage.remove(f"s3://{bucket}/folder")

    assert listed == ["part"]
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["other"]


def test_a_whole_bucket_is_listed_but_never_removed(bucket: str, s3_storage: S3Storage) -> None:
    s3_storage.write_text(f"s3://{bucket}/a/b", "x")

    with pytest.raises(ConfigurationError, match="a whole bucket"):
        s3_storage.remove(f"s3://{bucket}/")

    assert paths(s3_storage, f"s3://{bucket}/") == ["a/b"]


@pytest.mark.parametrize(
    "act",
    [
        lambda storage, location: storage.list_files(location),
        lambda storage, location: storage.read_text(location),
        lambda storage, location: storage.write_text(location, "x"),
        lambda storage, location: storage.replace_text(location, "x", None),
        lambda storage, location: storage.remove(location),
    ],
    ids=["list", "read", "write", "replace", "remove"],
)
def test_a_missing_bucket_is_refused(act: Callable[[Storage, str], object], s3_storage: S3Storage) -> None:
    with pytest.raises(StorageError, match="no bucket of this name") as refused:
        act(s3_storage, "s3://no-such-bucket/folder")

    assert (refused.value.where, refused.value.exit_code) == ("s3://no-such-bucket/folder", 3)


@pytest.mark.parametrize(
    ("code", "meaning", "hint"),
    [
        ("AccessDenied", "access denied", "let the role"),
        ("ExpiredToken", "expired credentials", "sso login"),
        ("InvalidAccessKeyId", "not valid here", "AWS_PROFILE"),
        ("PermanentRedirect", "another region", "AWS_REGION"),
        ("SlowDown", "too many requests", "fewer jobs"),
        ("InternalError", "for the moment", "run again later"),
        ("RequestTimeTooSkewed", "a clock", "clock"),
        ("SomethingNew", "a refusal (SomethingNew)", "look the code up"),
    ],
)
def test_an_error_code_is_put_into_words(offline_client: "S3Client", code: str, meaning: str, hint: str) -> None:
    stubber = Stubber(offline_client)
    stubber.add_client_error("put_object", code, "arn:aws:iam::1:user/x is not allowed", 400)

    with stubber, pytest.raises(StorageError) as refused:
        S3Storage(lambda: offline_client).write_text("s3://bucket/key", "text")

    assert meaning in refused.value.problem
    assert "PutObject" in refused.value.problem
    assert hint in refused.value.hint
    assert "arn" not in str(refused.value)
    assert not isinstance(refused.value, ConflictError)


@pytest.mark.parametrize(("code", "status"), [("PreconditionFailed", 412), ("ConditionalRequestConflict", 409)])
def test_a_failed_condition_is_a_conflict(offline_client: "S3Client", code: str, status: int) -> None:
    stubber = Stubber(offline_client)
    sent = {"Bucket": "bucket", "Key": "key", "Body": b"text", "IfMatch": '"etag"'}
    stubber.add_client_error("put_object", code, http_status_code=status, expected_params=sent)

    with stubber, pytest.raises(ConflictError):
        S3Storage(lambda: offline_client).replace_text("s3://bucket/key", "text", VersionedText("old", '"etag"'))


def test_a_key_that_cannot_be_removed_is_reported(offline_client: "S3Client") -> None:
    stubber = Stubber(offline_client)
    stubber.add_response("list_objects_v2", {})
    stubber.add_response("list_objects_v2", {"Contents": [{"Key": "run/part", "Size": 1}]})
    stubber.add_response("list_objects_v2", {})
    stubber.add_response("delete_objects", {"Errors": [{"Key": "run/part", "Code": "AccessDenied"}]})

    with stubber, pytest.raises(StorageError, match=r"access denied \(AccessDenied\)"):
        S3Storage(lambda: offline_client).remove("s3://bucket/run")


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (aws.NoCredentialsError(), "no AWS credentials"),
        (aws.PartialCredentialsError(provider="env", cred_var="x"), "half of the AWS credentials"),
        (aws.ProfileNotFound(profile="x"), "no such AWS profile"),
        (aws.UnauthorizedSSOTokenError(), "expired credentials"),
        (aws.ConnectTimeoutError(endpoint_url="x"), "no connection"),
        (aws.ReadTimeoutError(endpoint_url="x"), "no answer"),
        (aws.SSLError(endpoint_url="x", error=OSError()), "no connection"),
        (aws.BotoCoreError(), "a failure of the AWS client"),
    ],
)
def test_a_failure_of_the_client_is_put_into_words(error: Exception, meaning: str) -> None:
    def fail() -> NoReturn:
        raise error

    with pytest.raises(StorageError, match=meaning) as refused:
        S3Storage(fail).list_files("s3://bucket/folder")

    assert refused.value.__cause__ is error


def test_without_credentials_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))

    with pytest.raises(StorageError, match="no AWS credentials"):
        S3Storage().read_text("s3://bucket/key")


@pytest.mark.usefixtures("s3_endpoint")
def test_an_endpoint_that_cannot_be_reached_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")

        with pytest.raises(StorageError, match=r"no connection .*AWS_ENDPOINT_URL"):
            S3Storage().list_files("s3://bucket/folder")


@pytest.mark.usefixtures("s3_endpoint")
def test_an_endpoint_that_is_no_url_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:9000")

    with pytest.raises(StorageError, match="an endpoint that is no URL"):
        S3Storage().list_files("s3://bucket/folder")


@pytest.mark.parametrize(("endpoint", "style"), [("http://127.0.0.1:1", "path"), ("", "auto")])
def test_the_client_gives_up_soon(monkeypatch: pytest.MonkeyPatch, endpoint: str, style: str) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)

    config: Any = s3_client().meta.config

    assert (config.connect_timeout, config.read_timeout) == (3, 30)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert config.s3["addressing_style"] == style
