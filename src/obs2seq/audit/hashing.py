"""Hashes of sequences, to find equal ones among millions. They hold for one process: text is hashed by Python."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from obs2seq.kernel.columns import WIDE, Array, load

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)


def sequence_hashes(arrays: Sequence[pa.ChunkedArray], length: int) -> Array:
    """Return a 64-bit hash of each row: of all values of its arrays, at their places.

    Args:
        arrays: Lists of `length` values without nulls.
        length: L.
    """
    places = np.random.default_rng(0).integers(0, 1 << 64, (len(arrays), length), np.uint64) | np.uint64(1)
    hashes = np.zeros(len(arrays[0]), np.uint64)
    for array, factors in zip(arrays, places, strict=True):
        hashes += _mixed(_numbers(array)).reshape(-1, length) @ factors
    return _mixed(hashes)


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
