"""Locations as text: a local path, a `file:` URI or an `s3://` URI, read the way Hadoop reads them."""

import posixpath
import re
from pathlib import Path

from obs2seq.errors import ConfigurationError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_SUPPORTED = "expected a local path, a file:// URI or an s3:// URI"


def is_s3(location: str) -> bool:
    """Whether the location is on S3; otherwise it is local.

    Raises:
        ConfigurationError: The location is empty, or of a kind that is not supported.
    """
    if not location.strip():
        raise ConfigurationError("location", f"{_SUPPORTED}, found an empty text")
    match = _SCHEME.match(location)
    scheme = match[1] if match else "file"
    if scheme not in {"file", "s3"}:
        hint = f"write s3{location[len(scheme) :]}" if scheme in {"s3a", "s3n"} else ""
        raise ConfigurationError(location, f"{_SUPPORTED}, found {scheme}:", hint)
    return scheme == "s3"


def join(location: str, *parts: str) -> str:
    """Return the location of what lies below; empty parts count for nothing.

    Example:
        >>> join("s3://bucket/output/", "train_sequenced_100", "")
        's3://bucket/output/train_sequenced_100'
    """
    below = [part.strip("/") for part in parts if part.strip("/")]
    return "/".join([location.rstrip("/"), *below]) if below else location


def bucket_and_key(location: str) -> tuple[str, str]:
    """Return an S3 location's bucket and key, without slashes at the key's ends; nothing is percent-decoded.

    Raises:
        ConfigurationError: There is no bucket in it.
    """
    match = re.fullmatch(r"s3://([^/]+)(.*)", location, flags=re.DOTALL)
    if not match:
        raise ConfigurationError(location, "expected s3://<bucket>/<folder>, found no bucket")
    return match[1], posixpath.normpath(f"/{match[2]}").lstrip("/")


def local_path(location: str) -> Path:
    """Return a local location as a path; nothing is percent-decoded, as in Spark.

    Raises:
        ConfigurationError: It is a URI that names a host.
    """
    if is_s3(location):
        raise ConfigurationError(location, "expected a local path or a file:// URI, found an S3 location")
    if not location.startswith("file:"):
        return Path(location)
    path = location.removeprefix("file:").removeprefix("//")
    if not path.startswith("/"):
        raise ConfigurationError(location, "expected file:///<absolute path>, found no absolute path")
    return Path(path)
