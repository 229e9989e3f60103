"""`audit`: whether answers leak between subsets, or from the future."""

import argparse
import os
import sys

from obs2seq.errors import DATA, ConfigurationError
from obs2seq.settings import Settings, add_settings_arguments, given_settings, load_settings


def add_audit(parser: argparse.ArgumentParser) -> None:
    """Look for leaks in what is published, or in what the settings make of coin flips: exit code 0 or 1."""
    parser.add_argument(
        "location", nargs="?", metavar="OUTPUT", help="what a job had as output_s3_location, local or s3://"
    )
    parser.add_argument(
        "--canary", metavar="ANSWER", help="replace the answers, a feature, by coin flips, and try to predict them"
    )
    of_last_run = "for OUTPUT those of its last run"
    add_settings_arguments(parser, {"mode": "local", "subsets": of_last_run, "targets": of_last_run})
    parser.set_defaults(command=_audit)


def _audit(arguments: argparse.Namespace) -> None:
    given = given_settings(arguments)
    required = ["s3_data_location"] if arguments.canary else []
    settings = load_settings(given, os.environ, arguments.config, {"mode": "local"}, required=required)
    location = arguments.location or settings.output_s3_location
    if not location and not arguments.canary:
        raise ConfigurationError("arguments", "expected the location of an output, or --canary, found neither")
    is_clean = True
    if location:
        is_clean = _is_clean(location, settings, given.get("sequence_length"))
    if arguments.canary:
        is_clean &= _is_chance(settings, arguments.canary)
    if not is_clean:
        sys.exit(DATA)


def _is_clean(location: str, settings: Settings, sequence_length: object) -> bool:
    """Print the outcome of an audit of what is published."""
    from obs2seq.bootstrap.audits import audit_published
    from obs2seq.console import print_audit

    length = settings.sequence_length if sequence_length is not None else None
    outcome = audit_published(location, settings, length)
    print_audit(outcome)
    return not outcome.leaks


def _is_chance(settings: Settings, answer: str) -> bool:
    """Print whether features change with the future, and how well coin flips could be predicted."""
    from obs2seq.bootstrap.audits import canary, changed_future, in_other_words, prepared
    from obs2seq.console import print_canary

    observations = prepared(settings)
    ahead = changed_future(settings, observations)
    outcome = canary(settings, answer)
    print_canary(ahead, in_other_words(settings, observations, answer), outcome)
    return outcome.is_chance and not ahead
