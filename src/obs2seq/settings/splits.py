"""How the settings of a split must fit each other."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Protocol

from obs2seq.domain.split_times import Instant


class SplitSettings(Protocol):
    """What is told about a split."""

    @property
    def subsets(self) -> Mapping[str, float]:
        """Names to fractions."""

    @property
    def subset_method(self) -> str:
        """What tells subsets apart."""

    @property
    def split_times(self) -> Mapping[str, Instant]:
        """Names to the instants at which subsets begin."""

    @property
    def split_context(self) -> bool:
        """Whether earlier observations come along."""

    @property
    def split_assignment(self) -> str | None:
        """Where pupils are assigned."""


def split_problems(split: SplitSettings) -> Iterator[tuple[str, str]]:
    """Yield each setting that does not fit the others, and what is wrong with it."""
    if split.split_assignment is not None and split.subset_method != "stratified":
        found = f"where subset_method is {split.subset_method}, found one"
        yield "split_assignment", f"expected none {found} (set subset_method: stratified)"
    if split.subset_method != "time":
        found = f"where subset_method is {split.subset_method}"
        if split.split_times:
            yield "split_times", f"expected none {found}, found {len(split.split_times)} (set subset_method: time)"
        if split.split_context:
            yield "split_context", f"expected false {found}, found true (set subset_method: time)"
        return
    later = list(split.subsets)[1:]
    if split.split_times.keys() != set(later):
        found = ", ".join(split.split_times) or "none"
        yield "split_times", f"expected an instant for each of {', '.join(later) or 'no subset'}, found {found}"
    elif any(not a < b for a, b in pairwise(split.split_times[name] for name in later)):  # type: ignore[operator]
        yield "split_times", "expected instants that ascend in the order of subsets, found others"
