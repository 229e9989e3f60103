"""Turns pydantic's findings into the project's one form of message."""

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "names with values",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "fields with values",
    "string_too_short": "a text that is not empty",
    "string_type": "a text",
    "too_short": "at least one",
    "tuple_type": "a list",
}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the hint that names the known name closest to `name`, or all of them where none is close."""
    by_folded_case = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(name.casefold(), by_folded_case, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{by_folded_case[close[0]]}'"
    return f"known are {', '.join(sorted(by_folded_case.values()))}"


def findings(error: ValidationError, model: type[BaseModel]) -> str:
    """Say every finding of `error` as 'field: what is allowed, found value', joined by semicolons."""
    details = error.errors(include_url=False)
    return "; ".join(_finding(detail, model) for detail in details if not _is_echo(detail, details))


def _is_echo(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Whether a finding only follows from another: a default or a container that a wrong value left incomplete."""
    location = detail["loc"]
    is_outer = any(len(other["loc"]) > len(location) and other["loc"][: len(location)] == location for other in details)
    return detail["type"] == "default_factory_not_called" or (detail["type"] == "too_short" and is_outer)


def _finding(detail: ErrorDetails, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in detail["loc"] if not _is_union_branch(part))
    match detail["type"]:
        case "extra_forbidden":
            owner = _owner(model, detail["loc"])
            return f"unknown field '{where}' ({nearest(str(detail['loc'][-1]), owner.model_fields)})"
        case "missing":
            return f"{where}: expected a value, found none"
        case "value_error":
            message = str(detail["ctx"]["error"])
            return f"{where}: {message}" if where else message
        case kind:
            return f"{where}: expected {_expected(kind, detail)}, found {_short(detail['input'])}"


def _expected(kind: str, detail: ErrorDetails) -> str:
    match kind:
        case "greater_than_equal":
            return f"{detail['ctx']['ge']} or more"
        case "less_than_equal":
            return f"{detail['ctx']['le']} or less"
        case _:
            return _EXPECTED.get(kind, detail["msg"].removeprefix("Input should be "))


def _is_union_branch(part: int | str) -> bool:
    """Pydantic names the branches of a union in a location; a user has never heard of them."""
    return part in {"bool", "int", "float", "str", "constrained-int", "constrained-str"}


def _owner(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """The model that holds the last part of `location`: an item of a list of models, or `model` itself."""
    owner = model
    for part in location[:-1]:
        if isinstance(part, str) and part in owner.model_fields:
            arguments = getattr(owner.model_fields[part].annotation, "__args__", ())
            owner = next((a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel)), owner)
    return owner


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
