"""Uploads of files that may be too big for one request."""

from __future__ import annotations

from pathlib import Path

from boto3.s3.transfer import TransferConfig

from obs2seq.aws.access import ANY_ACCESS, S3Access
from obs2seq.aws.s3 import s3_client, s3_refusals
from obs2seq.domain.locations import bucket_and_key
from obs2seq.errors import ConfigurationError, StorageError

MIB = 1024**2
MAX_PARTS = 10_000
MAX_SIZE = 5 * 1024**4
"""Bytes of an object; this and the number of parts are limits of S3."""
USUAL_PART = 8 * MIB


def upload_file(path: Path, location: str, access: S3Access = ANY_ACCESS) -> None:
    """Put a local file at an S3 location, over whatever is there; what exceeds 8 MiB goes in parts, four at a time.

    Readers find the whole file or the former one, never a half. An upload that fails leaves no parts behind, as far
    as S3 still answers then.

    Raises:
        ConfigurationError: The location names no bucket, or no file in it.
        StorageError: The file cannot be read or is bigger than S3 allows, or S3 refuses.
    """
    bucket, key = bucket_and_key(location)
    if not key:
        raise ConfigurationError(location, "expected s3://<bucket>/<file>, found no file's name")
    try:
        with path.open("rb") as file, s3_refusals(location, access):
            config = TransferConfig(multipart_chunksize=part_size(path), max_concurrency=4)
            s3_client(access).upload_fileobj(file, bucket, key, Config=config)
    except StorageError:
        raise
    except OSError as error:
        problem = f"expected a file to upload, found: {error.strerror or error}"
        raise StorageError(str(path), problem, "check the path") from error


def part_size(path: Path) -> int:
    """Return of how many bytes to make the parts of a file, so that they are few enough for S3.

    Raises:
        StorageError: The file is bigger than S3 allows.
    """
    size = path.stat().st_size
    if size > MAX_SIZE:
        raise StorageError(str(path), f"expected at most {MAX_SIZE} bytes, found {size}", "split the file")
    needed = -(-size // MAX_PARTS)
    return max(USUAL_PART, -(-needed // MIB) * MIB)
