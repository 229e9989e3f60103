"""Forms of names that AWS gives or takes, so that a dry run refuses what could only fail."""

import re

from obs2seq.domain.locations import bucket_and_key
from obs2seq.errors import ConfigurationError

REGION = r"[a-z]+(-[a-z]+)+-[0-9]+"
SUBNET = r"subnet-([0-9a-f]{8}|[0-9a-f]{17})"
WORKGROUP = r"[A-Za-z0-9._-]{1,128}"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_FILLED_IN_LATER = re.compile(r"[{}$]")


def require_bucket_name(where: str, location: str) -> None:
    """Raise `ConfigurationError` where a location's bucket can be none; what a scheduler fills in is not looked at."""
    bucket, _ = bucket_and_key(location)
    if not _BUCKET.fullmatch(bucket) and not _FILLED_IN_LATER.search(bucket):
        problem = f"expected a bucket's name of 3 to 63 small letters, digits, dots and hyphens, found {bucket!r}"
        raise ConfigurationError(where, problem, "check the name in s3://<bucket>/...")
