"""What follows from all quality rules of a job together."""

from collections.abc import Iterable, Mapping
from typing import Literal

from obs2seq.domain.quality import BROKEN_RULES, PupilRule, RowRule, Severity, Unique
from obs2seq.errors import ConfigurationError

Scope = Literal["none", "rows", "pupils"]


def row_rules(found: Iterable[RowRule | PupilRule]) -> list[RowRule]:
    """Return the rules that a row keeps or breaks by itself, in their order."""
    return [rule for rule in found if isinstance(rule, RowRule)]


def pupil_rules(found: Iterable[RowRule | PupilRule]) -> list[PupilRule]:
    """Return the rules over a pupil's observations, in their order."""
    return [rule for rule in found if isinstance(rule, PupilRule)]


def in_order_of_trial(found: Iterable[RowRule | PupilRule]) -> list[RowRule | PupilRule]:
    """Return those over single rows, which are tried first, and then those over pupils."""
    rules = list(found)
    return [*row_rules(rules), *pupil_rules(rules)]


def scope(found: Iterable[RowRule | PupilRule]) -> Scope:
    """Return what rules look at: whole histories, where one does; else rows; or none, where there are no rules."""
    rules = list(found)
    return "pupils" if pupil_rules(rules) else "rows" if rules else "none"


def with_severity(found: Iterable[RowRule | PupilRule], severity: Severity) -> list[str]:
    """Return the names of the rules of a severity, in their order."""
    return [rule.name for rule in found if rule.severity == severity]


def by_effect(counts: Mapping[str, int], found: Iterable[RowRule | PupilRule]) -> tuple[dict[str, int], dict[str, int]]:
    """Part counts by rule into those of rows that are left out, and those above 0 of rows that are but noted."""
    keeping = {rule.name for rule in found if rule.severity != "quarantine"}
    left_out = {rule: n for rule, n in counts.items() if rule not in keeping}
    return left_out, {rule: n for rule, n in counts.items() if rule in keeping and n}


def columns_read(found: Iterable[RowRule | PupilRule]) -> set[str]:
    """Return the columns that rules name; a predicate's are in its text."""
    named: set[str] = set()
    for rule in found:
        for field in ("column", "clock"):
            named |= {name for name in (getattr(rule, field, None),) if name is not None}
        named |= set(getattr(rule, "columns", ()))
    return named


def require_fit(found: Iterable[RowRule | PupilRule], pupil: str, output_format: str) -> None:
    """Raise `ConfigurationError` for a rule that the other settings leave no way to try, or no place to quarantine."""
    for rule in found:
        if isinstance(rule, Unique) and pupil.lower() not in {name.lower() for name in rule.columns}:
            raise ConfigurationError(
                rule.setting,
                f"expected the pupil column '{pupil}' among the columns, found {list(rule.columns)}",
                "rows are compared within a pupil's history; add the pupil column",
            )
        if rule.severity == "quarantine" and output_format != "parquet":
            raise ConfigurationError(
                rule.setting,
                f"expected parquet output, beside which quarantined rows can lie, found {output_format}",
                "set output_format: parquet, or the severity to warn or fail",
            )


def require_free_name(found: Iterable[RowRule | PupilRule], columns: Iterable[str]) -> None:
    """Raise `ConfigurationError` where the input has a column of the name that quarantined rows get one of."""
    if with_severity(found, "quarantine") and BROKEN_RULES in {name.lower() for name in columns}:
        problem = f"expected no column '{BROKEN_RULES}' in the input, which quarantined rows get, found one"
        raise ConfigurationError("rules", problem, "rename it in the input")
