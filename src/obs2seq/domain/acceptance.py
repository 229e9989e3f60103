"""Whether what a run counted lets it go on."""

from obs2seq.domain import rules
from obs2seq.domain.job import Job
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.rule_sets import with_severity
from obs2seq.errors import DataError, DataNotFoundError

_MEND = "mend the data, or give the rule the severity quarantine or warn"


def require_acceptable(ledger: Ledger, job: Job, subset: str, where: str) -> None:
    """Stop the run, before anything is published, where a rule says so or nothing is left.

    Raises:
        DataError: Rows break a rule whose policy is to fail, or too many are quarantined; the message counts them.
        DataNotFoundError: Every row was left out.
    """
    broken = {rule: n for rule, n in ledger.left_out.items() if n and job.fails_on(rule)}
    broken |= {rule: n for rule in with_severity(job.rules, "fail") if (n := ledger.noted.get(rule, 0))}
    if broken:
        found = "; ".join(f"{n} of {ledger.rows_in} rows: {rules.meaning(rule)}" for rule, n in broken.items())
        hints = "; ".join(dict.fromkeys(rules.HINTS.get(rule, _MEND) for rule in broken))
        raise DataError(where, f"expected rows that can be used, found {found}", hints)
    _require_few_quarantined(ledger, job, where)
    if not ledger.sequenced:
        _require_some_kept(ledger, job, where)
        raise DataNotFoundError(
            where,
            f"expected observations for the subset '{subset}', found none ({_left_out(ledger)})",
            "correct subsets (train=1 takes all pupils), row_filter or min_length, or give more data",
        )


def _require_few_quarantined(ledger: Ledger, job: Job, where: str) -> None:
    aside, tried, by_rule = _aside(ledger, job)
    if job.max_quarantined_share is not None and aside > job.max_quarantined_share * tried:
        problem = f"expected a share of at most {job.max_quarantined_share:g} of the rows to be quarantined, found "
        problem += f"{aside} of {tried} ({by_rule})"
        raise DataError(where, problem, "mend the data or the rules, or raise max_quarantined_share")


def _require_some_kept(ledger: Ledger, job: Job, where: str) -> None:
    """Raise where nothing is left because rules of the settings put aside all rows that they were tried on."""
    aside, tried, by_rule = _aside(ledger, job)
    if aside and aside == tried:
        problem = f"expected rows that keep the rules, found that these put aside all {tried} ({by_rule})"
        raise DataNotFoundError(where, problem, "mend the data or the rules, or give a rule the severity warn")


def _aside(ledger: Ledger, job: Job) -> tuple[int, int, str]:
    """Return how many rows are quarantined, of how many that rules were tried on, and what each rule's are."""
    counts = {rule: n for rule in with_severity(job.rules, "quarantine") if (n := ledger.left_out.get(rule, 0))}
    tried = ledger.rows_in - sum(ledger.left_out.get(rule, 0) for rule in rules.BEFORE_SETTINGS)
    return sum(counts.values()), tried, ", ".join(f"{n} by '{rule}'" for rule, n in counts.items())


def _left_out(ledger: Ledger) -> str:
    reasons = ", ".join(f"{n} rows: {rules.meaning(rule)}" for rule, n in ledger.left_out.items())
    return f"of {ledger.rows_in} rows, {reasons}" if reasons else "no rows at all"
