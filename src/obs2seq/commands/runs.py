"""`run` and `check`: what is done with observations."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder

from obs2seq.commands.termination import heed_termination
from obs2seq.settings import LOCATIONS, Settings, add_settings_arguments, given_settings, load_settings

_ON_THIS_MACHINE = {"mode": "local"}


def add_run(parser: argparse.ArgumentParser) -> None:
    """Make sequences of observations and publish them."""
    add_settings_arguments(parser, _ON_THIS_MACHINE)
    parser.set_defaults(command=_run)


def add_check(parser: argparse.ArgumentParser) -> None:
    """Say what a run would read, and what it would leave out, without making anything."""
    add_settings_arguments(parser, _ON_THIS_MACHINE)
    parser.set_defaults(command=_check)


def _run(arguments: argparse.Namespace) -> None:
    settings = _settings(arguments)
    _keep_pandas_out(arguments, settings)
    if arguments.is_own_process:
        heed_termination()
    run(settings)


def run(settings: Settings) -> None:
    """Run the job and print what came of it."""
    from obs2seq.bootstrap import run as run_job
    from obs2seq.console import print_outcome

    print_outcome(run_job(settings))


def _check(arguments: argparse.Namespace) -> None:
    settings = _settings(arguments, ["s3_data_location"])
    _keep_pandas_out(arguments, settings)
    from obs2seq.bootstrap import check
    from obs2seq.console import print_check

    print_check(check(settings))


def _keep_pandas_out(arguments: argparse.Namespace, settings: Settings) -> None:
    """Spare a process that nobody else uses the half second in which Arrow imports pandas, which nothing here needs."""
    if arguments.is_own_process and settings.engine == "arrow" and "pandas" not in sys.modules:
        sys.meta_path.insert(0, _WithoutPandas())


class _WithoutPandas(MetaPathFinder):
    """Lets imports of pandas fail as where it is not installed."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)


def _settings(arguments: argparse.Namespace, required: Sequence[str] = LOCATIONS) -> Settings:
    given = given_settings(arguments)
    return load_settings(given, os.environ, arguments.config, _ON_THIS_MACHINE, required=required)
