"""`report`: a page on what is published."""

import argparse
import os
from pathlib import Path

from obs2seq.settings import add_settings_arguments, given_settings, load_settings


def add_report(parser: argparse.ArgumentParser) -> None:
    """Write a page on the subsets that are published at an output."""
    parser.add_argument("location", metavar="OUTPUT", help="what a job had as output_s3_location, local or s3://")
    parser.add_argument("--to", type=Path, default=Path("report.html"), metavar="FILE", help="the page to write")
    add_settings_arguments(parser, {"mode": "local", "subsets": "those of the last run"})
    parser.set_defaults(command=_report)


def _report(arguments: argparse.Namespace) -> None:
    given = given_settings(arguments)
    settings = load_settings(given, os.environ, arguments.config, {"mode": "local"}, required=[])
    from obs2seq.bootstrap.reports import report_published

    length = settings.sequence_length if "sequence_length" in given else None
    subsets = list(settings.subsets) if settings.says("subsets") else None
    arguments.to.write_text(report_published(arguments.location, subsets, length), encoding="utf-8")
    print(arguments.to)
