"""Requests as JSON files with `${name}` where a value belongs."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from obs2seq.domain.validation import nearest
from obs2seq.errors import ConfigurationError

_WHOLE = re.compile(r"\$\{([a-z_]+)\}")


class _LeftOutError(Exception):
    """A text needs a value that is not there."""


def filled(path: Path, values: Mapping[str, Any]) -> Any:
    """Return what a JSON file holds, with values for its placeholders.

    A text that is nothing but `${name}` becomes the value itself, of whatever type; within a list, the items of a list.
    What needs a value that is None is left out of the list or object that it stands in, and so is an object that this
    leaves empty.

    Raises:
        ConfigurationError: The file is not there or no JSON, or names a value that nobody knows.
    """
    try:
        template = json.loads(path.read_text("utf-8"))
    except OSError as error:
        hint = "run it in a clone of the project, or name its folder emr with --templates"
        raise ConfigurationError(str(path), "expected a template of a request, found none", hint) from error
    except ValueError as error:
        raise ConfigurationError(str(path), "expected JSON, found something else") from error
    try:
        return _filled(template, values)
    except KeyError as error:
        name = str(error.args[0])
        raise ConfigurationError(
            str(path), f"expected names of values, found ${{{name}}}", nearest(name, values)
        ) from None


def _filled(node: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(node, dict):
        return _filled_object(node, values)
    if isinstance(node, list):
        return _filled_list(node, values)
    return _filled_text(node, values) if isinstance(node, str) else node


def _filled_object(node: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in node.items():
        try:
            new = _filled(value, values)
        except _LeftOutError:
            continue
        if new != {} or value == {}:
            kept[key] = new
    return kept


def _filled_list(node: list[Any], values: Mapping[str, Any]) -> list[Any]:
    kept: list[Any] = []
    for item in node:
        try:
            new = _filled(item, values)
        except _LeftOutError:
            continue
        kept += new if isinstance(new, list) and isinstance(item, str) else [new]
    return kept


def _filled_text(text: str, values: Mapping[str, Any]) -> Any:
    whole = _WHOLE.fullmatch(text)
    names = [whole[1]] if whole else Template(text).get_identifiers()
    if any(values[name] is None for name in names):
        raise _LeftOutError
    return values[names[0]] if whole else Template(text).substitute(values)
