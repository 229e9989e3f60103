"""What an audit of a run's subsets found: by check, with counts and names of columns, and never a pupil or a value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.validation import nearest
from obs2seq.errors import ConfigurationError, DataError

AUDIT = "_AUDIT.json"
"""The file in a run's folder that holds the outcome; readers pass over it."""

Check = Literal["pupils", "times", "twins", "look_ahead", "unseen"]

MEANINGS: dict[Check, str] = {
    "pupils": "no pupil is in two subsets",
    "times": "no observation lies in a subset of another time",
    "twins": "no sequences of one subset are repeated in another",
    "look_ahead": "no feature reads what comes after its position",
    "unseen": "every id is known from the first subset",
}
LEAKS: tuple[Check, ...] = ("pupils", "times", "twins", "look_ahead")
"""The checks whose findings are leaks. An id that no training saw is no answer that leaked: it is told, and passes."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Finding(_Record):
    """One thing that a check found."""

    check: Check
    where: str
    """The subsets or the feature that it concerns."""
    found: str
    """What was found, with counts."""

    @property
    def is_leak(self) -> bool:
        """Whether it shows answers where they must not be."""
        return self.check in LEAKS

    def __str__(self) -> str:
        return f"{self.where}: {self.found}"


class Audit(_Record):
    """The outcome for the subsets of one run."""

    runs: dict[str, str]
    """The run of each subset, by its name."""
    targets: tuple[str, ...]
    """The features that were allowed to look ahead."""
    checked: tuple[Check, ...]
    skipped: dict[Check, str]
    """Why a check was not made."""
    findings: tuple[Finding, ...]

    @property
    def leaks(self) -> Sequence[Finding]:
        """The findings that are leaks."""
        return [finding for finding in self.findings if finding.is_leak]


@dataclass(frozen=True)
class Predictability:
    """How well answers can be predicted from what is visible at their positions.

    Args:
        positions: How many answers were predicted.
        auc: The area under the curve; 0.5 is chance.
        margin: So far from 0.5 chance alone brings it in 1 of 100 cases.
        most_telling: The column that tells most, on its own.
        passes_over_repeats: Whether elements of an observation after its first were there, and are none of the
            positions.
    """

    positions: int
    auc: float
    margin: float
    most_telling: str
    passes_over_repeats: bool = False

    @property
    def is_chance(self) -> bool:
        """Whether chance explains it."""
        return abs(self.auc - 0.5) <= self.margin


def look_aheads(spec: SequenceSpec, targets: Sequence[str]) -> Iterator[Finding]:
    """Find features that read what comes after their position, other than those that a model is to predict."""
    for feature in spec.features:
        if feature.shift > 0 and feature.name not in targets:
            yield Finding(
                check="look_ahead",
                where=f"feature '{feature.name}'",
                found=f"it reads {feature.shift:,} positions ahead, and is none of the targets",
            )


def require_targets(spec: SequenceSpec, targets: Sequence[str]) -> None:
    """Raise `ConfigurationError` for a target that is no feature."""
    names = [feature.name for feature in spec.features]
    for target in targets:
        if target not in names:
            raise ConfigurationError("targets", f"expected names of features, found '{target}'", nearest(target, names))


def leaked(leaks: Sequence[Finding]) -> DataError:
    """Return the error that names all leaks."""
    hint = "correct the split or the features (targets names those to predict), or set audit: warn to publish even so"
    found = "; ".join(map(str, leaks))
    return DataError("audit", f"expected subsets and features without leaks, found {found}", hint)
