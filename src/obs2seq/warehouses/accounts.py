"""What became of every row: the counts of a run on Spark as a ledger."""

from obs2seq.domain import rules
from obs2seq.domain.job import Job
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.rule_sets import by_effect, pupil_rules
from obs2seq.errors import LedgerError
from obs2seq.flow.exploding import EXPANDED
from obs2seq.flow.sequences import ROWS_OUT, SEQUENCED
from obs2seq.flow.tallies import Tally
from obs2seq.flow.verdicts import ROWS_IN
from obs2seq.warehouses.failures import explained


def balanced_ledger(tally: Tally, job: Job, where: str) -> Ledger:
    """Return the ledger of a run whose action has succeeded.

    Raises:
        LedgerError: Rows in and rows out do not balance, even after the input was counted once more.
    """
    ledger = _ledger(tally, tally.counts("input"), job)
    try:
        ledger.check(where)
    except LedgerError:
        # A lost executor makes Spark run a stage again, and count again; only then is a second look at the input due.
        with explained(where):
            ledger = _ledger(tally, tally.recount("input"), job)
        ledger.check(where)
    return ledger


def input_ledger(counted: dict[str, int], job: Job) -> Ledger:
    """Return the ledger of the row rules alone: what no rule leaves out would go into sequences."""
    left_out, noted = by_effect(counted, job.rules)
    rows_in = left_out.pop(ROWS_IN)
    kept = {rule: n for rule, n in left_out.items() if n}
    return Ledger(rows_in, rows_in - sum(kept.values()), kept, noted)


def rows_out(tally: Tally) -> int:
    """Return the number of rows that were to be written."""
    return tally.counts("windows")[ROWS_OUT]


def _ledger(tally: Tally, counted_in: dict[str, int], job: Job) -> Ledger:
    duplicates = tally.counts("duplicates")
    windows = tally.counts("windows")
    by_pupil = tally.counts("pupils") if pupil_rules(job.rules) else {}
    left_out, noted = by_effect({rule: n for rule, n in counted_in.items() if rule != ROWS_IN} | by_pupil, job.rules)
    left_out |= {rule: windows.get(rule, 0) for rule in (rules.MIN_LENGTH, rules.MAX_SEQUENCES)}
    left_out |= duplicates if job.duplicates == "drop" else {}
    noted |= duplicates if job.duplicates == "keep" else {}
    kept = {rule: n for rule, n in left_out.items() if n}
    expanded = tally.counts("elements")[EXPANDED] if tally.has("elements") else 0
    return Ledger(counted_in[ROWS_IN], windows[SEQUENCED], kept, noted, expanded)
