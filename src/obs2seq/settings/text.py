"""Values of settings that are given as text: on the command line and in the environment."""

import re
from functools import cache
from typing import Any

from obs2seq.errors import ConfigurationError
from obs2seq.settings.schema import Schema, settings_schema
from obs2seq.settings.yaml_text import parse_yaml

_NULL = {"", "none", "null"}
_PAIR = re.compile(r"\s*([^\s=,]+)\s*=([^,(){}\[\]'\"]*)")


@cache
def properties() -> dict[str, Schema]:
    """Return what the JSON Schema says of each key."""
    found: dict[str, Schema] = settings_schema()["properties"]
    return found


@cache
def json_types(key: str) -> frozenset[str]:
    """Return the JSON types that a setting can have, such as 'string' and 'null'."""
    schema = properties()[key]
    types = (branch.get("type", "string") for branch in schema.get("anyOf", [schema]))
    return frozenset(name for each in types for name in ([each] if isinstance(each, str) else each))


def from_text(key: str, text: str, where: str) -> object:
    """Return the value that a text stands for: by the setting's type verbatim, YAML, or one of two short forms.

    Example:
        >>> from_text("order_by", "day,lesson", "example")
        ['day', 'lesson']
        >>> from_text("subsets", "train=0.9,test=0.1", "example")
        {'train': 0.9, 'test': 0.1}

    Raises:
        ConfigurationError: The text has no form that the setting can have. The message never shows it.
    """
    types = json_types(key)
    if "null" in types and text.strip().lower() in _NULL:
        return None
    if "string" in types:
        return text
    if "object" in types and not text.lstrip().startswith("{"):
        return _pairs(key, text, where)
    if _is_list_of_texts(key) and not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",")]
    return parse_yaml(text, where)


def _is_list_of_texts(key: str) -> bool:
    items: dict[str, Any] = properties()[key].get("items", {})
    return items.get("type") == "string"


def _pairs(key: str, text: str, where: str) -> dict[str, object]:
    """Read `name=value,name=value`; what is ambiguous there has to be written as YAML."""
    found = [_PAIR.fullmatch(part) for part in text.split(",")] if text.strip() else []
    pairs = [(match[1], match[2].strip()) for match in found if match]
    if len(pairs) < len(found) or len(dict(pairs)) < len(pairs):
        raise ConfigurationError(
            where,
            "expected name=value pairs with a comma between, each name once, found something else",
            "write brackets, quotes and commas within values as YAML: '{name: \"value\"}'",
        )
    is_text = properties()[key]["additionalProperties"].get("type") == "string"
    return {name: value if is_text else parse_yaml(value, where) for name, value in pairs}
