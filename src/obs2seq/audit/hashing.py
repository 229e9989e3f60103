"""Hashes of observations, and of runs of them, to find equal ones among millions.

They hold for one process: text is hashed by Python.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from obs2seq.kernel.columns import WIDE, Array, Column, load

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)
BLOCK = 1 << 15
"""Numbers that are mixed at a time: they stay in the processor's cache."""


def position_hashes(arrays: Sequence[pa.ChunkedArray], length: int) -> Array:
    """Return a 64-bit hash of each position of each row, of shape (rows, L): of all arrays' values there.

    Args:
        arrays: Lists of `length` values without nulls.
        length: L.
    """
    hashes = np.zeros(len(arrays[0]) * length, np.uint64)
    for array, factor in zip(arrays, _factors(len(arrays)), strict=True):
        _add(hashes, _column(array), factor)
    return hashes.reshape(-1, length)


def run_hashes(positions: Array, length: int) -> Array:
    """Return a 64-bit hash of each run of so many positions in a row: `length - 1` fewer than positions.

    Args:
        positions: Hashes, in the order of the observations; of one dimension.
        length: At least 2.
    """
    hashes = np.empty(max(len(positions) - length + 1, 0), np.uint64)
    for start in range(0, len(hashes), BLOCK):
        stop = min(start + BLOCK, len(hashes))
        hashes[start:stop] = _block_of_runs(positions[start : stop + length - 1], length)
    return hashes


def _block_of_runs(positions: Array, length: int) -> Array:
    hashes, size = positions, 1
    for factor in _factors(length.bit_length(), seed=1):
        step = min(size, length - size)
        if step:
            # Runs grow to twice their length; the last time they overlap, and what stands in both counts twice.
            hashes, size = hashes[:-step] + hashes[step:] * factor, size + step
    _mix(hashes)
    return hashes


def pair_hashes(firsts: Array, nexts: Array) -> Array:
    """Return a 64-bit hash of each two positions, of their hashes."""
    hashes = nexts.copy()
    _mix(hashes)
    hashes += firsts
    _mix(hashes)
    return hashes


def _factors(n: int, seed: int = 0) -> Array:
    """Return odd numbers, the same every time."""
    return np.random.default_rng(seed).integers(0, 1 << 64, n, np.uint64) | np.uint64(1)


def _column(array: pa.ChunkedArray) -> Column:
    return load(pa.chunked_array([chunk.flatten() for chunk in array.chunks], array.type.value_type))


def _add(hashes: Array, column: Column, factor: np.uint64) -> None:
    """Add every value's hash, times a factor."""
    if column.texts is not None:
        known = np.fromiter((hash(text) for text in column.texts.to_pylist()), np.int64, len(column.texts))
        by_text = known.view(np.uint64)
        _mix(by_text)
        by_text *= factor
    for start in range(0, len(hashes), BLOCK):
        values = column.values[start : start + BLOCK]
        if column.texts is not None:
            mixed = by_text[values]
        else:
            mixed = _numbers(values)
            _mix(mixed)
            mixed *= factor
        hashes[start : start + BLOCK] += mixed


def _numbers(values: Array) -> Array:
    """Return values as 64 bits."""
    if values.dtype == WIDE:
        high = values["high"].astype(np.uint64)
        _mix(high)
        return np.asarray(values["low"] ^ high)
    return np.asarray(values.view(f"u{values.itemsize}").astype(np.uint64))


def _mix(numbers: Array) -> None:
    """Spread the bits, in place: the halves of a float often differ in a few of them alone."""
    numbers ^= numbers >> _SHIFT
    numbers *= _MULTIPLIER
    numbers ^= numbers >> _SHIFT
