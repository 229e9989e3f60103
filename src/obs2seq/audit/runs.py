"""Runs of observations that follow each other, hashed so that equal ones are found wherever they stand in windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.audit.hashing import BLOCK, pair_hashes, run_hashes
from obs2seq.kernel.columns import Array

RUN = 10
"""Shorter runs are alike by chance."""
WINNOWED = 21
"""Of so many runs in a row, one is kept where there are many: all pupils who have them keep the same."""
SHARE_KEPT = 2 / (WINNOWED + 1)
"""Of all runs, where they are winnowed."""
_BEFORE = RUN - 1


@dataclass(frozen=True)
class Rows:
    """Sequences, in the order of their file."""

    pupils: pa.Array
    indices: Array
    """Each one's place among those of its pupil and session."""
    positions: Array
    """Hashes of shape (rows, L)."""
    is_told: Array
    """Which positions hold an observation, of the same shape."""
    is_new: Array
    """Which of them no earlier sequence has told."""


@dataclass(frozen=True)
class Tail:
    """What the rows that follow are joined to."""

    pupil: Any
    index: int
    positions: Array


@dataclass(frozen=True)
class Runs:
    """All runs of some sequences."""

    hashes: Array
    rows: Array
    """The row that each ends in."""
    firsts: Array
    """Hashes of positions that another follows, in order."""
    pairs: Array
    """Hashes of each with the one that follows."""
    tail: Tail | None


def runs_of(rows: Rows, tail: Tail | None, *, is_new_alone: bool, is_winnowed: bool, sample: int) -> Runs:
    """Return runs of observations.

    A pupil's sequences are joined where they follow each other: there the new positions go on from the row before.

    Args:
        rows: Some sequences.
        tail: The end of those before, in the same file.
        is_new_alone: Whether what is not new belongs to another subset.
        is_winnowed: Whether to keep a share of the runs alone.
        sample: How many pairs to return at most.
    """
    if not len(rows.indices):
        none: Array = np.zeros(0, np.uint64)
        return Runs(none, np.zeros(0, np.int64), none, none, tail)
    is_next = _is_next(rows, tail)
    is_taken = rows.is_told & (rows.is_new if is_new_alone else rows.is_new | ~is_next[:, None])
    before = tail.positions if tail is not None and is_next[0] else np.zeros(0, np.uint64)
    positions = np.concatenate([before, rows.positions[is_taken]])
    stops = np.cumsum(np.count_nonzero(is_taken, axis=1)) + len(before)
    # What follows no row before it begins anew.
    starts = np.insert(stops[:-1], 0, len(before))[~is_next]
    hashes, kept = _kept(positions, starts, is_winnowed=is_winnowed)
    firsts = np.flatnonzero(_is_within(starts, min(max(len(positions) - 1, 0), sample), 2))
    firsts = firsts[firsts >= len(before) - 1]
    last = positions[max([len(positions) - _BEFORE, *starts[-1:], 0]) :]
    return Runs(
        hashes=hashes,
        rows=np.searchsorted(stops, kept + _BEFORE, side="right"),
        firsts=positions[firsts],
        pairs=pair_hashes(positions[firsts], positions[firsts + 1]),
        tail=Tail(rows.pupils[-1], int(rows.indices[-1]), last),
    )


def _kept(positions: Array, starts: Array, *, is_winnowed: bool) -> tuple[Array, Array]:
    """Return runs that go over no start, and where they begin."""
    hashes = run_hashes(positions, RUN)
    kept = np.flatnonzero(_is_within(starts, len(hashes), RUN))
    hashes = hashes[kept]
    if not is_winnowed:
        return hashes, kept
    is_kept = is_winnowed_in(hashes)
    return hashes[is_kept], kept[is_kept]


def _is_within(starts: Array, n: int, length: int) -> Array:
    """Return which of the first runs of a length go over no start."""
    is_within = np.ones(n, bool)
    over = (starts[:, None] - np.arange(1, length)).reshape(-1)
    is_within[over[(over >= 0) & (over < n)]] = False
    return is_within


def is_winnowed_in(hashes: Array) -> Array:
    """Return which hashes are the least of any `WINNOWED` in a row: equal stretches so long keep an equal one."""
    margin = WINNOWED - 1
    found: Array = np.ones(len(hashes), bool)
    for start in range(0, len(hashes) if len(hashes) >= WINNOWED else 0, BLOCK):
        low, stop = max(start - margin, 0), min(start + BLOCK, len(hashes))
        low = min(low, len(hashes) - WINNOWED)
        found[start:stop] = _is_least(hashes[low : stop + margin])[start - low : stop - low]
    return found


def _is_least(hashes: Array) -> Array:
    edge = np.zeros(WINNOWED - 1, np.uint64)
    least = _over_windows(np.minimum, hashes)
    return np.asarray(_over_windows(np.maximum, np.concatenate([edge, least, edge])) == hashes)


def _over_windows(function: np.ufunc, numbers: Array) -> Array:
    """Return a function of each `WINNOWED` numbers in a row, by windows of twice the size each time."""
    size, found = 1, numbers
    while size < WINNOWED:
        step = min(size, WINNOWED - size)
        found = function(found[:-step], found[step:])
        size += step
    return found


def _is_next(rows: Rows, tail: Tail | None) -> Array:
    """Return which rows follow the one before."""
    is_next = np.zeros(len(rows.indices), bool)
    is_same = pc.equal(rows.pupils[1:], rows.pupils[:-1]).to_numpy(zero_copy_only=False)
    is_next[1:] = is_same & (np.diff(rows.indices) == 1)
    if tail is not None:
        is_next[0] = rows.pupils[0] == tail.pupil and rows.indices[0] == tail.index + 1
    return is_next
