"""YAML, read strictly: no key twice, no structure that contains itself, one form of message."""

from pathlib import Path
from typing import Any

import yaml

from obs2seq.errors import ConfigurationError


class _StrictLoader(yaml.SafeLoader):
    """A safe loader that refuses what the plain one would pass over or fail on with a foreign error.

    Always deep: only so does PyYAML notice a structure that contains itself.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ARG002
        try:
            return super().construct_object(node, deep=True)
        except ValueError as error:
            raise _at(node, "found a date or a number that does not exist") from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: ARG002
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            name = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else None
            if name in seen:
                raise _at(key, f"found '{key.value}' a second time")
            seen |= {name} if name else set()
        return super().construct_mapping(node, deep=True)


def parse_yaml(text: str, where: str) -> object:
    """Return what a YAML text holds, None where it is empty.

    Raises:
        ConfigurationError: It is no YAML that can be read. The message never shows the text.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise ConfigurationError(where, f"{line}expected YAML, {error.problem}") from error
    except yaml.reader.ReaderError as error:
        raise ConfigurationError(where, "expected YAML, found a character that is not allowed in it") from error
    except RecursionError as error:
        raise ConfigurationError(where, "expected YAML, found values nested too deeply") from error


def yaml_file(path: Path, *, hint: str) -> object:
    """Return what a YAML file holds, None where it is empty.

    Args:
        path: Where it is.
        hint: What to do where there is none.

    Raises:
        ConfigurationError: It cannot be read, or is no YAML.
    """
    try:
        return parse_yaml(path.read_bytes().decode("utf-8"), str(path))
    except FileNotFoundError as error:
        raise ConfigurationError(str(path), "expected a YAML file, found none", hint) from error
    except OSError as error:
        raise ConfigurationError(
            str(path), f"expected a YAML file that can be read, found: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError(str(path), f"line {line}: expected UTF-8, found a byte that is not") from error


def _at(node: yaml.Node, problem: str) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
