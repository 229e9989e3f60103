"""What is wrong between subsets, from what each of them holds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow.compute as pc

from obs2seq.audit.facts import SubsetFacts, Twins
from obs2seq.audit.runs import RUN, SHARE_KEPT
from obs2seq.domain.audit import Finding
from obs2seq.kernel.columns import Array

Period = tuple[Any, Any]
"""From when on, and before when; None: unbounded."""

_LIKENESS = ("alikeness", "persistence")
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


def repeated_runs(subsets: Sequence[SubsetFacts]) -> Iterator[Finding]:
    """Find runs of observations of one subset that another repeats, value by value, more often than chance and lessons.

    Where few values are told apart, runs are alike by chance; where pupils do the same lessons, they are so within each
    subset too.
    """
    for first, second in combinations(subsets, 2):
        is_repeated = _stand_in(first.twins, second.twins)
        n, n_pupils = int(is_repeated.sum()), len(np.unique(second.twins.pupils[is_repeated]))
        if n and _is_no_chance(n, n_pupils, first.twins, second.twins):
            runs = f"{n:,} of {len(second.twins):,} runs of {RUN} observations"
            found = f"{runs} in '{second.subset}' stand in '{first.subset}' too"
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


def _stand_in(first: Twins, second: Twins) -> Array:
    """Return which runs of the second the first holds; each are in order."""
    if not len(first):
        return np.zeros(len(second), bool)
    places = np.searchsorted(first.hashes, second.hashes)
    return np.asarray(first.hashes[np.minimum(places, len(first) - 1)] == second.hashes)


def _is_no_chance(n: int, n_pupils: int, first: Twins, second: Twins) -> bool:
    """Whether so many runs, of so many pupils of the second, would hardly stand in the first, were these others.

    Runs overlap, so they come in clumps: by chance as long as values go on alike, by lessons a pupil at a time.
    """
    alikeness, persistence = (max(getattr(each, name) for each in (first, second)) for name in _LIKENESS)
    likeness = alikeness * persistence ** (RUN - 1) / SHARE_KEPT
    by_chance = min(len(first) * len(second) * likeness, len(second))
    by_lessons = len(second) * max(_share_within(first), _share_within(second))
    clump = n / n_pupils
    return _is_unlikely(n * (1 - persistence), (by_chance + by_lessons) * (1 - persistence)) and _is_unlikely(
        n_pupils, by_lessons / clump
    )


def _is_unlikely(n: float, expected: float) -> bool:
    """Whether so many, or more, are no chance where so many are expected."""
    if expected > _MANY:
        return n > expected + _DEVIATIONS * math.sqrt(expected)
    fewer = sum(math.exp(-expected) * expected**k / math.factorial(k) for k in range(min(math.ceil(n), 2 * _MANY)))
    return 1 - fewer < _UNLIKELY


def _share_within(twins: Twins) -> float:
    """Return the share of runs that another pupil of the same subset has too."""
    if not len(twins):
        return 0.0
    # Each stands once a pupil, and in order.
    is_alike = np.diff(twins.hashes) == 0
    is_shared = np.append(is_alike, False) | np.insert(is_alike, 0, False)
    return float(is_shared.mean())


def _both(first: SubsetFacts, second: SubsetFacts) -> str:
    return f"'{first.subset}' and '{second.subset}'"
