"""The one builder of the job's arguments: for every target, and for the orchestrators that start it."""

import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from obs2seq.settings import LOCATIONS, Settings, load_settings
from obs2seq.settings.text import json_types, properties

CLUSTER_MODE = "emr"
_FLAGS = {"force"}
"""Settings whose option takes no value."""


class _OneLine(yaml.SafeDumper):
    """Writes line feeds as escapes, where the plain one would break the line."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style='"' if "\n" in data else None)


_OneLine.add_representer(str, _OneLine.represent_str)


def job_arguments(
    options: Mapping[str, object],
    config: Path | None = None,
    *,
    mode: str = CLUSTER_MODE,
    environ: Mapping[str, str] | None = None,
) -> list[str]:
    """Return the arguments of the job's script for a run.

    The settings are brought together and checked here, on the machine that starts the run; the job gets the result
    alone, so it needs no file of settings, and what a cluster's environment holds does not count.

    Args:
        options: Settings by key, as values or as texts of the command line.
        config: A YAML file of settings; `base.yaml` beside it is read below it.
        mode: Where the job runs; stands above all sources.
        environ: `OBS2SEQ_<KEY>` counts. None: this process's environment.

    Returns:
        One argument a setting, `--key=value`, of those that differ from their default, and always the mode and the two
        locations. ASCII where the setting is a list or a mapping; texts stay as they are.

    Raises:
        ConfigurationError: A setting is missing or not allowed.

    Example:
        >>> locations = {"s3_data_location": "s3://b/raw", "output_s3_location": "s3://b/out"}
        >>> job_arguments(locations | {"keep_runs": 3}, environ={})
        ['--s3_data_location=s3://b/raw', '--output_s3_location=s3://b/out', '--keep_runs=3', '--mode=emr']
    """
    return as_arguments(job_options(job_settings(options, config, mode=mode, environ=environ)))


def job_settings(
    options: Mapping[str, object],
    config: Path | None = None,
    *,
    mode: str = CLUSTER_MODE,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings of a run that is started from here and runs elsewhere; arguments as in `job_arguments`."""
    return load_settings({**options, "mode": mode}, os.environ if environ is None else environ, config)


def job_options(settings: Settings) -> dict[str, str]:
    """Return the settings that a job has to be told, as texts, by key; a flag is 'true'.

    Loading the texts as options gives equal settings again.
    """
    values, told = settings.model_dump(), {*LOCATIONS, "mode", *settings.chosen}
    return {key: _text(key, values[key]) for key in properties() if key in told}


def as_arguments(options: Mapping[str, str]) -> list[str]:
    """Write options as `--key=value`, so that no value passes for an option; a flag stands alone."""
    return [f"--{key}" if key in _FLAGS else f"--{key}={text}" for key, text in options.items()]


def as_glue_arguments(options: Mapping[str, str]) -> dict[str, str]:
    """Write options as the arguments of a Glue job run: every one has a value there, and `--mode` is Glue's own."""
    return {f"--{key}": text for key, text in options.items() if key != "mode"}


def _text(key: str, value: object) -> str:
    if isinstance(value, str) and "string" in json_types(key):
        return value
    # YAML, not JSON: its reader takes 1e-05 for a text, and halves of a surrogate pair for characters.
    text = yaml.dump(_plain(value), Dumper=_OneLine, default_flow_style=True, sort_keys=False, width=float("inf"))
    return text.removesuffix("\n").removesuffix("\n...")


def _plain(value: object) -> object:
    """Lists for tuples, which YAML does not know."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
