"""Short names for what shaped a result: equal parts, equal name, on every machine."""

import hashlib
import json
from collections.abc import Sequence

from obs2seq.domain.files import StoredFile

HEX_DIGITS = 16


def fingerprint(*parts: object) -> str:
    """Return 16 hex digits that stand for the parts.

    Args:
        parts: JSON values. The order of parts and of lists counts, the order of keys does not; 1, 1.0 and true differ.

    Raises:
        TypeError: A part is no JSON value.

    Example:
        >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
        True
    """
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:HEX_DIGITS]


def files_digest(files: Sequence[StoredFile]) -> str:
    """Return the fingerprint of files by path, size and time of change; their order does not count."""
    return fingerprint(*((file.path, file.size, file.modified) for file in sorted(files)))
