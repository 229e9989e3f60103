"""Whether Parquet files have the same columns, whoever read their footers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from obs2seq.errors import DataError


@dataclass(frozen=True)
class Footer:
    """One file's rows and columns."""

    path: str
    """Relative to the location."""
    rows: int
    columns: dict[str, str]
    """The type of each top-level column, by name in lower case; whether it may be null is left out."""


def require_equal_columns(location: str, footers: Sequence[Footer], is_read: Callable[[str], bool]) -> set[str]:
    """Return the columns, in lower case, that are not the same in all files, provided that none of them is read.

    Args:
        location: For the message.
        footers: At least one.
        is_read: Whether the job needs the column of a name.

    Raises:
        DataError: It names two files and the first column, by name, that is read and in which they differ.
    """
    first, *others = sorted(footers, key=lambda footer: footer.path)
    different: set[str] = set()
    for other in others:
        for name in sorted(first.columns.keys() | other.columns.keys()):
            here, there = first.columns.get(name), other.columns.get(name)
            if here != there and is_read(name):
                raise DataError(
                    location,
                    f"expected files with the same columns and types, found column '{name}' as {here or 'missing'} in "
                    f"{first.path} and as {there or 'missing'} in {other.path}",
                    "name files of one kind alone, or write the older ones again",
                )
            different |= {name} if here != there else set()
    return different
