"""Brings the settings together: options over environment over files over defaults."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from obs2seq.domain.secrets import refuse_secrets
from obs2seq.domain.validation import nearest
from obs2seq.errors import ConfigurationError
from obs2seq.settings.model import Settings
from obs2seq.settings.text import from_text
from obs2seq.settings.yaml_text import yaml_file

PREFIX = "OBS2SEQ_"
SHARED_FILE = "base.yaml"
LOCATIONS = ("s3_data_location", "output_s3_location")


class Given(NamedTuple):
    """A value that a source gave."""

    value: object
    origin: str
    """The source, as messages name it."""


def load_settings(
    options: Mapping[str, object],
    environ: Mapping[str, str],
    config: Path | None,
    defaults: Mapping[str, object] | None = None,
    *,
    required: Collection[str] = LOCATIONS,
) -> Settings:
    """Return the settings of a run.

    A key of a higher source replaces the whole value of a lower one, also where the value is a list or a mapping.

    Args:
        options: What the command line gave, by key; texts are read as `from_text` says.
        environ: The environment; `OBS2SEQ_<KEY>` counts, and `MODE`.
        config: A YAML file. `base.yaml` beside it is read below it.
        defaults: What an entrypoint prefers over the model's defaults.
        required: Keys that must not be empty in the end.

    Raises:
        ConfigurationError: A source cannot be read, or names an unknown key, holds a secret, or a value is not
            allowed. The message names the source.
    """
    given = {
        **_from_mapping(defaults or {}, "default: "),
        **_from_files(config),
        **_from_environment(environ),
        **_from_options(options),
    }
    origins = {key: f"default: {key}" for key in Settings.model_fields} | {
        key: each.origin for key, each in given.items()
    }
    settings = Settings(origins, **{key: each.value for key, each in given.items()})
    _refuse_missing([key for key in required if getattr(settings, key) in ("", None)])
    return settings


def _from_files(config: Path | None) -> dict[str, Given]:
    if config is None:
        return {}
    shared = config.parent / SHARED_FILE
    return {**(_from_file(shared) if shared.is_file() else {}), **_from_file(config)}


def _from_file(path: Path) -> dict[str, Given]:
    content = yaml_file(path, hint="check --config")
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(str(path), f"expected keys with values, found a {type(content).__name__}")
    return _from_mapping({str(key): value for key, value in content.items()}, f"{path}: ")


def _from_mapping(values: Mapping[str, object], origin: str) -> dict[str, Given]:
    """Take the values as they are; `origin` stands before the key."""
    given = {key: Given(value, f"{origin}{key}") for key, value in values.items()}
    for key, each in given.items():
        refuse_secrets(key, each.value, each.origin)
    _refuse_unknown(given, Settings.model_fields, origin.removesuffix(": "))
    return given


def _from_environment(environ: Mapping[str, str]) -> dict[str, Given]:
    named = {PREFIX + key.upper(): key for key in Settings.model_fields}
    ours = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
    _refuse_unknown(ours, named, "environment")
    given = {"mode": Given(environ["MODE"], "environment MODE")} if environ.get("MODE") else {}
    return given | {named[name]: _from_text(named[name], text, f"environment {name}") for name, text in ours.items()}


def _from_options(options: Mapping[str, object]) -> dict[str, Given]:
    _refuse_unknown(options, Settings.model_fields, "options")
    return {key: _from_text(key, value, f"option --{key}") for key, value in options.items()}


def _from_text(key: str, value: object, origin: str) -> Given:
    read = from_text(key, value, origin) if isinstance(value, str) else value
    refuse_secrets(key, read, origin)
    return Given(read, origin)


def _refuse_unknown(names: Iterable[str], known: Collection[str], where: str) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        found = ", ".join(f"'{name}'" for name in unknown)
        hints = dict.fromkeys(nearest(name, known) for name in unknown)
        raise ConfigurationError(where, f"expected names of settings, found {found}", "; ".join(hints))


def _refuse_missing(keys: list[str]) -> None:
    if keys:
        first = keys[0]
        hint = f"give --{first}, {PREFIX}{first.upper()}, or {first} in the file that --config names"
        raise ConfigurationError("settings", f"expected {' and '.join(keys)}, found none", hint)
