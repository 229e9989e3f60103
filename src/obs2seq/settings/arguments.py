"""One command line option for each setting."""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from obs2seq.domain.validation import closest
from obs2seq.settings.model import GROUPS, Settings
from obs2seq.settings.text import json_types, properties

_METAVARS = {
    "array": "LIST",
    "boolean": "true|false",
    "integer": "N",
    "number": "X",
    "object": "NAME=VALUE,...",
    "string": "TEXT",
}


def parse_args(
    argv: Sequence[str],
    defaults: Mapping[str, object] | None = None,
    parser_class: type[argparse.ArgumentParser] = argparse.ArgumentParser,
) -> tuple[argparse.Namespace, list[str]]:
    """Return the settings that the arguments give, and the arguments that are no setting.

    Args:
        argv: The arguments, without the program's name.
        defaults: What help shows instead of the model's defaults.
        parser_class: Says what happens where an argument cannot be understood.

    Returns:
        A namespace of `config` (a path or None) and the options given, nothing for those not given; and what is left.
    """
    parser = parser_class(allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add_settings_arguments(parser, defaults)
    return parser.parse_known_args(argv)


def add_settings_arguments(parser: argparse.ArgumentParser, defaults: Mapping[str, object] | None = None) -> None:
    """Add `--config` and, in groups, an option for each setting, spelled with _ or with -.

    An option that is not given leaves nothing in the namespace, so that lower sources count. The parser should be made
    with `allow_abbrev=False`: an unknown option must not pass for a setting whose name it begins.
    """
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML file of settings, above base.yaml beside it")
    for title, fields in GROUPS.items():
        group = parser.add_argument_group(title)
        for key in fields.model_fields:
            _add_option(group, key, _help(key, defaults or {}))


def given_settings(namespace: argparse.Namespace) -> dict[str, object]:
    """Return the settings in a namespace, without what else an entrypoint keeps there."""
    return {key: value for key, value in vars(namespace).items() if key in Settings.model_fields}


def unknown_options(arguments: Iterable[str]) -> list[str]:
    """Return the names of the options among arguments passed over, with the setting each may have been meant for."""
    names = [argument.partition("=")[0] for argument in arguments if argument.startswith("--") and argument != "--"]
    known = [*Settings.model_fields, "config"]
    meant = [closest(name.removeprefix("--").replace("-", "_"), known) for name in names]
    return [f"{name} (did you mean --{key}?)" if key else name for name, key in zip(names, meant, strict=True)]


def _add_option(group: argparse._ArgumentGroup, key: str, description: str) -> None:
    spellings = dict.fromkeys((f"--{key}", f"--{key.replace('_', '-')}"))
    helps = [description, *[argparse.SUPPRESS] * (len(spellings) - 1)]
    for spelling, text in zip(spellings, helps, strict=True):
        if key == "force":
            group.add_argument(spelling, dest=key, action="store_true", default=argparse.SUPPRESS, help=text)
        else:
            group.add_argument(spelling, dest=key, metavar=_metavar(key), default=argparse.SUPPRESS, help=text)


def _metavar(key: str) -> str:
    if "enum" in properties()[key]:
        return "|".join(properties()[key]["enum"])
    return _METAVARS[min(json_types(key) - {"null"})]


def _help(key: str, defaults: Mapping[str, object]) -> str:
    default = defaults.get(key, properties()[key]["default"])
    shown = default if isinstance(default, str) and default else json.dumps(default, ensure_ascii=False)
    return f"{properties()[key]['description']} (default: {shown})".replace("%", "%%")
