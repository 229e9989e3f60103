"""`compare`: whether two published outputs are the same."""

import argparse
import sys

from obs2seq.errors import DATA


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Say whether two published datasets are equal, or where not: exit code 0 or 1. Shows no pupil and no value."""
    for name in ("first", "second"):
        parser.add_argument(
            name, metavar="DATASET", help="such as <output>/train_sequenced_100, or a run's folder; local or s3://"
        )
    parser.set_defaults(command=_compare)


def _compare(arguments: argparse.Namespace) -> None:
    from obs2seq.bootstrap import compare

    found = compare(arguments.first, arguments.second)
    print("\n".join(found) or "equal")
    if found:
        sys.exit(DATA)
