"""Observations as their elements: one each, or one for each member of the column that is exploded."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from obs2seq.domain.exploding import elements
from obs2seq.domain.spec import SequenceSpec
from obs2seq.errors import DataError

Converter = Callable[[Any], Any]


def element_types(spec: SequenceSpec, types: Mapping[str, str]) -> dict[str, str]:
    """Return types by column, that of the elements for the column that is exploded, whether of an array or not."""
    return {
        name: re.sub(r"^array<(.*)>$", r"\1", type_) if name == spec.explode else type_ for name, type_ in types.items()
    }


def whole(column: str, convert: Converter) -> Converter:
    """Return what reads an observation's value of the column that is exploded: a text, a tuple of elements, or None.

    Args:
        column: Its name.
        convert: Reads one element.
    """

    def read(value: Any) -> Any:
        value = _unpacked(value)
        if value is None:
            return None
        if isinstance(value, str):
            return convert(value)
        if isinstance(value, list | tuple):
            return tuple([convert(element) for element in value])
        found = type(value).__name__
        raise DataError(
            "observation", f"expected an array or a text in column '{column}', to be exploded, found {found}"
        )

    return read


def exploded(row: Sequence[Any], place: int | None, delimiter: str) -> list[list[Any]]:
    """Return an observation's values once for each of its elements.

    Args:
        row: Its values.
        place: Where among them the value stands that is exploded; None: nowhere.
        delimiter: Stands between the parts of a text.
    """
    if place is None:
        return [list(row)]
    before, after = row[:place], row[place + 1 :]
    return [[*before, element, *after] for element in elements(row[place], delimiter)]


def _unpacked(value: Any) -> Any:
    """Return an array of Arrow's or NumPy's as a list, and other values as they are."""
    unpack = getattr(value, "as_py", None) or (value.tolist if getattr(value, "ndim", 0) == 1 else None)
    return unpack() if unpack else value
