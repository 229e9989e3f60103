"""Two halves of the pupils, and two kinds of answers: what a model learns from, and what judges it."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from obs2seq.kernel.columns import Array

FEWEST_ANSWERS = 50
"""Each half needs so many answers of each kind."""


def halves(pupils: Array) -> Array:
    """Deal pupils to halves 0 and 1 by their text, so that it does not matter where they stand."""
    return np.fromiter((crc32(str(pupil).encode()) & 1 for pupil in pupils), np.int8, len(pupils))


def bound(answers: Array) -> float:
    """Return the number above which an answer is high: the lower of two, or the median of several."""
    known = np.unique(answers)
    return float(known[0] if len(known) == 2 else np.median(answers)) if len(known) else 0.0


def are_enough(answers: Array) -> bool:
    """Whether there are enough of each kind, 1 and 0."""
    ones = int(answers.sum())
    return min(ones, len(answers) - ones) >= FEWEST_ANSWERS
