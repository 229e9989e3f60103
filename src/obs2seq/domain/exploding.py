"""Several values in one observation: `explode` makes an element of each. Here is what elements are, for every engine.

Rules, duplicates, order and sessions are of observations; positions, shifts and windows are of elements. Whatever else
an observation holds is repeated for each of its elements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from obs2seq.domain.derived import OF_ELEMENTS
from obs2seq.domain.features import Feature
from obs2seq.domain.padding import is_scalar
from obs2seq.domain.validation import nearest, shortened
from obs2seq.errors import DataError, SpecificationError

if TYPE_CHECKING:
    from obs2seq.domain.spec import SequenceSpec, SpecificationFields

Cuts = Literal["allow", "keep_together"]
DELIMITER = ","
CUTS: Cuts = "allow"
"""What `explode_delimiter` and `explode_cuts` are unless told."""

GROUP = Feature.model_validate({"name": "group", "derive": "group", "pad": -1})
"""Which of the session's observations each element is of."""
IS_REPEAT = Feature.model_validate({"name": "is_repeat", "derive": "is_repeat", "pad": 0})
"""Whether an earlier element of the same observation has shown its answer already."""
ADDED = (GROUP, IS_REPEAT)
"""The features that come with exploding, in every specification that does."""

_ARRAY = re.compile(r"array<(.*)>")
_HINT = "map it under columns in the settings, as a text of parts: CAST(… AS STRING)"


def with_added(features: Sequence[Feature]) -> tuple[Feature, ...]:
    """Return features with those of `ADDED` that are not among them at their end."""
    return (*features, *(added for added in ADDED if added not in features))


def exploding_problems(fields: SpecificationFields) -> Iterator[tuple[str, str]]:
    """Yield each field that does not fit the others in what it says of exploding, with what is wrong there."""
    if fields.explode is None:
        yield from _without_column(fields)
        return
    read = {name for feature in fields.features for name in feature.reads}
    if fields.explode in (fields.pupil, *fields.order_by):
        yield "explode", f"expected a column that is neither pupil nor in order_by, found '{fields.explode}'"
    elif fields.explode not in read:
        hint = nearest(fields.explode, read)
        yield "explode", f"expected a column that a feature reads, found '{fields.explode}' ({hint})"
    if fields.explode_cuts != CUTS and fields.stride < fields.sequence_length:
        problem = f"expected {CUTS} where windows overlap (stride {fields.stride}), found {fields.explode_cuts}"
        yield "explode_cuts", problem


def _without_column(fields: SpecificationFields) -> Iterator[tuple[str, str]]:
    for field, default in (("explode_delimiter", DELIMITER), ("explode_cuts", CUTS)):
        if (value := getattr(fields, field)) != default:
            yield field, f"expected it beside explode alone, found {value!r}"
    for feature in fields.features:
        if feature.derive in OF_ELEMENTS:
            yield "features", f"expected derive: {feature.derive} beside explode alone, found it without"


def elements(value: Sequence[Any] | str | None, delimiter: str) -> list[Any]:
    """Return what one observation's value is taken apart into: never nothing.

    Args:
        value: An array, whose members are taken as they are, or a text.
        delimiter: Stands between the parts of a text, as it stands; spaces around a part are cut off, and a part of
            which nothing is left is null.

    Example:
        >>> elements("add, subtract,,", ","), elements([3, None, 3], ","), elements([], ","), elements(None, ",")
        (['add', 'subtract', None, None], [3, None, 3], [None], [None])
    """
    if isinstance(value, str):
        return [part.strip(" ") or None for part in value.split(delimiter)]
    return list(value if value is not None else ()) or [None]


def element_type(column: str, type_name: str) -> str:
    """Return the type of a column's elements, both by Spark's names.

    Raises:
        DataError: The column is neither a text nor an array of scalars.

    Example:
        >>> element_type("skills", "array<bigint>"), element_type("skills", "string")
        ('bigint', 'string')
    """
    array = _ARRAY.fullmatch(type_name)
    if type_name != "string" and not (array and is_scalar(array[1])):
        problem = f"expected column '{column}' to be an array of scalars or a text, to be exploded"
        raise DataError("observations", f"{problem}, found {shortened(type_name)[1:-1]}", _HINT)
    return array[1] if array else type_name


def value_types(spec: SequenceSpec, type_of: Callable[[str], str]) -> Callable[[str], str]:
    """Return what gives the type of the values that features take from a column: of its elements, where it is exploded.

    Args:
        spec: Says which column is.
        type_of: Gives the type of a whole column by Spark's name, or "" where it is not known yet.
    """

    def value_type(column: str) -> str:
        type_name = type_of(column)
        return element_type(column, type_name) if column == spec.explode and type_name else type_name

    return value_type


def require_unexploded(spec: SequenceSpec, where: str, hint: str) -> None:
    """Raise `SpecificationError` where a specification explodes a column, and something takes observations whole.

    Args:
        spec: What is asked for.
        where: What cannot do it, to stand after "where": such as "Athena computes".
        hint: What to do instead.
    """
    if spec.explode is not None:
        raise SpecificationError("explode", f"expected null where {where}, found {spec.explode}", hint)


def require_cuts_allowed(spec: SequenceSpec, where: str, hint: str) -> None:
    """Raise `SpecificationError` where windows are to keep observations together, and something cannot: see above."""
    if spec.keeps_together:
        problem = f"expected allow where {where}, found {spec.explode_cuts}"
        raise SpecificationError("explode_cuts", problem, hint)


def too_many_elements(observations: int, spec: SequenceSpec, looked_at: int = 0) -> DataError:
    """Return the error for observations that no window holds whole.

    Args:
        observations: How many there are.
        spec: What they do not fit.
        looked_at: Among how many they are, where there are others that nobody has looked at.
    """
    return DataError(
        "observations",
        f"expected at most {spec.sequence_length} elements of '{spec.explode}' in each observation, as many as a "
        f"window holds, where explode_cuts is {spec.explode_cuts}, found more in {observations}"
        f"{f' of the {looked_at:,} looked at so far' if looked_at else ''}",
        "set a longer sequence_length, or explode_cuts: allow",
    )
