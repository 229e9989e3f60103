"""The names of columns that stand in the first line of a CSV file, whoever read it."""

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from obs2seq.errors import DataError

_VALUE = re.compile(
    r"[+-]?[0-9]+(?:[.,][0-9]+)?|[0-9]{4}-[0-9]{2}-[0-9]{2}\b.*|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{4}\b.*"
)


def require_header(location: str, names: Iterable[str]) -> None:
    """Raise `DataError` where the names of columns are the values of a row; it does not tell them."""
    if any(_VALUE.fullmatch(name.strip()) for name in names):
        raise DataError(
            location,
            "expected a first line that names the columns, found numbers or times in it",
            "set csv_header: false and input_schema where the files have no header",
        )


def first_difference(names: Sequence[str], others: Sequence[str]) -> int:
    """Return the number of the first column that differs, from 1."""
    pairs = zip_longest(names, others)
    return next(number for number, (name, other) in enumerate(pairs, start=1) if name != other)
