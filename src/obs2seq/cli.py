"""The command line: arguments in, exit code out. Nothing else prints or exits."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from obs2seq.errors import DONE, SERVICE, ConfigurationError, Obs2SeqError
from obs2seq.settings import (
    Settings,
    add_settings_arguments,
    given_settings,
    load_settings,
    parse_args,
    settings_schema,
    specification_schema,
    unknown_options,
)
from obs2seq.version import __version__

logger = logging.getLogger(__name__)
_ON_THIS_MACHINE = {"mode": "local"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of `obs2seq`; return its exit code: 0 done, 1 data, 2 usage or configuration, 3 service."""
    arguments = _parser().parse_args(argv)
    return guarded(lambda: arguments.command(arguments), is_debug=arguments.debug)


def run_job(argv: Sequence[str]) -> int:
    """Run the job as spark-submit starts it; return the exit code. Unknown options are passed over, with a warning."""
    namespace, unknown = parse_args(argv)

    def job() -> None:
        for name in unknown_options(unknown):
            logger.warning("passed over unknown option %s", name)
        _run(load_settings(given_settings(namespace), os.environ, namespace.config))

    return guarded(job, is_debug=False)


def guarded(command: Callable[[], None], *, is_debug: bool) -> int:
    """Run a command; print what goes wrong as one message, with a traceback only where that is asked for."""
    _configure_logging()
    try:
        command()
    except Exception as error:
        if is_debug:
            raise
        is_ours = isinstance(error, Obs2SeqError)
        # What others say may quote a row.
        message = str(error) if is_ours else f"stopped by an unexpected {type(error).__name__}. Hint: see --debug."
        print(f"error: {message}", file=sys.stderr)
        return error.exit_code if isinstance(error, Obs2SeqError) else SERVICE
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="obs2seq", description="Observations in, sequences out.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"obs2seq {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, add in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=add.__doc__,
            description=add.__doc__,
            allow_abbrev=False,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
        add(command)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    """Make sequences of observations and publish them."""
    add_settings_arguments(parser, _ON_THIS_MACHINE)
    parser.set_defaults(command=lambda arguments: _run(_settings(arguments)))


def _add_check(parser: argparse.ArgumentParser) -> None:
    """Say what a run would read, and what it would leave out, without making anything."""
    add_settings_arguments(parser, _ON_THIS_MACHINE)
    parser.set_defaults(command=lambda arguments: _check(_settings(arguments)))


def _add_generate(parser: argparse.ArgumentParser) -> None:
    """Write realistic observations to try things with."""
    parser.add_argument("location", type=Path, metavar="FOLDER", help="local folder to write Parquet files into")
    parser.add_argument("--observations", type=int, default=100_000, metavar="N", help="how many rows")
    parser.add_argument("--pupils", type=int, metavar="N", help="how many pupils; None: one per 125 observations")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed gives other pupils")
    parser.add_argument("--files", type=int, metavar="N", help="how many files; None: one per 1.25 million rows")
    parser.add_argument("--heaviest_share", type=float, metavar="X", help="the share of all rows of one pupil")
    parser.add_argument("--force", action="store_true", help="replace what was generated there before")
    parser.set_defaults(command=_generate)


def _add_schema(parser: argparse.ArgumentParser) -> None:
    """Print a JSON Schema, for editors."""
    parser.add_argument("of", choices=["settings", "specification"], nargs="?", default="settings", help="of what")
    parser.set_defaults(command=_schema)


def _add_show(parser: argparse.ArgumentParser) -> None:
    """Print what is published at a location, and draw a few of its sequences."""
    parser.add_argument("location", metavar="DATASET", help="such as <output>/train_sequenced_100, local or s3://")
    parser.add_argument("--sequences", type=int, default=3, metavar="N", help="how many to draw")
    parser.set_defaults(command=_show)


_COMMANDS = {
    "run": _add_run,
    "check": _add_check,
    "generate": _add_generate,
    "schema": _add_schema,
    "show": _add_show,
}


def _settings(arguments: argparse.Namespace) -> Settings:
    return load_settings(given_settings(arguments), os.environ, arguments.config, _ON_THIS_MACHINE)


def _run(settings: Settings) -> None:
    from obs2seq.bootstrap import run
    from obs2seq.console import print_outcome

    print_outcome(run(settings))


def _check(settings: Settings) -> None:
    from obs2seq.bootstrap import check
    from obs2seq.console import print_check

    print_check(check(settings))


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


def _schema(arguments: argparse.Namespace) -> None:
    schema = settings_schema() if arguments.of == "settings" else specification_schema()
    print(json.dumps(schema, indent=2, ensure_ascii=False))


def _show(arguments: argparse.Namespace) -> None:
    from obs2seq.bootstrap import published
    from obs2seq.console import print_published

    if arguments.sequences < 0:
        raise ConfigurationError("option --sequences", f"expected 0 or more, found {arguments.sequences}")
    print_published(*published(arguments.location, arguments.sequences))


def _configure_logging() -> None:
    """Log the project's steps, and of the libraries only what is wrong; keep an embedding program's own set-up."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("obs2seq").setLevel(logging.INFO)


if __name__ == "__main__":
    sys.exit(main())
