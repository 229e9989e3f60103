"""Which subset each pupil is assigned to, so that the shares hold among pupils of like activity; nobody moves."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction

from obs2seq.domain.fingerprint import fingerprint

Assignment = Mapping[str, str]
"""Each pupil's subset, by the pupil as text."""


def extended(
    former: Assignment, counts: Mapping[str, int], fractions: Mapping[str, float], salt: str
) -> dict[str, str]:
    """Assign every pupil that is not assigned yet, and keep the others where they are.

    Pupils are taken stratum by stratum, in each by their hash, and put where the stratum and all together are furthest
    below their shares. So where nobody is assigned yet, shares are exact to two pupils in each stratum, however small,
    and in all; where pupils are, the new ones make up for what the others leave. Those who are assigned and have no
    observations now stay assigned, and count nowhere.

    Args:
        former: Who is assigned already; to other subsets than there are now, perhaps.
        counts: The number of observations of each pupil.
        fractions: Each subset's share of the pupils, adding to 1.
        salt: Another text is another assignment.
    """
    strata: dict[int, list[str]] = {}
    for pupil, count in counts.items():
        strata.setdefault(stratum_of(count), []).append(pupil)
    shares = _whole_numbers(fractions)
    everybody = _Shares(shares, [former[pupil] for pupil in counts if pupil in former])
    found = dict(former)
    for number in sorted(strata):
        stratum = _Shares(shares, [former[pupil] for pupil in strata[number] if pupil in former])
        new = (pupil for pupil in strata[number] if pupil not in former)
        for pupil in sorted(new, key=lambda each: _hashed(each, salt)):
            found[pupil] = subset = max(shares, key=lambda name: stratum.lack(name) + everybody.lack(name))
            stratum.add(subset)
            everybody.add(subset)
    return found


def stratum_of(count: int) -> int:
    """Return the stratum of a number of observations: 1, 2 and 3, 4 to 7, 8 to 15 and so on, from 1 up."""
    return count.bit_length()


def digest(assignment: Assignment) -> str:
    """Return what names an assignment: equal ones have equal names."""
    return fingerprint([[pupil, assignment[pupil]] for pupil in sorted(assignment)])


class _Shares:
    """How many pupils each subset has, and how many it lacks, in units of a part of one: whole numbers, so exact."""

    def __init__(self, shares: Mapping[str, int], known: Iterable[str]) -> None:
        self._shares, self._whole = shares, sum(shares.values())
        self._known = Counter(name for name in known if name in shares)
        self._total = self._known.total()

    def lack(self, subset: str) -> int:
        """Return how far below its share a subset is, once there is a pupil more."""
        return self._shares[subset] * (self._total + 1) - self._known[subset] * self._whole

    def add(self, subset: str) -> None:
        """Count a pupil more."""
        self._known[subset] += 1
        self._total += 1


def _whole_numbers(fractions: Mapping[str, float]) -> dict[str, int]:
    exactly = {name: Fraction(str(fraction)) for name, fraction in fractions.items()}
    whole = math.lcm(*(share.denominator for share in exactly.values()))
    return {name: int(share * whole) for name, share in exactly.items()}


def _hashed(pupil: str, salt: str) -> bytes:
    return hashlib.md5(f"{salt}:{pupil}".encode(), usedforsecurity=False).digest()
