"""What S3 refuses a run: one line that says what to do, exit code 3, before Spark starts, and nothing written."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import pytest

from obs2seq.warehouses import session
from tests.commands import message_of, observations, put_parquet, run, tree
from tests.s3_answers import answer_instead, let_owners_count, refusal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SERVICE = 3


class Refusal(NamedTuple):
    """What S3 answers, and what people are told."""

    status: int
    code: str
    said: str
    headers: dict[str, str] = {}  # noqa: RUF012  # never changed


REFUSALS = [
    Refusal(403, "AccessDenied", "access denied (AccessDenied). Hint: let the role list the bucket, read, and below"),
    Refusal(400, "ExpiredToken", "expired credentials (ExpiredToken). Hint: renew them"),
    Refusal(403, "InvalidAccessKeyId", "credentials that are not valid here (InvalidAccessKeyId). Hint: check AWS_PRO"),
    Refusal(404, "NoSuchBucket", "no bucket of this name (NoSuchBucket). Hint: check the name in s3://<bucket>/..."),
    Refusal(503, "SlowDown", "too many requests (SlowDown). Hint: run again later, with fewer jobs"),
    Refusal(500, "InternalError", "a service that fails for the moment (InternalError). Hint: run again later."),
    Refusal(
        301,
        "PermanentRedirect",
        "a bucket of another region (PermanentRedirect): it lies in eu-central-1. Hint: set s3_region or AWS_REGION",
        {"x-amz-bucket-region": "eu-central-1"},
    ),
    Refusal(
        400,
        "AuthorizationHeaderMalformed",
        "a bucket of another region (AuthorizationHeaderMalformed): it lies in eu-central-1. Hint: set s3_region or",
        {"x-amz-bucket-region": "eu-central-1"},
    ),
]


@pytest.fixture(autouse=True)
def no_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(session, "local_session", refuse)
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))


@pytest.fixture
def answer_always(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[Refusal], None]:
    """Let the stand-in give one answer whatever it is asked."""

    def begin(told: Refusal) -> None:
        answer_instead(monkeypatch, lambda _: refusal(told.status, told.code, told.headers))

    return begin


@pytest.mark.parametrize("told", REFUSALS, ids=lambda told: told.code)
def test_a_refusal_to_read_or_to_write_is_told(
    answer_always: Callable[[Refusal], None], told: Refusal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = put_parquet(tmp_path / "in" / "part-0.parquet", observations())
    answer_always(told)

    of_input = run(capsys, "s3://bucket/in", tmp_path / "out")
    of_output = run(capsys, data, "s3://bucket/out")

    assert [of_input.code, of_output.code] == [SERVICE, SERVICE]
    assert message_of(of_input).startswith("s3://bucket/in: expected S3 to answer ListObjectsV2, found " + told.said)
    assert message_of(of_output).startswith("s3://bucket/out/all_sequenced_4/_CURRENT.json: expected S3 to answer GetO")
    assert told.said in of_output.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("key", ["in//a.parquet", "in/./a.parquet", "in/x/../a.parquet"])
def test_a_key_that_hadoop_reads_as_another_is_told(
    bucket: str, s3: "S3Client", tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.put_object(Bucket=bucket, Key="in/good.parquet", Body=b"x")

    answer = run(capsys, f"s3://{bucket}/in", tmp_path / "out")

    assert answer.code == 1
    assert f"found '{key[3:]}' with an empty folder, '.' or '..' in it" in message_of(answer)


def test_a_run_without_credentials_is_told(
    s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))

    answer = run(capsys, "s3://bucket/in", tmp_path / "out")

    assert answer.code == SERVICE
    assert message_of(answer) == (
        "s3://bucket/in: expected S3 to answer, found no AWS credentials (NoCredentialsError). "
        "Hint: set AWS_PROFILE, sign in, or run under a role."
    )


def test_buckets_of_another_account_are_told_before_anything_is_read_or_written(
    bucket: str, s3: "S3Client", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    let_owners_count(monkeypatch)
    data = put_parquet(tmp_path / "in" / "part-0.parquet", observations())
    expected = ("--s3_expected_owner", "111122223333")

    of_input = run(capsys, f"s3://{bucket}/in", tmp_path / "out", *expected)
    of_output = run(capsys, data, f"s3://{bucket}/out", *expected)

    said = "expected a bucket of the account 111122223333, found one of another account. Hint: check the bucket's name"
    assert [of_input.code, of_output.code] == [SERVICE, SERVICE]
    assert message_of(of_input).startswith(f"s3://{bucket}/in: {said}")
    assert message_of(of_output).startswith(f"s3://{bucket}/out/all_sequenced_4/_CURRENT.json: {said}")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert list(tree(tmp_path)) == ["in/part-0.parquet"]
