"""How a statement is laid out, and how long it may be."""

from collections.abc import Iterable
from dataclasses import dataclass

from obs2seq.errors import SpecificationError

MAX_STATEMENT_BYTES = 262_144
"""Athena refuses longer statements."""


@dataclass(frozen=True)
class Select:
    """A SELECT, laid out one line a column."""

    columns: tuple[str, ...]
    source: str
    clauses: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """Return the lines, which a name or a text with a line break in it may spread over several of the file's."""
        *columns, last = self.columns
        return (
            "SELECT",
            *(f"    {column}," for column in columns),
            f"    {last}",
            f"FROM {self.source}",
            *self.clauses,
        )


def with_steps(steps: Iterable[tuple[str, Select]], result: Select) -> str:
    """Return one statement: each step under its name, then the result."""
    named = ("\n".join((f"{name} AS (", *(f"    {line}" for line in step.lines()), ")")) for name, step in steps)
    return "\n".join(("WITH", ",\n".join(named), *result.lines(), ""))


def require_statement_fits(statement: str) -> str:
    """Return the statement if Athena takes one so long.

    Raises:
        SpecificationError: It is longer than Athena's limit, or is no text that can be sent.
    """
    try:
        size = len(statement.encode())
    except UnicodeEncodeError:
        raise SpecificationError(
            "statement", "expected names and pads that are Unicode text, found half a surrogate pair"
        ) from None
    if size > MAX_STATEMENT_BYTES:
        raise SpecificationError(
            "statement",
            f"expected at most {MAX_STATEMENT_BYTES} bytes, which is Athena's limit, found {size}",
            "name fewer features, or give each part of them a specification of its own and join the results on the "
            "pupil and sequence_index",
        )
    return statement
