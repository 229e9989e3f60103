"""How the package gets onto S3."""

from pathlib import Path
from typing import Any

import pytest

from obs2seq.aws.access import S3Access
from obs2seq.aws.s3 import s3_client
from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.launch.deploy import deploy
from obs2seq.launch.placement import Placement, placed
from obs2seq.launch.values import LaunchValues
from tests.launches import REGION, Cloud, client, cloud, small_package
from tests.s3_answers import answer_instead, refusal

DONE, USAGE, SERVICE = 0, 2, 3
ROLES = ("code", "dependencies", "job")


@pytest.fixture
def aws(bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cloud:
    return cloud(bucket, tmp_path, capsys, monkeypatch)


def placement(folder: Path, bucket: str) -> Placement:
    return placed(small_package(folder / "dist"), ROLES, f"s3://{bucket}/code")


def test_files_are_uploaded_once_under_their_content(bucket: str, tmp_path: Path) -> None:
    first = list(deploy(placement(tmp_path, bucket), LaunchValues()))
    second = list(deploy(placement(tmp_path, bucket), LaunchValues()))
    (tmp_path / "dist" / "obs2seq-0.1.0.zip").write_text("other code")
    changed = placed_again(tmp_path, bucket)
    third = list(deploy(changed, LaunchValues()))

    assert [is_new for _, is_new in first] == [True, True, True]
    assert second == [(location, False) for location, _ in first]
    assert [is_new for _, is_new in third] == [True, False, False]
    body = client("s3", REGION).get_object(Bucket=bucket, Key=third[0][0].removeprefix(f"s3://{bucket}/"))["Body"]
    assert body.read() == b"other code"


def placed_again(folder: Path, bucket: str) -> Placement:
    """Read the files as they are now."""
    package = small_package(folder / "again")
    (folder / "again" / "obs2seq-0.1.0.zip").write_text((folder / "dist" / "obs2seq-0.1.0.zip").read_text())
    return placed(package, ROLES, f"s3://{bucket}/code")


def test_a_file_of_another_size_under_the_hash_is_refused(bucket: str, tmp_path: Path) -> None:
    (location, _), *_ = deploy(placement(tmp_path, bucket), LaunchValues())
    key = location.removeprefix(f"s3://{bucket}/")
    client("s3", REGION).put_object(Bucket=bucket, Key=key, Body=b"other")

    with pytest.raises(StorageError, match=r"expected \d+ bytes, found 5. Hint: remove it"):
        list(deploy(placement(tmp_path, bucket), LaunchValues()))


def test_a_large_file_is_uploaded_in_parts(bucket: str, tmp_path: Path) -> None:
    package = small_package(tmp_path / "dist")
    (tmp_path / "dist" / "deps-0123.tar.gz").write_bytes(bytes(17 * 1024 * 1024))

    ((location, _),) = deploy(placed(package, ("dependencies",), f"s3://{bucket}/code"), LaunchValues())

    found = client("s3", REGION).head_object(Bucket=bucket, Key=location.removeprefix(f"s3://{bucket}/"))
    assert found["ContentLength"] == 17 * 1024 * 1024
    assert found["ETag"].endswith('-3"')


def test_a_file_is_encrypted_by_the_key_that_is_named(bucket: str, tmp_path: Path) -> None:
    key = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"

    ((location, _), *_) = deploy(placement(tmp_path, bucket), LaunchValues(kms_key_arn=key))

    found = client("s3", REGION).head_object(Bucket=bucket, Key=location.removeprefix(f"s3://{bucket}/"))
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", key)


def test_every_request_names_the_owner_that_the_bucket_must_have(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = list[str | None]()

    def recording(access: S3Access) -> Any:
        owners.append(access.expected_owner)
        return s3_client(access)

    monkeypatch.setattr("obs2seq.launch.deploy.s3_client", recording)
    monkeypatch.setattr("obs2seq.aws.uploads.s3_client", recording)

    list(deploy(placement(tmp_path, bucket), LaunchValues(bucket_owner="111122223333")))

    assert owners == ["111122223333"] * 4


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "AccessDenied", "access denied"),
        (400, "ExpiredToken", r"expired credentials \(ExpiredToken\). Hint: renew them"),
        (403, "InvalidAccessKeyId", "credentials that are not valid here"),
        (400, "IllegalLocationConstraintException", "of another region"),
    ],
)
def test_what_s3_refuses_is_one_message(
    bucket: str, tmp_path: Path, status: int, code: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = refusal(status, code)
    # S3 answers a HEAD with no body, and so without a code.
    answer_instead(monkeypatch, lambda request: (status, {}, "") if request.method == "HEAD" else refused)

    with pytest.raises(StorageError, match=said):
        list(deploy(placement(tmp_path, bucket), LaunchValues()))


def test_a_file_whose_name_only_begins_like_it_is_not_taken_for_it(bucket: str, tmp_path: Path) -> None:
    placed_here = placement(tmp_path, bucket)
    key = placed_here.location(placed_here.files[0]).removeprefix(f"s3://{bucket}/")
    client("s3", REGION).put_object(Bucket=bucket, Key=f"{key}.partial", Body=b"-")

    (_, is_new), *_ = deploy(placed_here, LaunchValues())

    assert is_new


def test_a_file_that_is_not_made_is_told(tmp_path: Path) -> None:
    package = small_package(tmp_path / "dist")
    (tmp_path / "dist" / "deps-0123.tar.gz").unlink()

    with pytest.raises(ConfigurationError, match=r"expected a file of the package, found none\. Hint: make it with"):
        placed(package, ROLES, "s3://b/code")


def test_the_command_prints_where_the_files_lie(aws: Cloud) -> None:
    answer = aws("deploy", "--target", "glue")

    assert (answer.code, answer.err) == (DONE, "")
    assert sorted(answer.out.split()) == sorted(f"s3://{aws.bucket}/{key}" for key in aws.keys("code/"))
    assert [line.rpartition("/")[2] for line in answer.out.split()] == [
        "obs2seq-0.1.0-py3-none-any.whl",
        "cluster.txt",
        "glue_sequence_observations.py",
    ]


def test_a_bucket_that_is_not_there_is_told(aws: Cloud) -> None:
    aws.values |= {"code_location": "s3://no-such-bucket/code"}

    answer = aws("deploy", "--target", "ec2")

    assert answer.code == SERVICE
    assert "no bucket of this name" in answer.err
