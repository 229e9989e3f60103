"""`compare`: whether two published outputs are the same."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from obs2seq.errors import DATA, ConfigurationError, DataNotFoundError


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Say whether two published datasets are equal (exit code 0), or where not (1). Shows no pupil and no value."""
    for name in ("first", "second"):
        parser.add_argument(
            name, metavar="DATASET", help="such as <output>/train_sequenced_100, or a run's folder; local or s3://"
        )
    parser.set_defaults(command=_compare)


def _compare(arguments: argparse.Namespace) -> None:
    from obs2seq.bootstrap import compare

    with absence_is_no_difference():
        found = compare(arguments.first, arguments.second)
    print("\n".join(found) or "equal")
    if found:
        sys.exit(DATA)


@contextmanager
def absence_is_no_difference() -> Iterator[None]:
    """Say that there is nothing to compare by the exit code of a wrong argument: 1 is taken by a difference."""
    try:
        yield
    except DataNotFoundError as error:
        raise ConfigurationError(error.where, error.problem, error.hint) from error
