"""What is wrong between subsets, from what each of them holds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow.compute as pc

from obs2seq.audit.facts import FEWEST_OBSERVATIONS, SubsetFacts, Twins
from obs2seq.domain.audit import Finding
from obs2seq.kernel.columns import Array

Period = tuple[Any, Any]
"""From when on, and before when; None: unbounded."""

_UNLIKELY = 1e-6
"""What has no greater probability is no chance."""
_MANY, _DEVIATIONS = 50, 4.75
"""From so many expected on, so many standard deviations above them are as unlikely."""


def shared_pupils(subsets: Sequence[SubsetFacts]) -> Iterator[Finding]:
    """Find pupils that are in two subsets."""
    for first, second in combinations(subsets, 2):
        n = pc.sum(pc.is_in(second.pupils, first.pupils)).as_py() or 0
        if n:
            yield Finding(check="pupils", where=_both(first, second), found=f"pupils that are in both: {n:,}")


def repeated_sequences(subsets: Sequence[SubsetFacts]) -> Iterator[Finding]:
    """Find sequences of one subset that another repeats, value by value, more often than chance and lessons do.

    Where few values are told apart, sequences are alike by chance; where pupils do the same lessons, they are so within
    each subset too.
    """
    for first, second in combinations(subsets, 2):
        n = int(np.isin(second.twins.hashes, first.twins.hashes).sum())
        if n and _is_no_chance(n, first.twins, second.twins):
            found = f"{n:,} of {len(second.twins):,} sequences of '{second.subset}' stand in '{first.subset}' as well"
            yield Finding(check="twins", where=_both(first, second), found=found)


def unseen_ids(subsets: Sequence[SubsetFacts]) -> Iterator[Finding]:
    """Find ids that the first subset, which a model learns from, does not hold."""
    for other in subsets[1:]:
        for name, values in other.values.items():
            n = len(values) - (pc.sum(pc.is_in(values, subsets[0].values[name])).as_py() or 0)
            if n:
                found = f"{n:,} of {len(values):,} values are unknown to '{subsets[0].subset}'"
                yield Finding(check="unseen", where=f"'{other.subset}', feature '{name}'", found=found)


def misplaced_times(subsets: Sequence[SubsetFacts], periods: Mapping[str, Period]) -> Iterator[Finding]:
    """Find subsets that hold new observations from outside their time; those without one are passed over."""
    for facts in subsets:
        if facts.times is None or facts.subset not in periods:
            continue
        (first, last), (start, end) = facts.times, periods[facts.subset]
        if start is not None and first < start:
            yield Finding(check="times", where=f"'{facts.subset}'", found=f"new observations from before {start}")
        if end is not None and last >= end:
            yield Finding(check="times", where=f"'{facts.subset}'", found=f"new observations from {end} or later")


def _is_no_chance(n: int, first: Twins, second: Twins) -> bool:
    """Whether so many sequences of the second would hardly stand in the first, were they of different pupils."""
    by_chance = len(first) * len(second) * max(first.alikeness, second.alikeness) ** FEWEST_OBSERVATIONS
    by_lessons = len(second) * max(_share_within(first), _share_within(second))
    expected = min(by_chance, len(second)) + by_lessons
    if expected > _MANY:
        return n > expected + _DEVIATIONS * math.sqrt(expected)
    fewer = sum(math.exp(-expected) * expected**k / math.factorial(k) for k in range(min(n, 2 * _MANY)))
    return 1 - fewer < _UNLIKELY


def _share_within(twins: Twins) -> float:
    """Return the share of sequences that another pupil of the same subset has too."""
    if not len(twins):
        return 0.0
    order = np.argsort(twins.hashes, kind="stable")
    hashes, pupils = twins.hashes[order], twins.pupils[order]
    starts = np.flatnonzero(np.diff(hashes, prepend=~hashes[:1]))
    sizes = np.diff(starts, append=len(hashes))
    is_shared: Array = np.minimum.reduceat(pupils, starts) != np.maximum.reduceat(pupils, starts)
    return float(sizes[is_shared].sum() / len(hashes))


def _both(first: SubsetFacts, second: SubsetFacts) -> str:
    return f"'{first.subset}' and '{second.subset}'"
