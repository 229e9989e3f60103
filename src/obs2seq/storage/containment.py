"""Whether one location lies within another: output within the input would be read as input by the next run."""

import os.path
from pathlib import PurePath, PurePosixPath

from obs2seq.domain.locations import bucket_and_key, is_s3, local_path


def contains(outer: str, inner: str) -> bool:
    """Whether `inner` is `outer` or lies below it, after links, `..` and slashes at the end are resolved."""
    if is_s3(outer) != is_s3(inner):
        return False
    return _absolute(inner).is_relative_to(_absolute(outer))


def _absolute(location: str) -> PurePath:
    if is_s3(location):
        return PurePosixPath("/", *bucket_and_key(location))
    return PurePath(os.path.realpath(local_path(location)))
