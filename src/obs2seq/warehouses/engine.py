"""What computes a run: Spark, Athena, or whatever else holds the contract. It publishes nothing."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from obs2seq.domain.job import Job
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.vocabularies import Word
from obs2seq.errors import ConfigurationError
from obs2seq.warehouses.subsets import SubsetSource


@dataclass(frozen=True)
class Order:
    """What one run is to make."""

    job: Job
    subset: str
    kind: Literal["sequences", "observations"]
    dataset: str
    """The name of the folder that readers open."""

    @classmethod
    def of(cls, job: Job, subset: str, kind: Literal["sequences", "observations"]) -> Self:
        """Return the order for a dataset under its usual name."""
        ending = "prepared" if kind == "observations" else f"sequenced_{job.spec.sequence_length}"
        return cls(job, subset, kind, f"{subset}_{ending}")


class Engine(ABC):
    """Computes the data of one subset."""

    @abstractmethod
    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        """Write the data into a folder that holds none; return the account of it, which balances.

        Raises:
            DataError: The input cannot be used.
            StorageError: Something refused, or the files that were written are not what was counted.
        """

    def count_pupils(self, order: Order, found: SubsetSource) -> Mapping[str, int]:  # noqa: ARG002
        """Return how many observations each pupil has, by the pupil as text, over all subsets; after one pass.

        Raises:
            ConfigurationError: This engine does not count them.
        """
        raise ConfigurationError("subset_method", "expected one that this engine knows, found stratified")

    def first_values(self, order: Order, found: SubsetSource, columns: Sequence[str]) -> Mapping[str, Sequence[Word]]:  # noqa: ARG002
        """Return each value of some columns of the subset, by first appearance in the order; after one pass.

        Where values come first together, the smaller text, by code point, comes before the other. Nulls are left out.

        Raises:
            DataError: The input cannot be used.
            ConfigurationError: This engine does not look for them.
        """
        raise ConfigurationError("features", "expected none with encode for this engine, found one")

    @abstractmethod
    def check(self, order: Order, found: SubsetSource) -> Ledger:
        """Return what the row rules would leave out, after one pass that makes nothing; raise what would stop a run."""
