"""Whole columns out of pieces that are read side by side: each value is copied once, to where it belongs."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, chain
from typing import Any

import numpy as np
import pyarrow as pa

from obs2seq.loading.arrays import Array, Batch
from obs2seq.loading.batches import n_rows


def filled(rows: Sequence[int], parts: Callable[[int], Iterator[Batch]], threads: int) -> Batch:
    """Return the arrays of all pieces as one.

    Args:
        rows: The rows of each piece, of which there is one at least.
        parts: Gives the arrays of a piece, in parts that are small enough for the processor's cache.
        threads: How many pieces are read at a time.
    """
    target = _Target(rows)
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda piece: target.put(piece, parts(piece)), range(len(rows))):
            pass
    return target.arrays()


class _Target:
    """Arrays that are being filled; made with the first part, whose shapes and types they have."""

    def __init__(self, rows: Sequence[int]) -> None:
        self._ends = [0, *accumulate(rows)]
        self._lock = threading.Lock()
        self._names: list[str] = []
        self._wide: Batch = {}
        self._narrow: dict[str, list[list[Array]]] = {}

    def put(self, piece: int, parts: Iterator[Batch]) -> None:
        start = self._ends[piece]
        for part in parts:
            self._names = list(part)
            for name, array in part.items():
                if array.ndim == 1:  # one number a sequence, with or without nulls: types may differ
                    self._narrow_parts(name)[piece].append(array)
                else:
                    self._wide_array(name, array)[start : start + len(array)] = array
            start += n_rows(part)

    def arrays(self) -> Batch:
        whole = self._wide | {name: np.concatenate(list(chain(*parts))) for name, parts in self._narrow.items()}
        return {name: whole[name] for name in self._names}

    def _narrow_parts(self, name: str) -> list[list[Array]]:
        with self._lock:
            return self._narrow.setdefault(name, [[] for _ in self._ends])

    def _wide_array(self, name: str, like: Array) -> Array:
        with self._lock:
            if name not in self._wide:
                self._wide[name] = _empty((self._ends[-1], like.shape[1]), like.dtype)
            return self._wide[name]


def _empty(shape: tuple[int, int], dtype: np.dtype[Any]) -> Array:
    """Return an array, of numbers in memory of Arrow's pool: what has been used before need not be cleared again."""
    if dtype.hasobject:
        return np.empty(shape, dtype)
    memory = pa.allocate_buffer(shape[0] * shape[1] * dtype.itemsize)
    return np.frombuffer(memory, dtype).reshape(shape)
