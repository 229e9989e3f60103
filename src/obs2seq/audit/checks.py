"""What is wrong between subsets, from what each of them holds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow.compute as pc

from obs2seq.audit.facts import SubsetFacts, Twins
from obs2seq.domain.audit import Finding
from obs2seq.kernel.columns import Array

Period = tuple[Any, Any]
"""From when on, and before when; None: unbounded."""

_DEVIATIONS = 4.0
"""So many standard deviations above what a subset shows within itself is no chance."""


def shared_pupils(subsets: Sequence[SubsetFacts]) -> Iterator[Finding]:
    """Find pupils that are in two subsets."""
    for first, second in combinations(subsets, 2):
        n = pc.sum(pc.is_in(second.pupils, first.pupils)).as_py() or 0
        if n:
            yield Finding(check="pupils", where=_both(first, second), found=f"pupils that are in both: {n:,}")


def repeated_sequences(subsets: Sequence[SubsetFacts]) -> Iterator[Finding]:
    """Find sequences of one subset that another repeats, value by value, more often than pupils of one subset do.

    Where few values are told apart, pupils give the same answers by chance; how often is seen within each subset.
    """
    for first, second in combinations(subsets, 2):
        n = int(np.isin(second.twins.hashes, first.twins.hashes).sum())
        if n > _by_chance(first.twins, second.twins):
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
    """Find subsets that hold new observations from outside their time."""
    for facts in subsets:
        if facts.times is None:
            continue
        (first, last), (start, end) = facts.times, periods[facts.subset]
        if start is not None and first < start:
            yield Finding(check="times", where=f"'{facts.subset}'", found=f"new observations from before {start}")
        if end is not None and last >= end:
            yield Finding(check="times", where=f"'{facts.subset}'", found=f"new observations from {end} or later")


def _by_chance(first: Twins, second: Twins) -> float:
    """Return how many sequences of the second may well stand in the first."""
    share = max(_share_within(first), _share_within(second))
    n = len(second)
    return n * share + _DEVIATIONS * math.sqrt(n * share * (1 - share))


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
