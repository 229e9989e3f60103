"""Where Arrow reads and writes: local paths, and S3 as boto3 would reach it."""

from __future__ import annotations

import os
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from obs2seq.domain.locations import bucket_and_key, is_s3, local_path
from obs2seq.errors import ConfigurationError

if TYPE_CHECKING:
    from pyarrow import fs


_REGIONS: dict[str, str | None] = {}
"""Where buckets lie that have been told of: a bucket lies in one region, whoever asks."""


def tell_region(location: str, region: str | None) -> None:
    """Let Arrow look for the bucket of a location in a region from now on; None: in the environment's."""
    if is_s3(location):
        _REGIONS[bucket_and_key(location)[0]] = region


def opened(location: str) -> tuple[fs.FileSystem, str]:
    """Return the file system of a location, and the path within it.

    Raises:
        ConfigurationError: The location is on S3, and the AWS client is not installed.
    """
    from pyarrow import fs

    if not is_s3(location):
        return fs.LocalFileSystem(), str(local_path(location))
    bucket, key = bucket_and_key(location)
    return _s3(_REGIONS.get(bucket)), f"{bucket}/{key}"


def _s3(region: str | None) -> fs.FileSystem:
    """Take region and credentials from where boto3 finds them: it knows sign-in and profiles that Arrow does not.

    Credentials that run out are asked for anew with each file.
    """
    session = _session()
    found = session.get_credentials()
    keys = found.get_frozen_credentials() if found else None
    return _file_system(
        access_key=keys.access_key if keys else None,
        secret_key=keys.secret_key if keys else None,
        session_token=keys.token if keys else None,
        region=region or os.environ.get("AWS_REGION") or session.region_name,
        endpoint_override=os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"),
    )


@lru_cache(maxsize=4)
def _file_system(**options: str | None) -> fs.FileSystem:
    from pyarrow import fs

    return fs.S3FileSystem(**options)


@cache
def _session() -> Any:
    try:
        import boto3
    except ModuleNotFoundError as error:
        problem = f"expected the AWS client to be installed, found no module '{error.name}'"
        raise ConfigurationError("s3", problem, "pip install 'obs2seq[aws]'") from error
    return boto3.Session()
