"""Whether what a run counted lets it go on."""

from obs2seq.domain import rules
from obs2seq.domain.job import Job
from obs2seq.domain.ledger import Ledger
from obs2seq.errors import DataError, DataNotFoundError


def require_acceptable(ledger: Ledger, job: Job, subset: str, where: str) -> None:
    """Stop the run, before anything is published, where a rule says so or nothing is left.

    Raises:
        DataError: Rows break a rule whose policy is to fail; the message counts them.
        DataNotFoundError: Every row was left out.
    """
    broken = {rule: n for rule, n in ledger.left_out.items() if n and job.fails_on(rule)}
    if broken:
        found = "; ".join(f"{n} of {ledger.rows_in} rows: {rules.MEANINGS[rule]}" for rule, n in broken.items())
        hints = "; ".join(rules.HINTS[rule] for rule in broken)
        raise DataError(where, f"expected rows that can be used, found {found}", hints)
    if not ledger.sequenced:
        raise DataNotFoundError(
            where,
            f"expected observations for the subset '{subset}', found none ({_left_out(ledger)})",
            "correct subsets (train=1 takes all pupils), row_filter or min_length, or give more data",
        )


def _left_out(ledger: Ledger) -> str:
    reasons = ", ".join(f"{n} rows: {rules.MEANINGS[rule]}" for rule, n in ledger.left_out.items())
    return f"of {ledger.rows_in} rows, {reasons}" if reasons else "no rows at all"
