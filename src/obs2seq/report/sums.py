"""Sums that no size of their parts can overflow."""

import math
from fractions import Fraction

import numpy as np

from obs2seq.kernel.columns import Array

_LARGE = 2.0**900
_DOWN = 64
"""No more than 2 ** 64 values are ever added, so that none of their sums overflows."""
_UP = 1 << _DOWN


def exact_sum(finite: Array) -> Fraction:
    """Return the sum of finite doubles, as good as one rounding can make it."""
    if np.abs(finite).max(initial=0) < _LARGE:
        return Fraction(math.fsum(finite.tolist()))
    return Fraction(math.fsum(np.ldexp(finite, -_DOWN).tolist())) * _UP
