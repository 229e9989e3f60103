"""Short names for what shaped a result: equal parts, equal name, on every machine."""

import hashlib
import json
from collections.abc import Sequence

from obs2seq.domain.files import StoredFile

HEX_DIGITS = 16


def fingerprint(*parts: object) -> str:
    """Return 16 hex digits, the first of them a letter, that stand for the parts.

    A name of figures alone, or one like 12e45, would be read as a number by what opens the folder of that name.

    Args:
        parts: JSON values. The order of parts and of lists counts, the order of keys does not; 1, 1.0 and true differ.

    Raises:
        TypeError: A part is no JSON value.

    Example:
        >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
        True
    """
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    digits = hashlib.sha256(canonical.encode("ascii")).hexdigest()[:HEX_DIGITS]
    return digits if digits[0].isalpha() else "abcdef"[int(digits[0]) % 6] + digits[1:]


def files_digest(files: Sequence[StoredFile]) -> str:
    """Return the fingerprint of files by path, size and time of change; their order does not count."""
    return fingerprint(*((file.path, file.size, file.modified) for file in sorted(files)))
