"""Which columns of the input a job needs, as far as its settings tell."""

import re

from obs2seq.domain.job import Job
from obs2seq.domain.quality import Predicate
from obs2seq.domain.rule_sets import columns_read
from obs2seq.domain.vocabularies import input_columns

_ALL = re.compile(r"(?:^|[(,.])\s*\*")
"""A star where it stands for columns: alone, as an argument, or after a table's name."""


def reads(job: Job, column: str) -> bool:
    """Whether the sequences may depend on a column of the input; where in doubt, yes.

    Expressions are not parsed: a column counts as read where its name stands in one as a word.

    Example:
        >>> from obs2seq.domain.spec import Feature, SequenceSpec
        >>> spec = SequenceSpec(order_by=["at"], sequence_length=5, features=[Feature(name="x", column="x", pad=0)])
        >>> job = Job(spec, columns={"x": "CAST(score >= 0.5 AS INT)"}, subset_method="hash")
        >>> [name for name in ("pupilid", "at", "x", "score", "device") if reads(job, name)]
        ['pupilid', 'at', 'score']
    """
    name = column.lower()
    made = {each.lower() for each in job.columns}
    read = input_columns(job.spec)
    named = {*read, *columns_read(job.rules), *([job.subset_column] if _has_column(job) else [])}
    needed = {each.lower() for each in named}
    predicates = [rule.predicate for rule in job.rules if isinstance(rule, Predicate)]
    expressions = [*job.columns.values(), *predicates, *([job.row_filter] if job.row_filter is not None else [])]
    return name in needed - made or any(_mentions(text.lower(), name) for text in expressions)


def _has_column(job: Job) -> bool:
    return job.subset_method in ("auto", "column")


def _mentions(expression: str, name: str) -> bool:
    """Whether the name stands in an expression, quoted or not, or a star that stands for every name."""
    word = rf"(?<!\w){re.escape(name)}(?!\w)"
    return bool(re.search(word, expression.replace("``", "`")) or _ALL.search(expression))
