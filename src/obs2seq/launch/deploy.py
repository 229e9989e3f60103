"""Puts the package's files where a run will find them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from obs2seq.aws.refusals import refusals
from obs2seq.domain.locations import bucket_and_key
from obs2seq.errors import StorageError
from obs2seq.launch.placement import PackagedFile, Placement
from obs2seq.launch.target import Clients, Request
from obs2seq.launch.values import LaunchValues

_MIB = 1024 * 1024
_PART = 16 * _MIB
_CONNECTIONS = 4


def upload_requests(placement: Placement, values: LaunchValues) -> list[Request]:
    """Return the uploads of all files; none is made."""
    when = "no file of this content is there"
    return [Request("s3", "PutObject", _parameters(placement, file, values), when) for file in placement.files]


def deploy(placement: Placement, values: LaunchValues, clients: Clients) -> Iterator[tuple[str, bool]]:
    """Upload the files that are not there yet; yield each one's location, and whether it was uploaded.

    Raises:
        StorageError: S3 refuses, or a file of another size is there under the content's hash.
    """
    for file in placement.files:
        yield placement.location(file), _deployed(placement, file, values, clients("s3"))


def _deployed(placement: Placement, file: PackagedFile, values: LaunchValues, s3: Any) -> bool:
    location = placement.location(file)
    with refusals(location):
        size = _size(s3, location, values)
        if size == file.size:
            return False
        if size is not None:
            hint = "remove it, and find out who writes there"
            raise StorageError(location, f"expected {file.size} bytes, found {size}", hint)
        parameters = _parameters(placement, file, values)
        bucket, key = parameters.pop("Bucket"), parameters.pop("Key")
        del parameters["Body"]
        with file.path.open("rb") as body:
            s3.upload_fileobj(body, bucket, key, ExtraArgs=parameters, Config=_transfer())
    return True


def _size(s3: Any, location: str, values: LaunchValues) -> int | None:
    """Return the size of what is there, None for nothing."""
    bucket, key = bucket_and_key(location)
    try:
        size: int = s3.head_object(Bucket=bucket, Key=key, **owner(values))["ContentLength"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
            return None
        raise
    return size


def _parameters(placement: Placement, file: PackagedFile, values: LaunchValues) -> dict[str, Any]:
    bucket, key = bucket_and_key(placement.location(file))
    return {
        "Bucket": bucket,
        "Key": key,
        "Body": _shown(file.path),
        **encryption(values),
        **owner(values),
    }


def _shown(path: Path) -> str:
    """Write a path as from the current folder where it lies below."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _transfer() -> TransferConfig:
    return TransferConfig(multipart_threshold=_PART, multipart_chunksize=_PART, max_concurrency=_CONNECTIONS)


def encryption(values: LaunchValues) -> dict[str, Any]:
    """Return what S3 is told of the encryption of a new object."""
    if not values.kms_key_arn:
        return {}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": values.kms_key_arn, "BucketKeyEnabled": True}


def owner(values: LaunchValues) -> dict[str, str]:
    """Return what S3 is told of the bucket's owner."""
    return {"ExpectedBucketOwner": values.bucket_owner} if values.bucket_owner else {}
