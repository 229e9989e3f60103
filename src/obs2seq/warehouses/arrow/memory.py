"""How much memory there is for observations."""

import os
import re
from contextlib import suppress
from pathlib import Path

_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where a container's limit stands, in the second version of control groups and in the first."""
_SHARE = 0.5


def budget_of(setting: str | None) -> int:
    """Return a budget such as '2g' in bytes, or half of what the machine or the container has."""
    if setting is None:
        return int(_memory() * _SHARE)
    match = re.fullmatch(r"(\d+)([kmgt])b?", setting.lower())
    assert match, "settings take only sizes with a unit"
    return int(match[1]) * _UNITS[match[2]]


def in_words(size: int) -> str:
    """Return a size as a setting that is no smaller."""
    unit = next(unit for unit in ("g", "m", "k") if size >= 4 * _UNITS[unit] or unit == "k")
    return f"{-(-size // _UNITS[unit])}{unit}"


def _memory() -> int:
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in _LIMITS:
        with suppress(OSError, ValueError):  # no such group, or no limit: 'max'
            limits.append(int(Path(file).read_text()))
    return min(limits)
