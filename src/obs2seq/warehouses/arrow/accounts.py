"""What became of every row: the counts of a run of this engine as a ledger."""

from collections import Counter
from collections.abc import Mapping
from threading import Lock

from obs2seq.domain import rules
from obs2seq.domain.job import Job
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.rule_sets import by_effect
from obs2seq.kernel.sequencing import Counts
from obs2seq.warehouses.arrow.selection import ROWS_IN

SEQUENCED, EXPANDED = "sequenced", "expanded"


class Account:
    """Counts that come from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._read: Counter[str] = Counter()
        self._checked: Counter[str] = Counter()
        self._made: Counter[str] = Counter()

    def add_read(self, counts: Mapping[str, int]) -> None:
        """Add the rows of a piece, and those that each rule left out."""
        with self._lock:
            self._read.update(counts)

    def add_made(self, counts: Counts) -> None:
        """Add what became of the rows that were left."""
        with self._lock:
            self._made.update(
                {
                    rules.DUPLICATE: counts.duplicates,
                    rules.MIN_LENGTH: counts.min_length,
                    rules.MAX_SEQUENCES: counts.max_sequences,
                    SEQUENCED: counts.sequenced,
                    EXPANDED: counts.expanded,
                }
            )

    def add_told(self, read: Mapping[str, int], made: Mapping[str, int]) -> None:
        """Add what another account has of rows that were read, and of those that were left."""
        with self._lock:
            self._read.update(read)
            self._made.update(made)

    @property
    def made(self) -> dict[str, int]:
        """What became of the rows that were left, by rule; how many are in sequences, and how many came to be more."""
        return dict(self._made)

    def add_checked(self, counts: Mapping[str, int]) -> None:
        """Add the rows that break rules over pupils."""
        with self._lock:
            self._checked.update(counts)

    def input_ledger(self, job: Job) -> Ledger:
        """Return the ledger of the row rules alone: what no rule leaves out would go into sequences."""
        counts = {rule: n for rule, n in (self._read + self._checked).items() if rule != ROWS_IN}
        left_out, noted = by_effect(counts, job.rules)
        return Ledger(self._read[ROWS_IN], self._read[ROWS_IN] - sum(left_out.values()), left_out, noted)

    def ledger(self, job: Job) -> Ledger:
        """Return the ledger of a run."""
        duplicates = {rules.DUPLICATE: self._made[rules.DUPLICATE]}
        counts = {rule: n for rule, n in (self._read + self._checked).items() if rule != ROWS_IN}
        left_out, noted = by_effect(counts, job.rules)
        left_out |= {rule: self._made[rule] for rule in (rules.MIN_LENGTH, rules.MAX_SEQUENCES)}
        left_out |= duplicates if job.duplicates == "drop" else {}
        noted |= duplicates if job.duplicates == "keep" else {}
        kept = {rule: n for rule, n in left_out.items() if n}
        return Ledger(self._read[ROWS_IN], self._made[SEQUENCED], kept, noted, self._made[EXPANDED])
