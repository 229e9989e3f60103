"""What a run asks of S3 beside its files: encryption, the buckets' owner, the region, patience; and big files."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from obs2seq.aws.access import S3Access
from obs2seq.aws.s3 import s3_client, s3_refusals
from obs2seq.aws.uploads import part_size, upload_file
from obs2seq.bootstrap import job, s3_access
from obs2seq.errors import ConfigurationError, ConflictError, StorageError
from obs2seq.ports import Storage
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage
from tests.s3_answers import OWNER, answer_instead, let_owners_count, refusal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "arn:aws:kms:us-east-1:111122223333:key/12345678-1234-1234-1234-123456789012"
STRANGER = "111122223333"
ACTS: dict[str, Callable[[Storage, str], object]] = {
    "list": lambda storage, location: storage.list_files(location),
    "read": lambda storage, location: storage.read_text(location),
    "write": lambda storage, location: storage.write_text(location, "x"),
    "replace": lambda storage, location: storage.replace_text(location, "x", None),
    "remove": lambda storage, location: storage.remove(location),
}


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """Let the stand-in refuse the buckets of other owners than expected, as S3 does; return what each request said."""
    return let_owners_count(monkeypatch)


class TestEncryption:
    def test_small_files_are_encrypted_by_the_key(self, bucket: str, s3: "S3Client") -> None:
        storage = RoutedStorage(S3Access(kms_key=KEY))

        storage.write_text(f"s3://{bucket}/written", "first")
        storage.replace_text(f"s3://{bucket}/replaced", "first", None)
        storage.replace_text(f"s3://{bucket}/replaced", "second", storage.read_text(f"s3://{bucket}/replaced"))

        for name in ("written", "replaced"):
            head = s3.head_object(Bucket=bucket, Key=name)
            assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", KEY)
        with pytest.raises(ConflictError):
            storage.replace_text(f"s3://{bucket}/replaced", "third", storage.read_text(f"s3://{bucket}/written"))

    def test_without_a_key_the_bucket_decides(self, bucket: str, s3: "S3Client") -> None:
        RoutedStorage().write_text(f"s3://{bucket}/written", "text")

        assert "SSEKMSKeyId" not in s3.head_object(Bucket=bucket, Key="written")

    @pytest.mark.parametrize("code", ["KMS.NotFoundException", "KMS.DisabledException", "KMS.KMSInvalidStateException"])
    def test_a_key_that_cannot_be_used_is_told(self, code: str) -> None:
        said = refused("PutObject", code)

        assert f"found a KMS key that is not there or not in use ({code}). Hint: check s3_kms_key" in said


class TestOwner:
    def test_every_request_names_the_owner(
        self, bucket: str, owners: list[tuple[str, str | None]], tmp_path: Path
    ) -> None:
        access = S3Access(expected_owner=OWNER)
        storage = RoutedStorage(access)

        for name, act in ACTS.items():
            act(storage, f"s3://{bucket}/{name}")
        storage.remove(f"s3://{bucket}/write")
        upload_file(a_file(tmp_path, 9_000_000), f"s3://{bucket}/big", access)

        assert {method for method, _ in owners} == {"GET", "PUT", "POST"}
        assert {owner for _, owner in owners} == {OWNER}

    @pytest.mark.parametrize("act", ACTS)
    def test_a_bucket_of_another_account_is_refused(
        self, bucket: str, s3: "S3Client", owners: list[tuple[str, str | None]], act: str
    ) -> None:
        s3.put_object(Bucket=bucket, Key="folder/file", Body=b"there")

        with pytest.raises(StorageError) as error:
            ACTS[act](RoutedStorage(S3Access(expected_owner=STRANGER)), f"s3://{bucket}/folder")

        assert str(error.value) == (
            f"s3://{bucket}/folder: expected a bucket of the account 111122223333, found one of another account. "
            "Hint: check the bucket's name, and s3_expected_owner."
        )
        assert error.value.exit_code == 3
        assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["folder/file"]

    def test_a_denial_that_is_not_the_owners_is_told_as_one(self, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
        answer_instead(monkeypatch, lambda _: refusal(403, "AccessDenied"))

        with pytest.raises(StorageError, match=r"access denied \(AccessDenied\)"):
            RoutedStorage(S3Access(expected_owner=STRANGER)).list_files(f"s3://{bucket}/folder")


class TestRegion:
    @pytest.mark.parametrize(
        ("access", "environment", "region"),
        [
            (S3Access(region="eu-west-3"), {"AWS_REGION": "eu-west-1"}, "eu-west-3"),
            (S3Access(), {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
            (S3Access(), {"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ],
    )
    def test_the_settings_stand_above_the_environment(
        self, monkeypatch: pytest.MonkeyPatch, access: S3Access, environment: dict[str, str], region: str
    ) -> None:
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

        assert s3_client(access).meta.region_name == region

    @pytest.mark.parametrize(
        ("code", "told", "headers"),
        [
            ("PermanentRedirect", {}, {"x-amz-bucket-region": "eu-central-1"}),
            ("AuthorizationHeaderMalformed", {"Region": "eu-central-1"}, {}),
            ("301", {}, {"x-amz-bucket-region": "eu-central-1"}),
        ],
    )
    def test_the_message_names_the_region_of_the_bucket(
        self, code: str, told: dict[str, str], headers: dict[str, str]
    ) -> None:
        said = refused("ListObjectsV2", code, told, headers)

        assert f"found a bucket of another region ({code}): it lies in eu-central-1. Hint: set s3_region or" in said

    def test_where_s3_names_no_region_the_message_names_none(self) -> None:
        assert "found a bucket of another region (PermanentRedirect). Hint" in refused("PutObject", "PermanentRedirect")

    def test_the_region_in_the_answer_to_another_refusal_is_not_told(self) -> None:
        assert "eu-west-1" not in refused("PutObject", "AccessDenied", {}, {"x-amz-bucket-region": "eu-west-1"})


def test_how_s3_is_gone_about_shapes_no_result() -> None:
    chosen = Settings(s3_kms_key="alias/pupils", s3_expected_owner=STRANGER, s3_region="eu-west-1")

    assert job(chosen).shape() == job(Settings()).shape()
    assert s3_access(chosen) == S3Access("alias/pupils", STRANGER, "eu-west-1")


class TestUpload:
    def test_a_big_file_arrives_whole_and_encrypted(self, bucket: str, s3: "S3Client", tmp_path: Path) -> None:
        path = a_file(tmp_path, 17 * 1024**2 + 1)

        upload_file(path, f"s3://{bucket}/a folder/grün.zip", S3Access(kms_key=KEY))

        stored = s3.get_object(Bucket=bucket, Key="a folder/grün.zip")
        assert stored["Body"].read() == path.read_bytes()
        assert stored["ETag"].strip('"').endswith("-3")
        assert stored["SSEKMSKeyId"] == KEY

    def test_a_small_file_replaces_the_former(self, bucket: str, s3: "S3Client", tmp_path: Path) -> None:
        s3.put_object(Bucket=bucket, Key="file", Body=b"former")

        upload_file(a_file(tmp_path, 3), f"s3://{bucket}/file")

        assert s3.get_object(Bucket=bucket, Key="file")["Body"].read() == bytes(3)

    @pytest.mark.parametrize(
        ("size", "part"),
        [
            (0, 8 * 1024**2),
            (80_000 * 1024**2, 8 * 1024**2),
            (80_000 * 1024**2 + 1, 9 * 1024**2),
            (5 * 1024**4, 525 * 1024**2),
        ],
    )
    def test_parts_grow_so_that_ten_thousand_suffice(self, tmp_path: Path, size: int, part: int) -> None:
        path = a_hollow_file(tmp_path, size)

        found = part_size(path)

        assert found == part
        assert -(-size // found) <= 10_000

    def test_what_s3_cannot_hold_is_refused(self, tmp_path: Path) -> None:
        path = a_hollow_file(tmp_path, 5 * 1024**4 + 1)

        with pytest.raises(StorageError, match="expected at most 5497558138880 bytes, found 5497558138881"):
            upload_file(path, "s3://bucket/key")

    def test_a_file_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError) as error:
            upload_file(tmp_path / "none", "s3://bucket/key")

        assert str(error.value) == (
            f"{tmp_path}/none: expected a file to upload, found: No such file or directory. Hint: check the path."
        )

    def test_a_location_without_a_name_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="expected s3://<bucket>/<file>, found no file's name"):
            upload_file(a_file(tmp_path, 1), "s3://bucket/")

    @pytest.mark.usefixtures("s3_endpoint")
    def test_a_missing_bucket_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match=r"s3://no-such-bucket/key: .* no bucket of this name"):
            upload_file(a_file(tmp_path, 9_000_000), "s3://no-such-bucket/key")


def a_file(folder: Path, size: int) -> Path:
    path = folder / "file"
    path.write_bytes(bytes(size))
    return path


def a_hollow_file(folder: Path, size: int) -> Path:
    """A file of zeros that takes no room on the disk."""
    path = folder / "hollow"
    with path.open("wb") as file:
        file.truncate(size)
    return path


def refused(
    operation: str, code: str, told: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> str:
    """Return the message for an answer of S3 that refuses."""
    answer: Any = {"Error": {"Code": code, **(told or {})}, "ResponseMetadata": {"HTTPHeaders": headers or {}}}
    with pytest.raises(StorageError) as error, s3_refusals("s3://bucket/key"):
        raise ClientError(answer, operation)
    assert error.value.exit_code == 3
    return str(error.value)
