"""Names and texts as they stand in a statement: always quoted, so that nothing in them is read as SQL."""

import re

from obs2seq.domain.validation import shortened
from obs2seq.errors import SpecificationError

MAX_TABLE_PARTS = 3

_PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')


def quoted(name: str) -> str:
    """Return a name as a quoted identifier; dots, spaces and quotes in it are letters like others."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def text_literal(text: str) -> str:
    """Return a text as a literal; a backslash is a letter like others in Athena's dialect."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def table_reference(table: str) -> str:
    """Return a table's name with every part quoted; see `table_parts`."""
    return ".".join(quoted(part) for part in table_parts(table))


def table_parts(table: str) -> list[str]:
    """Return the parts of a table's name, without quotes.

    Args:
        table: `name`, `database.name` or `catalog.database.name`. A part that holds a dot or a quote stands in double
            quotes, with quotes inside it doubled; any other part may.

    Raises:
        SpecificationError: The text is no such name.
    """
    parts, end = [], -1
    while end < len(table):
        match = _PART.match(table, end + 1)
        if match is None or table[match.end() : match.end() + 1] not in {"", "."}:
            raise _no_table_name(table)
        parts.append(match[2] or match[1].replace('""', '"'))
        end = match.end()
    if len(parts) > MAX_TABLE_PARTS:
        raise _no_table_name(table)
    return parts


def _no_table_name(table: str) -> SpecificationError:
    return SpecificationError(
        "table",
        f"expected name, database.name or catalog.database.name, found {shortened(table)}",
        "put a part that holds a dot or a quote in double quotes, and double the quotes inside it",
    )
