"""Sums of doubles without an error on the way."""

from fractions import Fraction

import numpy as np

from obs2seq.kernel.columns import Array

_FRACTION_BITS, _LOW_BITS = 52, 26
_SCALE = 1074
"""The smallest double above zero is 2 ** -1074: every finite one is so many of those, without a rest."""
_BLOCK = 1 << 20
"""Of so many, halves of fractions add up to less than a double holds exactly."""


def exact_sum(values: Array) -> Fraction:
    """Return the sum of finite doubles, also where it is beyond the greatest of them, without a Python float each."""
    total = sum(_units(values[start : start + _BLOCK]) for start in range(0, len(values), _BLOCK))
    return Fraction(total, 1 << _SCALE)


def _units(values: Array) -> int:
    """Return the sum as a whole number of the smallest doubles."""
    bits = values.view(np.int64)
    places = (bits >> _FRACTION_BITS) + 2048
    fractions = bits & ((1 << _FRACTION_BITS) - 1)
    highs, lows = (
        np.bincount(places, part, minlength=4096)
        for part in (fractions >> _LOW_BITS, fractions & ((1 << _LOW_BITS) - 1))
    )
    counts = np.bincount(places, minlength=4096)
    total = 0
    for place in np.flatnonzero(counts).tolist():
        sign, exponent = (1, place - 2048) if place >= 2048 else (-1, place)
        units = (int(highs[place]) << _LOW_BITS) + int(lows[place])
        if exponent:  # a one stands before the point, that is not written down
            units = (units + (int(counts[place]) << _FRACTION_BITS)) << (exponent - 1)
        total += sign * units
    return total
