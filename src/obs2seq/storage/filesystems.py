"""Arrow's file systems for locations of every kind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from obs2seq.domain.locations import bucket_and_key, is_s3, local_path

if TYPE_CHECKING:
    from pyarrow import fs


def filesystem_of(location: str) -> fs.FileSystem:
    """Return what reads the files of a location; that for S3 takes its endpoint from where boto3 takes it."""
    from pyarrow import fs

    if not is_s3(location):
        return fs.LocalFileSystem()
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return fs.S3FileSystem(endpoint_override=endpoint)


def path_in(location: str) -> str:
    """Return a location as its file system names it."""
    return "/".join(bucket_and_key(location)) if is_s3(location) else str(local_path(location))
