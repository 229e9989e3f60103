"""The command line: arguments in, exit code out. Nothing else prints or exits."""

import argparse
import io
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from obs2seq.errors import DONE, SERVICE, ConfigurationError, Obs2SeqError
from obs2seq.settings import (
    LOCATIONS,
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
INTERRUPTED = 130
"""What shells give a program that was stopped by Ctrl-C."""

_ON_THIS_MACHINE = {"mode": "local"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of `obs2seq`; return its exit code: 0 done, 1 data, 2 usage or configuration, 3 service."""
    words = sys.argv[1:] if argv is None else argv

    def command() -> None:
        arguments, unknown = _parser().parse_known_args(words)
        _refuse(unknown, arguments.name)
        arguments.command(arguments)

    return guarded(command, is_debug="--debug" in words)


def run_job(argv: Sequence[str]) -> int:
    """Run the job as spark-submit starts it; return the exit code. Unknown options are passed over, with a warning."""

    def job() -> None:
        namespace, unknown = parse_args(argv, parser_class=_Parser)
        for name in unknown_options(unknown):
            logger.warning("passed over unknown option %s", name)
        _run(load_settings(given_settings(namespace), os.environ, namespace.config))

    return guarded(job, is_debug=False)


def guarded(command: Callable[[], None], *, is_debug: bool) -> int:
    """Run a command; print what goes wrong as one message, after a traceback only where that is asked for."""
    _configure_output()
    try:
        command()
    except SystemExit as exit_:
        return int(exit_.code or DONE)  # help and version leave this way
    except KeyboardInterrupt:
        print("error: interrupted, nothing more was published", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the last one to catch it: what is left over gets its exit code too
        if is_debug:
            traceback.print_exc()
        print(f"error: {_message(error)}", file=sys.stderr)
        return error.exit_code if isinstance(error, Obs2SeqError) else SERVICE
    return DONE


def _message(error: Exception) -> str:
    if isinstance(error, Obs2SeqError):
        return str(error)
    # What others say may quote a row.
    return f"obs2seq: expected to finish, found an unexpected {type(error).__name__}. Hint: see 'obs2seq run --debug'."


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments as everything else is said."""

    def error(self, message: str) -> NoReturn:
        raise ConfigurationError("arguments", f"expected what '{self.prog} --help' lists, found: {message}")


def _refuse(unknown: Sequence[str], command: str) -> None:
    names = unknown_options(unknown) or [repr(argument) for argument in unknown[:1]]
    if names:
        raise ConfigurationError(
            "arguments",
            f"expected what 'obs2seq {command} --help' lists, found {', '.join(names)}",
            "write options like --sequence_length 100",
        )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="obs2seq", description="Observations in, sequences out.", allow_abbrev=False)
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
        command.set_defaults(name=name)
        add(command)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    """Make sequences of observations and publish them."""
    add_settings_arguments(parser, _ON_THIS_MACHINE)
    parser.set_defaults(command=lambda arguments: _run(_settings(arguments)))


def _add_check(parser: argparse.ArgumentParser) -> None:
    """Say what a run would read, and what it would leave out, without making anything."""
    add_settings_arguments(parser, _ON_THIS_MACHINE)
    parser.set_defaults(command=lambda arguments: _check(_settings(arguments, ["s3_data_location"])))


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


def _settings(arguments: argparse.Namespace, required: Sequence[str] = LOCATIONS) -> Settings:
    given = given_settings(arguments)
    return load_settings(given, os.environ, arguments.config, _ON_THIS_MACHINE, required=required)


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


def _configure_output() -> None:
    """Log the project's steps, and of the libraries only what is wrong; keep an embedding program's own set-up."""
    handler = logging.StreamHandler(sys.stderr)
    # What stops a run is said at the end, and once.
    handler.addFilter(lambda record: record.name != "obs2seq.orchestrator" or record.levelno < logging.ERROR)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING, handlers=[handler])
    logging.getLogger("obs2seq").setLevel(logging.INFO)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


if __name__ == "__main__":
    sys.exit(main())
