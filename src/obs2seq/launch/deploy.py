"""Puts the package's files where a run will find them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from obs2seq.aws.access import S3Access
from obs2seq.aws.s3 import s3_client, s3_refusals
from obs2seq.aws.uploads import upload_file
from obs2seq.domain.locations import bucket_and_key
from obs2seq.errors import StorageError
from obs2seq.launch.placement import PackagedFile, Placement
from obs2seq.launch.target import Request
from obs2seq.launch.values import LaunchValues

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def code_access(values: LaunchValues) -> S3Access:
    """Return how the code's bucket is gone about."""
    return S3Access(values.kms_key_arn, values.bucket_owner, values.region)


def upload_requests(placement: Placement, values: LaunchValues) -> list[Request]:
    """Return the uploads of all files; none is made."""
    when = "no file of this content is there; above 8 MiB it is sent in parts"
    return [
        Request("s3", "PutObject", _put_object(placement.location(file), file.path, values), when)
        for file in placement.files
    ]


def deploy(placement: Placement, values: LaunchValues) -> Iterator[tuple[str, bool]]:
    """Upload the files that are not there yet; yield each one's location, and whether it was uploaded.

    Raises:
        StorageError: S3 refuses, or a file of another size is there under the content's hash.
    """
    access = code_access(values)
    client = s3_client(access)
    for file in placement.files:
        location = placement.location(file)
        with s3_refusals(location, access):
            is_new = not _is_there(client, file, location)
        if is_new:
            upload_file(file.path, location, access)
        yield location, is_new


def _is_there(client: S3Client, file: PackagedFile, location: str) -> bool:
    """Look by a listing: a HEAD is refused without a body, so that nobody learns why."""
    bucket, key = bucket_and_key(location)
    listed = client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    sizes = [each["Size"] for each in listed if each["Key"] == key]
    if not sizes:
        return False
    (size,) = sizes
    if size != file.size:
        hint = "remove it, and find out who writes there"
        raise StorageError(location, f"expected {file.size} bytes, found {size}", hint)
    return True


def _put_object(location: str, path: Path, values: LaunchValues) -> dict[str, str]:
    bucket, key = bucket_and_key(location)
    return {"Bucket": bucket, "Key": key, "Body": _shown(path), **code_access(values).parameters()}


def _shown(path: Path) -> str:
    """Write a path as from the current folder where it lies below."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
