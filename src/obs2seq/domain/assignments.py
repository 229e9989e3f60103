"""Which subset each pupil is assigned to, so that the shares hold among pupils of like activity; nobody moves."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from obs2seq.domain.fingerprint import fingerprint

Assignment = Mapping[str, str]
"""Each pupil's subset, by the pupil as text."""


def extended(former: Assignment, counts: Mapping[str, int], fractions: Mapping[str, float], salt: str) -> Assignment:
    """Assign every pupil that is not assigned yet, and keep the others where they are.

    Pupils are taken stratum by stratum, in each by their hash, and put where the stratum is furthest below its share.
    So where nobody is assigned yet, every stratum's shares are exact to a pupil; where pupils are, the new ones make up
    for what the others leave. Those who are assigned and have no observations now stay assigned, and count nowhere.

    Args:
        former: Who is assigned already; to other subsets than there are now, perhaps.
        counts: The number of observations of each pupil.
        fractions: Each subset's share of the pupils, adding to 1.
        salt: Another text is another assignment.
    """
    exactly = {name: Fraction(str(fraction)) for name, fraction in fractions.items()}
    whole = math.lcm(*(share.denominator for share in exactly.values()))
    shares = {name: int(share * whole) for name, share in exactly.items()}
    strata: dict[int, list[str]] = {}
    for pupil, count in counts.items():
        strata.setdefault(stratum_of(count), []).append(pupil)
    new = (pair for stratum in sorted(strata) for pair in _placed(strata[stratum], former, shares, salt))
    return dict(former) | dict(new)


def stratum_of(count: int) -> int:
    """Return the stratum of a number of observations: 1, 2 and 3, 4 to 7, 8 to 15 and so on, from 1 up."""
    return count.bit_length()


def digest(assignment: Assignment) -> str:
    """Return what names an assignment: equal ones have equal names."""
    return fingerprint([[pupil, assignment[pupil]] for pupil in sorted(assignment)])


def _placed(
    pupils: Iterable[str], former: Assignment, shares: Mapping[str, int], salt: str
) -> Iterator[tuple[str, str]]:
    """Yield the subset of each pupil of a stratum who has none; shares are whole numbers."""
    known, new, whole = Counter[str](), [], sum(shares.values())
    for pupil in pupils:
        if pupil in former:
            known[former[pupil]] += 1
        else:
            new.append(pupil)
    total = sum(known[name] for name in shares)
    for number, pupil in enumerate(sorted(new, key=lambda each: _hashed(each, salt)), total + 1):
        subset = max(shares, key=lambda name: shares[name] * number - known[name] * whole)  # used at once
        known[subset] += 1
        yield pupil, subset


def _hashed(pupil: str, salt: str) -> bytes:
    return hashlib.md5(f"{salt}:{pupil}".encode(), usedforsecurity=False).digest()
