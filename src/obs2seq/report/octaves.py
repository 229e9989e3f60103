"""Measures by doublings of their size."""

import math
import sys
from collections import Counter

import numpy as np

from obs2seq.kernel.columns import Array

Octave = tuple[int, int]
"""The sign, 0 for zero and 2 for NaN; and the power of 2 at or below the size, times the sign. They order as values."""

_INFINITE = 10_000


def by_octave(values: Array) -> Counter[Octave]:
    """Count values by octave."""
    is_nan = np.isnan(values)
    known = values[~is_nan]
    signs = np.sign(known).astype(int)
    exponents = np.where(np.isinf(known), _INFINITE, np.frexp(known)[1] - 1)
    found, counts = np.unique(np.stack([signs, signs * exponents]), axis=1, return_counts=True)
    octaves = Counter({(int(sign), int(place)): int(n) for (sign, place), n in zip(found.T, counts, strict=True)})
    n_nan = int(is_nan.sum())
    return octaves + Counter({(2, 0): n_nan})


def label(octave: Octave) -> str:
    """Return the range of an octave's values, such as `0.5 to 1`."""
    sign, place = octave
    if sign in (0, 2):
        return "0" if sign == 0 else "NaN"
    if abs(place) == _INFINITE:
        return "∞" if sign > 0 else "-∞"
    size = math.ldexp(1.0, abs(place) if sign * place >= 0 else -abs(place))
    double = min(2 * size, sys.float_info.max)
    return f"{size:g} to {double:g}" if sign > 0 else f"{-double:g} to {-size:g}"
