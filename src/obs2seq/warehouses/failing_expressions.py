"""Which expression of the settings fails on a row: Spark quotes the text of the one that does."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from obs2seq.domain.job import Job
from obs2seq.domain.quality import Predicate

Expressions = Mapping[str, str]
"""Spark SQL by the setting where it stands."""
NONE: Expressions = MappingProxyType({})

_QUOTED = re.compile(r"== SQL ?\(line (\d+), position \d+\) ==\n(.*)")
_CUT = "..."
"""Stands where Spark leaves out the beginning or the end of a long line."""


def expressions_of(job: Job) -> Expressions:
    """Return all expressions that a run computes for each row."""
    found = {f"columns.{name}": text for name, text in job.columns.items()}
    found |= {} if job.row_filter is None else {"row_filter": job.row_filter}
    return found | {rule.setting: rule.predicate for rule in job.rules if isinstance(rule, Predicate)}


def at_fault(words: str, expressions: Expressions) -> str | None:
    """Return the setting, or all of them, whose text Spark quotes in its words; None where it quotes none of them."""
    for number, line in _QUOTED.findall(words):
        meant = [setting for setting, text in expressions.items() if _has(text, int(number), line.rstrip())]
        if meant:
            return ", ".join(meant)
    return None


def _has(text: str, number: int, quoted: str) -> bool:
    lines = text.splitlines()
    if not 0 < number <= len(lines):
        return False
    line = lines[number - 1].rstrip()
    if line == quoted:
        return True
    first, last = quoted.startswith(_CUT), quoted.endswith(_CUT)
    part = quoted.removeprefix(_CUT if first else "").removesuffix(_CUT if last else "")
    is_cut = first or last
    return is_cut and part in line and (first or line.startswith(part)) and (last or line.endswith(part))
