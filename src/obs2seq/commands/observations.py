"""`generate`: observations to try things with."""

import argparse
from pathlib import Path


def add_generate(parser: argparse.ArgumentParser) -> None:
    """Write realistic observations to try things with."""
    parser.add_argument("location", type=Path, metavar="FOLDER", help="local folder to write Parquet files into")
    parser.add_argument("--observations", type=int, default=100_000, metavar="N", help="how many rows")
    parser.add_argument("--pupils", type=int, metavar="N", help="how many pupils; None: one per 125 observations")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed gives other pupils")
    parser.add_argument("--files", type=int, metavar="N", help="how many files; None: one per 1.25 million rows")
    parser.add_argument("--heaviest_share", type=float, metavar="X", help="the share of all rows of one pupil")
    parser.add_argument("--force", action="store_true", help="replace what was generated there before")
    parser.set_defaults(command=_generate)


def _generate(arguments: argparse.Namespace) -> None:
    from obs2seq.generator import generate

    made = generate(
        arguments.location,
        observations=arguments.observations,
        pupils=arguments.pupils,
        seed=arguments.seed,
        files=arguments.files,
        heaviest_share=arguments.heaviest_share,
        force=arguments.force,
    )
    print(f"{made.observations:,} observations of {made.pupils:,} pupils in {made.files} files at {made.location}")
