"""Random bits that are the same on every machine and with every version of NumPy.

Only `PCG64.random_raw` is used, whose stream NumPy keeps stable, and only arithmetic that IEEE 754 rounds in one way.
NumPy's own distributions, `exp` and `log` are not: they differ in the last digit between versions and processors.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt
from numpy.random import PCG64, SeedSequence

Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_BELL_CENTRE = 2 * 65_535
_BELL_DEVIATION = 37_837
"""Of the sum of four 16-bit numbers: 65536 / sqrt(3)."""


class Purpose(IntEnum):
    """What a stream of random words is for: each has its own, so that none shifts another."""

    CURRICULUM = 0
    PUPILS = 1
    SESSIONS = 2
    ANSWERS = 3


def stream(seed: int, purpose: Purpose) -> PCG64:
    """Return the stream of random words of a seed and a purpose."""
    return PCG64(SeedSequence([int(purpose), seed]))


def words(source: PCG64, count: int) -> Words:
    """Return the next words of 64 random bits."""
    return source.random_raw(count)


def bits(drawn: Words, first: int, count: int) -> Integers:
    """Return `count` of the bits of each word, from the lowest but `first` on, as a number from 0 to 2^count − 1."""
    return ((drawn >> np.uint64(first)) & np.uint64((1 << count) - 1)).view(np.int64)


def fraction(drawn: Words, first: int, count: int) -> Floats:
    """Return the same bits as a number from 0 up to but not including 1."""
    return bits(drawn, first, count) / float(1 << count)


def bell(drawn: Words) -> Floats:
    """Return numbers close to the standard normal distribution, between −3.5 and 3.5; uses up the whole word."""
    total = bits(drawn, 0, 16) + bits(drawn, 16, 16) + bits(drawn, 32, 16) + bits(drawn, 48, 16)
    return (total - _BELL_CENTRE) / _BELL_DEVIATION


def lookup(weights: npt.ArrayLike, size: int) -> Integers:
    """Return a table of `size` entries in which each index stands about as often as its weight (whole numbers) asks."""
    cumulative = np.cumsum(np.asarray(weights, dtype=np.int64))
    middles = (2 * np.arange(size) + 1) * cumulative[-1] // (2 * size)
    table: Integers = np.searchsorted(cumulative, middles, side="right")
    return table
