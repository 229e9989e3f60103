"""Measures by doublings of their size."""

import math
import sys
from collections import Counter

import numpy as np

from obs2seq.kernel.columns import Array

Octave = tuple[int, int]
"""The sign, 0 for zero and 2 for NaN; and the power of 2 at or below the size, times the sign. They order as values."""

_INFINITE = 10_000
_EXPONENTS = 1 << 12
"""How many signs with exponents a double can have."""
_FRACTION_BITS, _BIAS = 52, 1023
_SPECIAL = (0, 2 * _BIAS + 1)
"""The exponents of zeros and what is next to them, and of what is infinite or no number."""


def by_octave(values: Array) -> Counter[Octave]:
    """Count doubles by octave."""
    places = (values.view(np.int64) >> _FRACTION_BITS) + _EXPONENTS // 2
    octaves: Counter[Octave] = Counter()
    for place, n in enumerate(np.bincount(places, minlength=_EXPONENTS).tolist()):
        sign, exponent = (1, place - _EXPONENTS // 2) if place >= _EXPONENTS // 2 else (-1, place)
        if not n:
            continue
        if exponent in _SPECIAL:
            octaves += _by_value(values[places == place])
        else:
            octaves[(sign, sign * (exponent - _BIAS))] += n
    return octaves


def _by_value(values: Array) -> Counter[Octave]:
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
