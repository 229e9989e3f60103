"""What leaves a row out, as one column: the first rule that does, and null where none does.

Observations that come along as context belong to another subset, and yet they stay: their verdict is `context`.
"""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from obs2seq.domain import rules
from obs2seq.flow.columns import named
from obs2seq.flow.tallies import one_each, where

ROWS_IN = "rows_in"


def verdict_name(columns: Sequence[str]) -> str:
    """A name that no column has: it is longer than any."""
    return f"{max(columns, key=len)} left out by"


def verdict_of(row_rules: dict[str, Column]) -> Column:
    """Return the first of the rules, in their order, whose condition is true."""
    verdict = F.lit(None).cast("string")
    for name, condition in reversed(row_rules.items()):
        verdict = F.when(condition, F.lit(name)).otherwise(verdict)
    return verdict


def stays(verdict: str, row_rules: Mapping[str, Column]) -> Column:
    """Say whether a row stays: no rule leaves it out, or it is context."""
    return _is_context(verdict) | named(verdict).isNull() if has_context(row_rules) else named(verdict).isNull()


def has_context(row_rules: Mapping[str, Column]) -> bool:
    """Whether some rows come along as context."""
    return rules.CONTEXT in row_rules


def input_counts(verdict: str, row_rules: Mapping[str, Column]) -> dict[str, Column]:
    """Return what to count: the rows in, and those that each rule leaves out; context belongs to another subset."""
    rule = named(verdict)
    if has_context(row_rules):
        rule = F.when(_is_context(verdict), rules.OTHER_SUBSET).otherwise(rule)
    names = [name for name in row_rules if name != rules.CONTEXT]
    return {ROWS_IN: one_each()} | {name: where(rule == name) for name in names}


def _is_context(verdict: str) -> Column:
    return named(verdict).eqNullSafe(rules.CONTEXT)
