"""Turns pydantic's findings into the project's one form of message."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "names with values",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_attributes_type": "fields with values",
    "model_type": "fields with values",
    "string_too_short": "a text that is not empty",
    "string_type": "a text",
    "too_short": "at least one",
    "tuple_type": "a list",
}


class MisfitError(ValueError):
    """Fields that are each right, and do not fit each other.

    Args:
        problems: For each, the field to change and what is wrong with it.
    """

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__(_joined(self.problems))


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` was probably meant to be; case does not matter."""
    by_folded_case = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(name.casefold(), by_folded_case, n=1, cutoff=0.6)
    return by_folded_case[close[0]] if close else None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the hint that names the known name closest to `name`, or all of them where none is close."""
    names = sorted(known)
    close = closest(name, names)
    return f"did you mean '{close}'" if close else f"known are {', '.join(names)}"


def findings(error: ValidationError, model: type[BaseModel]) -> str:
    """Say every finding of `error` as 'field: what is allowed, found value', joined by semicolons."""
    return _joined(each_finding(error, model))


def each_finding(error: ValidationError, model: type[BaseModel]) -> list[tuple[str, str]]:
    """Return every finding of `error` as the path of the field, empty for `model` itself, and what is wrong there."""
    details = error.errors(include_url=False)
    return [each for detail in details if not _is_echo(detail, details) for each in _findings(detail, model)]


def shortened(value: object) -> str:
    """Return the value as Python writes it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _joined(problems: Iterable[tuple[str, str]]) -> str:
    return "; ".join(f"{path}: {problem}" if path else problem for path, problem in problems)


def _is_echo(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Whether a finding only follows from another: a default or a container that a wrong value left incomplete."""
    location = detail["loc"]
    is_outer = any(len(other["loc"]) > len(location) and other["loc"][: len(location)] == location for other in details)
    return detail["type"] == "default_factory_not_called" or (detail["type"] == "too_short" and is_outer)


def _findings(detail: ErrorDetails, model: type[BaseModel]) -> Iterable[tuple[str, str]]:
    path = _path(_without_tags(model, detail["loc"]))
    match detail["type"]:
        case "extra_forbidden":
            name = str(detail["loc"][-1])
            known = _owner(model, detail["loc"]).model_fields
            return [(path.rpartition(".")[0], f"unknown field '{name}' ({nearest(name, known)})")]
        case "missing":
            return [(path, "expected a value, found none")]
        case "union_tag_not_found":
            return [(f"{path}.{_discriminator(detail)}", "expected a value, found none")]
        case "union_tag_invalid":
            expected, tag = detail["ctx"]["expected_tags"], detail["ctx"]["tag"]
            return [(f"{path}.{_discriminator(detail)}", f"expected one of {expected}, found {shortened(tag)}")]
        case "value_error" if isinstance(detail["ctx"]["error"], MisfitError):
            return detail["ctx"]["error"].problems
        case "value_error":
            return [(path, str(detail["ctx"]["error"]))]
        case kind:
            return [(path, f"expected {_expected(kind, detail)}, found {shortened(detail['input'])}")]


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location if not _is_union_branch(part))


def _expected(kind: str, detail: ErrorDetails) -> str:
    match kind:
        case "greater_than_equal":
            return f"{detail['ctx']['ge']:.16g} or more"
        case "greater_than":
            return f"a number above {detail['ctx']['gt']:.16g}"
        case "less_than_equal":
            return f"{detail['ctx']['le']:.16g} or less"
        case "string_pattern_mismatch":
            return f"a text like {detail['ctx']['pattern']}"
        case "string_too_long":
            return f"a text of at most {detail['ctx']['max_length']} characters"
        case _:
            return _EXPECTED.get(kind, detail["msg"].removeprefix("Input should be "))


def _is_union_branch(part: int | str) -> bool:
    """Pydantic names the branches of a union in a location; a user has never heard of them."""
    return part in {"bool", "int", "float", "str", "constrained-int", "constrained-str"}


def _discriminator(detail: ErrorDetails) -> str:
    """The field that tells the models of a union apart."""
    return str(detail["ctx"]["discriminator"]).strip("'")


def _without_tags(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Leave out of a location which model of a union was meant: pydantic names it after the item's place."""
    owner, kept = model, list[int | str]()
    for part in location:
        if (branch := _branch(owner, kept, part)) is not None:
            owner = branch
            continue
        kept.append(part)
    return tuple(kept)


def _branch(model: type[BaseModel], before: list[int | str], part: int | str) -> type[BaseModel] | None:
    """Return the model that a part of a location means, where it is the tag of one in a list of a union."""
    if len(before) != 2 or not isinstance(before[1], int) or str(before[0]) not in model.model_fields:
        return None
    return next((each for each in _models(model.model_fields[str(before[0])].annotation) if _tag(each) == part), None)


def _tag(model: type[BaseModel]) -> str | None:
    kind = model.model_fields.get("kind")
    return str(get_args(kind.annotation)[0]) if kind else None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _owner(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """The model that holds the last part of `location`: an item of a list of models, or `model` itself."""
    owner = model
    for part in location[:-1]:
        if isinstance(part, str) and part in owner.model_fields:
            candidates = list(_models(owner.model_fields[part].annotation))
            owner = next((each for each in candidates if _tag(each) in location), next(iter(candidates), owner))
    return owner
