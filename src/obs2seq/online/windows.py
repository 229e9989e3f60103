"""Which windows a session of n observations has: the contract's arithmetic, one window at a time."""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from obs2seq.domain.spec import SequenceSpec


class Window(NamedTuple):
    """Where a window lies in its session."""

    first: int
    """The position of its first observation."""
    n_observations: int
    n_new: int
    """Its observations that stand in no earlier window; they are its last."""


def kept_windows(n: int, spec: SequenceSpec) -> int:
    """Return how many windows of a session of n observations `min_length` leaves."""
    count = 1 if n <= spec.sequence_length else 1 - (spec.sequence_length - n) // spec.stride
    is_short = n - (count - 1) * spec.stride < spec.min_length
    return count - is_short


def window_of(index: int, n: int, spec: SequenceSpec) -> Window:
    """Return one of the kept windows of a session of n observations, counted from 0 in ascending position."""
    length, stride = spec.sequence_length, spec.stride
    is_from_start = spec.align == "start"
    start = index * stride if is_from_start else n - length - (kept_windows(n, spec) - 1 - index) * stride
    first, stop = max(start, 0), min(start + length, n)
    return Window(first, stop - first, stop - first - (length - stride if first else 0))


def whole_windows(sizes: Sequence[int], spec: SequenceSpec) -> list[Window]:
    """Return the kept windows of a session that cut no observation in two: each holds as many as fit.

    Args:
        sizes: How many elements each observation has, in order; no more than a window holds.
        spec: Which windows there are; they are filled from the side that `align` names.
    """
    is_from_start = spec.align == "start"
    filled: list[int] = []
    for size in sizes if is_from_start else reversed(sizes):
        if not filled or filled[-1] + size > spec.sequence_length:
            filled.append(0)
        filled[-1] += size
    ordered = filled if is_from_start else filled[::-1]
    firsts = accumulate(ordered, initial=0)
    return [Window(first, n, n) for first, n in zip(firsts, ordered, strict=False) if n >= spec.min_length]


def reach(spec: SequenceSpec) -> int:
    """Return how many of a session's last observations its last kept window can be made of, shifts included."""
    # With align start the last window may be too short to be kept; then it is the one before.
    before = spec.stride if spec.align == "start" and spec.min_length > 1 else 0
    earlier = max(0, *(-feature.shift for feature in spec.features))
    return spec.sequence_length + before + earlier
