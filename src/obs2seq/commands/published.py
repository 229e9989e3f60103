"""`show`: what is published."""

import argparse

from obs2seq.errors import ConfigurationError


def add_show(parser: argparse.ArgumentParser) -> None:
    """Print what is published at a location, and draw a few of its sequences."""
    parser.add_argument("location", metavar="DATASET", help="such as <output>/train_sequenced_100, local or s3://")
    parser.add_argument("--sequences", type=int, default=3, metavar="N", help="how many to draw")
    parser.set_defaults(command=_show)


def _show(arguments: argparse.Namespace) -> None:
    from obs2seq.bootstrap import published
    from obs2seq.console import print_published

    if arguments.sequences < 0:
        raise ConfigurationError("option --sequences", f"expected 0 or more, found {arguments.sequences}")
    print_published(*published(arguments.location, arguments.sequences))
