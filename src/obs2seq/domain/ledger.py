"""The ledger: where every row of the input went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pydantic import BaseModel, TypeAdapter, ValidationError

from obs2seq.domain.validation import findings
from obs2seq.errors import LedgerError


@dataclass(frozen=True)
class Ledger:
    """Rows in = rows in sequences, each new once, + rows left out by named rule.

    Where observations are exploded, an element counts as a row from there on: rows in + elements beyond the first of
    each observation = elements in sequences + what is left out, rows before and elements after.

    Example:
        >>> ledger = Ledger(rows_in=10, sequenced=7, left_out={"null_pupil": 2, "min_length": 1}, noted={})
        >>> ledger.rows_left_out
        3
        >>> ledger.check("train_sequenced_100")
    """

    rows_in: int
    sequenced: int
    left_out: Mapping[str, int]
    """Rows by the rule that left them out; each row counts under one rule only."""
    noted: Mapping[str, int]
    """Rows that a rule noticed and kept; no part of the balance."""
    expanded: int = 0
    """Elements beyond the first of each observation that was exploded."""

    def __post_init__(self) -> None:
        for field in ("left_out", "noted"):
            object.__setattr__(self, field, {str(rule): n for rule, n in sorted(getattr(self, field).items())})

    @property
    def rows_left_out(self) -> int:
        """The number of rows that are in no sequence."""
        return sum(self.left_out.values())

    def check(self, where: str) -> None:
        """Raise `LedgerError`, with all numbers, where the rows do not balance or a number is below 0."""
        counts = (self.rows_in, self.expanded, self.sequenced, *self.left_out.values(), *self.noted.values())
        if min(counts) >= 0 and self.rows_in + self.expanded == self.sequenced + self.rows_left_out:
            return
        expanded = f" + {self.expanded} more by exploding" if self.expanded else ""
        rules = "".join(f" + {rows} {rule}" for rule, rows in self.left_out.items())
        noted = ", ".join(f"{rows} {rule}" for rule, rows in self.noted.items()) or "none"
        raise LedgerError(
            where,
            f"expected every row in to be accounted for once, found {self.rows_in} rows in{expanded}, and "
            f"{self.sequenced} in sequences{rules} = {self.sequenced + self.rows_left_out} (noted and kept: {noted})",
            "check that the input did not change during the run; nothing was published",
        )

    def to_json(self) -> dict[str, object]:
        """Return the ledger as JSON values; without what exploding added, where it added nothing."""
        return {field: value for field, value in asdict(self).items() if field != "expanded" or value}

    @classmethod
    def from_json(cls, content: object) -> Ledger:
        """Return the ledger that `to_json` gave; raise `LedgerError` for anything else."""
        try:
            return TypeAdapter(cls).validate_python(content)
        except ValidationError as error:
            raise LedgerError("ledger", findings(error, BaseModel)) from error
