"""`run` and `check`: what is done with observations."""

import argparse
import os
from collections.abc import Sequence

from obs2seq.settings import LOCATIONS, Settings, add_settings_arguments, given_settings, load_settings

_ON_THIS_MACHINE = {"mode": "local"}


def add_run(parser: argparse.ArgumentParser) -> None:
    """Make sequences of observations and publish them."""
    add_settings_arguments(parser, _ON_THIS_MACHINE)
    parser.set_defaults(command=lambda arguments: run(_settings(arguments)))


def add_check(parser: argparse.ArgumentParser) -> None:
    """Say what a run would read, and what it would leave out, without making anything."""
    add_settings_arguments(parser, _ON_THIS_MACHINE)
    parser.set_defaults(command=lambda arguments: _check(_settings(arguments, ["s3_data_location"])))


def run(settings: Settings) -> None:
    """Run the job and print what came of it."""
    from obs2seq.bootstrap import run as run_job
    from obs2seq.console import print_outcome

    print_outcome(run_job(settings))


def _check(settings: Settings) -> None:
    from obs2seq.bootstrap import check
    from obs2seq.console import print_check

    print_check(check(settings))


def _settings(arguments: argparse.Namespace, required: Sequence[str] = LOCATIONS) -> Settings:
    given = given_settings(arguments)
    return load_settings(given, os.environ, arguments.config, _ON_THIS_MACHINE, required=required)
