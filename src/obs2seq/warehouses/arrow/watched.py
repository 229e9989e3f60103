"""Pieces and groups that tell how many of them are done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from threading import Lock

import pyarrow as pa

from obs2seq.tracing.watch import Watch
from obs2seq.warehouses.arrow.pieces import Piece
from obs2seq.warehouses.arrow.store import Group


def watched_pieces(pieces: list[Piece], watch: Watch) -> list[Piece]:
    """Return pieces that tell, as they are read, how much of all has been."""
    if not watch.is_told:
        return pieces
    count = _Count(watch, sum(piece.size for piece in pieces))
    return [replace(piece, read=lambda piece=piece: _counted(piece, count)) for piece in pieces]  # type: ignore[misc]


def watched_groups(groups: Iterable[Group], watch: Watch) -> Iterator[Group]:
    """Yield groups that tell, as they are done with, how many have been."""
    count = _Count(watch, None)
    for group in groups:
        yield replace(group, discard=lambda group=group: _discard(group, count))  # type: ignore[misc]


class _Count:
    def __init__(self, watch: Watch, total: int | None) -> None:
        self._watch, self._total = watch, total
        self._lock, self._done = Lock(), 0

    def add(self, size: int) -> None:
        with self._lock:
            self._done += size
            self._watch.progress(self._done, self._total)


def _counted(piece: Piece, count: _Count) -> Iterator[tuple[pa.Table, int]]:
    for table, size in piece.read():
        yield table, size
        count.add(size)


def _discard(group: Group, count: _Count) -> None:
    group.discard()
    count.add(1)
