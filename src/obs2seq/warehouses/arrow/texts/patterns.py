"""Spark's patterns of timestamps, as far as they are made of numbers."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.warehouses.arrow.limits import UnfitError
from obs2seq.warehouses.arrow.texts.values import instants_of_parts

_NUMBERS = {"y": "year", "u": "year", "M": "month", "d": "day", "H": "hour", "m": "minute", "s": "second"}
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|(.)", re.DOTALL)
_ZONE = r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})"
_ALL = ("year", "month", "day", "hour", "minute", "second", "fraction", "zone")


class Pattern:
    """Reads timestamps of one pattern.

    Args:
        pattern: As Spark writes it: dd.MM.yyyy HH:mm.

    Raises:
        ConfigurationError: A letter of it is not understood; it is named.
    """

    def __init__(self, pattern: str) -> None:
        expression = "".join(_regex(match) for match in _TOKEN.finditer(pattern))
        self._regex = f"^{expression}$"
        self._names = re.findall(r"\(\?P<(\w+)>", self._regex)
        if len(set(self._names)) < len(self._names) or not {"year", "month", "day"} <= set(self._names):
            raise _refused("no year, month and day, or a part twice")

    def read(self, texts: pa.Array) -> pa.Array:
        """Return instants, in UTC where a text names no offset; null where a text is not of the pattern."""
        parts = pc.extract_regex(texts, self._regex)
        known = {name: pc.struct_field(parts, name) for name in self._names}
        empty = pc.if_else(parts.is_valid(), "", None)
        arrays = [known.get(name, empty) for name in _ALL]
        mask = pc.is_null(parts)
        return instants_of_parts(pa.StructArray.from_arrays(arrays, _ALL, mask=mask))


def _regex(match: re.Match[str]) -> str:
    quoted, letter, other = match[1], match[2], match[3]
    if quoted is not None:
        return re.escape(quoted.replace("''", "'") or "'")
    if letter is None:
        return {"[": "(?:", "]": ")?"}.get(other) or _literal(other)
    return _part(letter, len(match[0]))


def _part(letter: str, count: int) -> str:
    if letter == "S" and count <= 9:
        return rf"(?P<fraction>[0-9]{{1,{count}}})"
    if letter == "X" and count == 3:
        return _ZONE
    if letter in "yu" and count == 4:
        return "(?P<year>[0-9]{4})"
    if letter in "MdHms" and count <= 2:
        return f"(?P<{_NUMBERS[letter]}>[0-9]{{{'2' if count == 2 else '1,2'}}})"
    raise _refused(letter * count)


def _literal(letter: str) -> str:
    if letter in "#{}":
        raise _refused(letter)
    return re.escape(letter)


def _refused(found: str) -> UnfitError:
    return UnfitError(
        "timestamp_format",
        f"expected a pattern of yyyy, MM, dd, HH, mm, ss, S and XXX where engine is arrow, found {found}",
        "convert the times before, or set engine: spark",
    )
