"""Versions that were worked out before, kept on this machine while the source stays as it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from obs2seq.domain.fingerprint import fingerprint

Versions = dict[str, str]

FOLDER = "~/.cache/obs2seq/versions"


def remembered(identity: object, compute: Callable[[], Versions]) -> Versions:
    """Return what was computed before of the same source, or compute it; parsing the source takes a tenth of a second.

    Args:
        identity: What is asked for, as JSON values.
        compute: Works it out.

    Returns:
        What `compute` gives; it is kept where that can be, and nothing is said where it cannot.
    """
    source = _source()
    if source is None:
        return compute()
    try:
        place = Path(FOLDER).expanduser() / f"{fingerprint(identity)}.json"
    except RuntimeError:
        return compute()
    found = _read(place, source)
    if found is None:
        found = compute()
        _write(place, source, found)
    return found


def _source() -> str | None:
    """Return what stands for all files of the package by size and time; None where it lies in an archive."""
    root = Path(__file__).parents[1]
    files = [list(entry) for entry in sorted(_files(root))] if root.is_dir() else []
    return fingerprint(*files) if files else None


def _files(root: Path) -> Iterator[tuple[str, int, int]]:
    for folder, _, names in os.walk(root):
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(folder, name)  # noqa: PTH118  # some hundred files, each time
                state = os.stat(path)  # noqa: PTH116
                yield path, state.st_size, state.st_mtime_ns


def _read(place: Path, source: str) -> Versions | None:
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_right = isinstance(content, dict) and content.get("source") == source and isinstance(content.get("code"), dict)
    return {str(name): str(code) for name, code in content["code"].items()} if is_right else None


def _write(place: Path, source: str, versions: Versions) -> None:
    new = place.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps({"source": source, "code": versions}), encoding="utf-8")
        new.replace(place)
