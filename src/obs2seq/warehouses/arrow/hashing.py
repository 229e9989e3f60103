"""Pupils as numbers that lie evenly: what parts them into groups that no pupil stands in two of."""

import numpy as np
import pyarrow as pa

from obs2seq.kernel.columns import WIDE, Array, load_pupils

_ODD = 0x9E3779B97F4A7C15
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
"""Of the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""


def groups_of(pupils: pa.ChunkedArray, count: int, level: int = 0) -> Array:
    """Return for each row the number of its pupil's group, from 0 to below `count`, at most 65,536.

    Args:
        pupils: The column that names them; nulls are one pupil.
        count: How many groups there are.
        level: Another level parts what one level has left together.
    """
    column = load_pupils(pupils)
    numbers = column.values
    if column.texts is not None:
        numbers = _texts(column.texts)[numbers] if len(column.texts) else np.zeros(len(numbers), np.uint64)
    elif numbers.dtype == WIDE:
        numbers = _mixed(numbers["high"].astype(np.uint64)) ^ numbers["low"]
    elif numbers.dtype.kind == "f":
        numbers = numbers.astype(np.float64).view(np.uint64)
    hashes = _mixed(numbers.astype(np.uint64) + np.uint64(_ODD * (level + 1) % 2**64))
    if column.is_valid is not None:
        hashes[~column.is_valid] = 0
    groups = (hashes >> np.uint64(32)) * np.uint64(count) >> np.uint64(32)
    return groups.astype(np.uint16)


def _mixed(numbers: Array) -> Array:
    for shift, factor in zip((30, 27), _FACTORS, strict=True):
        numbers = (numbers ^ (numbers >> np.uint64(shift))) * factor
    mixed: Array = numbers ^ (numbers >> np.uint64(31))
    return mixed


def _texts(texts: pa.Array) -> Array:
    """Sum each text's bytes, each times a number of its place: all texts at once."""
    plain = texts.cast(pa.large_string())
    offsets = np.frombuffer(plain.buffers()[1], np.int64)[plain.offset : plain.offset + len(plain) + 1]
    lengths = np.diff(offsets)
    data = plain.buffers()[2]
    if data is None or lengths.sum() == 0:
        return np.zeros(len(plain), np.uint64)
    letters = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]].astype(np.uint64)
    place = np.arange(len(letters)) - np.repeat(offsets[:-1] - offsets[0], lengths)
    weighted = (letters + np.uint64(1)) * _mixed(place.astype(np.uint64) + np.uint64(_ODD))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(weighted)])
    found: Array = sums[offsets[1:] - offsets[0]] - sums[offsets[:-1] - offsets[0]]
    return found
