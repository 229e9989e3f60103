"""Which subset and fold a pupil belongs to: decided by the pupil alone, so that nobody moves when others arrive."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from obs2seq.domain.split_times import TimeRange
from obs2seq.errors import ConfigurationError

FOLD = "fold"
"""The column that tells folds apart."""

DIGITS = 8
"""Hexadecimal digits of the hash that are compared: shares are exact to 1 in 4,294,967,296."""
_SAMPLE_SALT = "sample of stage development"


@dataclass(frozen=True)
class HashRange:
    """The pupils whose hash lies in [first, end), both as hexadecimal text of fixed width; end None: to the last."""

    salt: str
    first: str
    end: str | None

    @property
    def digits(self) -> int:
        """How many leading digits of the pupil's hash are compared."""
        return DIGITS

    @cached_property
    def _prefix(self) -> bytes:
        return f"{self.salt}:".encode()

    def holds(self, pupil: str) -> bool:
        """Whether a pupil, given as text, belongs here."""
        return self.holds_bytes(pupil.encode())

    def holds_bytes(self, pupil: bytes) -> bool:
        """Whether a pupil, given as the bytes of its text, belongs here."""
        digits = hashlib.md5(self._prefix + pupil, usedforsecurity=False).hexdigest()[:DIGITS]
        return self.first <= digits and (self.end is None or digits < self.end)


@dataclass(frozen=True)
class ColumnValue:
    """The rows that name this subset in a column of their own."""

    column: str
    subset: str
    known: tuple[str, ...]
    """All configured subsets."""


@dataclass(frozen=True)
class Everything:
    """All rows: the location holds one subset alone."""


@dataclass(frozen=True)
class Assigned:
    """The pupils that a file assigns to this subset."""

    location: str
    subset: str
    known: tuple[str, ...]
    """All configured subsets."""


Share = HashRange | ColumnValue | TimeRange | Assigned | Everything
"""How a subset is told from the others."""


def hash_range(fractions: Mapping[str, float], subset: str, salt: str = "") -> HashRange:
    """Return the range of hashes that is a subset's share.

    The hash is MD5 over `<salt>:<pupil as text>` in UTF-8, because every engine has it; the subsets' shares are
    laid end to end over its values in the order of `fractions`. A pupil moves only if the salt or the shares change.

    Args:
        fractions: Each subset's share of the pupils, adding to 1.
        subset: One of them.
        salt: Another salt gives another split.
    """
    names = list(fractions)
    index = names.index(subset)
    before = sum((Fraction(str(fractions[name])) for name in names[:index]), Fraction(0))
    end = before + Fraction(str(fractions[subset]))
    is_last = index == len(names) - 1
    return HashRange(salt, _bound(before), None if is_last else _bound(end))


def sample_range(share: float) -> HashRange:
    """Return the range of hashes that is a sample of all pupils, above 0 and up to 1.

    Its salt is its own, so that the sample has each subset's share; a larger sample holds the smaller ones.
    """
    return HashRange(_SAMPLE_SALT, _bound(Fraction(0)), None if share == 1 else _bound(Fraction(str(share))))


def _bound(share: Fraction) -> str:
    # A share that rounds to all of them would need a digit more.
    return f"{min(round(share * 16**DIGITS), 16**DIGITS - 1):0{DIGITS}x}"


@dataclass(frozen=True)
class Folds:
    """How pupils are divided for cross-validation, independent of their subsets."""

    count: int
    """2 or more."""
    salt: str

    @cached_property
    def _prefix(self) -> bytes:
        return f"{fold_salt(self.salt)}:".encode()

    def of(self, pupil: bytes) -> int:
        """Return the fold, from 0 on, of a pupil, given as the bytes of its text.

        It is what is left of the leading digits of MD5 over `<salt>:fold:<pupil as text>`, as a number, divided by the
        number of folds. A pupil moves only if the salt or the number of folds changes.
        """
        digits = hashlib.md5(self._prefix + pupil, usedforsecurity=False).hexdigest()[:DIGITS]
        return int(digits, 16) % self.count


def fold_salt(salt: str) -> str:
    """Return what folds are salted with: not as subsets are, so that every subset holds its part of each fold."""
    return f"{salt}:fold"


def require_no_fold(columns: Sequence[str]) -> None:
    """Raise `ConfigurationError` where there is a column of the name that folds get."""
    if FOLD in {name.lower() for name in columns}:
        problem = f"expected no other column of the name '{FOLD}', found one"
        raise ConfigurationError("folds", problem, "rename it, for instance under columns in the settings")
