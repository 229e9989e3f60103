"""Whole columns out of pieces that are read side by side: each is copied once, to where it belongs."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate

import numpy as np

from obs2seq.loading.arrays import Array, Batch


def filled(rows: Sequence[int], read: Callable[[int], Batch], threads: int) -> Batch:
    """Return the arrays of all pieces as one; of a single piece as they are.

    Args:
        rows: The rows of each piece, of which there is one at least.
        read: Gives the arrays of a piece.
        threads: How many pieces are read at a time.
    """
    if len(rows) == 1:
        return read(0)
    target = _Target(rows)
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda piece: target.put(piece, read(piece)), range(len(rows))):
            pass
    return target.arrays()


class _Target:
    """Arrays that are being filled; made with the first piece, whose shapes and types they have."""

    def __init__(self, rows: Sequence[int]) -> None:
        self._ends = list(accumulate(rows))
        self._lock = threading.Lock()
        self._names: list[str] = []
        self._wide: Batch = {}
        self._narrow: dict[str, list[Array]] = {}

    def put(self, piece: int, batch: Batch) -> None:
        self._names = list(batch)
        for name, array in batch.items():
            if array.ndim == 1:  # one number a sequence, with or without nulls: types may differ
                with self._lock:
                    self._narrow.setdefault(name, [array] * len(self._ends))[piece] = array
            else:
                stop = self._ends[piece]
                self._wide_array(name, array)[stop - len(array) : stop] = array

    def arrays(self) -> Batch:
        whole = self._wide | {name: np.concatenate(parts) for name, parts in self._narrow.items()}
        return {name: whole[name] for name in self._names}

    def _wide_array(self, name: str, like: Array) -> Array:
        with self._lock:
            if name not in self._wide:
                self._wide[name] = np.empty((self._ends[-1], like.shape[1]), like.dtype)
            return self._wide[name]
