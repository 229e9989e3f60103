"""Hashes of sequences, to find equal ones among millions. They hold for one process: text is hashed by Python."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from obs2seq.kernel.columns import WIDE, Array, load

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)


def position_hashes(arrays: Sequence[pa.ChunkedArray], length: int) -> Array:
    """Return a 64-bit hash of each position of each row, of shape (rows, L): of all arrays' values there.

    Args:
        arrays: Lists of `length` values without nulls.
        length: L.
    """
    hashes = np.zeros(len(arrays[0]) * length, np.uint64)
    for array, factor in zip(arrays, _factors(len(arrays)), strict=True):
        hashes += _mixed(_numbers(array)) * factor
    return hashes.reshape(-1, length)


def sequence_hashes(positions: Array) -> Array:
    """Return a 64-bit hash of each row of what `position_hashes` gives."""
    hashes: Array = _mixed(positions) @ _factors(positions.shape[1])
    return hashes


def _factors(n: int) -> Array:
    """Return odd numbers, the same every time."""
    return np.random.default_rng(0).integers(0, 1 << 64, n, np.uint64) | np.uint64(1)


def _numbers(array: pa.ChunkedArray) -> Array:
    """Return every value of lists as 64 bits."""
    values = pa.chunked_array([chunk.flatten() for chunk in array.chunks], array.type.value_type)
    column = load(values)
    if column.texts is not None:
        known = np.fromiter((hash(text) for text in column.texts.to_pylist()), np.int64, len(column.texts))
        numbers: Array = known.view(np.uint64)[column.values]
    elif column.values.dtype == WIDE:
        numbers = column.values["low"] ^ _mixed(column.values["high"].astype(np.uint64))
    else:
        numbers = column.values.view(f"u{column.values.itemsize}").astype(np.uint64)
    return numbers


def _mixed(numbers: Array) -> Array:
    """Spread the bits: the halves of a float often differ in a few of them alone."""
    mixed = (numbers ^ (numbers >> _SHIFT)) * _MULTIPLIER
    return np.asarray(mixed ^ (mixed >> _SHIFT))
