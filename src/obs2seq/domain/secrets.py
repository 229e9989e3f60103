"""Keeps secrets out of the settings, and what may hold one out of the logs."""

import re
from collections.abc import Iterator, Mapping

from obs2seq.errors import ConfigurationError

_HINT = "leave it out; access to AWS comes from its credential chain (a role, a profile or the environment)"

_WORD = r"(?:secret|password|passwd|token|access[._-]?key|credential)"
_HARMLESS_END = r"(?<!provider)(?<!provider\.path)(?<!enabled)(?<!file)"
_SECRET_NAME = re.compile(rf"{_WORD}.*{_HARMLESS_END}$", re.IGNORECASE | re.DOTALL)
_ASSIGNMENT = re.compile(
    rf"""([\w.-]*{_WORD}[\w.-]*{_HARMLESS_END}["']?\s*[=:]\s*)("[^"]*"|'[^']*'|\S+)""", re.IGNORECASE
)
_REFERENCE = re.compile(r"\$\{[A-Za-z0-9_.:]*\}")
_ACCESS_KEY = re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])")
_PASSWORD_IN_URL = re.compile(r"://[^/\s:@]*:[^\s@]+@")
_USER_IN_URL = re.compile(r"://(?:[^/\s:@]*:[^\s@]+|[^/\s@]+)@")
_MASK = "***"


def refuse_secrets(key: str, value: object, origin: str) -> None:
    """Raise where the value of a setting holds what looks like a secret.

    Args:
        key: The setting. Names of data (under `columns`) are free to contain words such as 'token'.
        value: As read, not checked yet.
        origin: The source, for the message; the value itself is never shown.

    Raises:
        ConfigurationError: It names the setting that has to go.
    """
    for path, text in _leaves(value):
        is_named_so = key != "columns" and _SECRET_NAME.search(path or key) and not _REFERENCE.fullmatch(text)
        is_told_so = key == "spark" and _ASSIGNMENT.search(text)
        if is_named_so or is_told_so or _ACCESS_KEY.search(text) or _PASSWORD_IN_URL.search(text):
            found = f"what looks like one under '{path or key}'"
            raise ConfigurationError(origin, f"expected no secret, found {found}", _HINT)


def masked(mapping: Mapping[str, object]) -> dict[str, object]:
    """Return a copy that can be logged: secrets, and users in URLs, become '***'.

    Lists are taken for arguments too: `--name=value` and `--name`, `value` are masked where the name says secret.
    """
    return {name: _masked(name, value) for name, value in mapping.items()}


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text and number within a value; true, false and null hold no secrets."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}".removeprefix("."))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner, path)
    elif value is not None and not isinstance(value, bool) and value != "":
        yield path, str(value)


def _masked(name: str, value: object) -> object:
    if isinstance(value, Mapping):
        return {inner: _masked(f"{name}.{inner}", each) for inner, each in value.items()}
    if isinstance(value, list | tuple):
        names = [name, *(_option_name(item) or name for item in value)]
        return [_masked(before, item) for before, item in zip(names, value, strict=False)]
    if value is None or isinstance(value, bool) or _option_name(value):
        return value
    if _SECRET_NAME.search(name):
        return _MASK
    return _masked_text(value) if isinstance(value, str) else value


def _option_name(item: object) -> str | None:
    """The name in `--name`; none where the item has a value of its own, or is no option."""
    return item if isinstance(item, str) and item.startswith("--") and "=" not in item else None


def _masked_text(text: str) -> str:
    without_users = _USER_IN_URL.sub(f"://{_MASK}@", text)
    return _ASSIGNMENT.sub(rf"\1{_MASK}", _ACCESS_KEY.sub(_MASK, without_users))
