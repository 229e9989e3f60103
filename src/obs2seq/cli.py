"""The command line: arguments in, exit code out. Nothing else prints or exits."""

import argparse
import io
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from obs2seq.commands import COMMANDS
from obs2seq.commands.missing import as_configuration
from obs2seq.commands.runs import run
from obs2seq.commands.termination import Terminated
from obs2seq.errors import DONE, INTERRUPTED, SERVICE, TERMINATED, ConfigurationError, Obs2SeqError
from obs2seq.settings import given_settings, load_settings, parse_args, unknown_options
from obs2seq.tracing.logs import StderrHandler, logs_json
from obs2seq.version import __version__

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of `obs2seq`; return its exit code: 0 done, 1 data, 2 usage or configuration, 3 service."""
    words = sys.argv[1:] if argv is None else argv

    def command() -> None:
        arguments, unknown = _parser().parse_known_args(words)
        _refuse(unknown, arguments.name)
        arguments.is_own_process = argv is None
        arguments.command(arguments)

    return guarded(command, is_debug="--debug" in words)


def run_job(argv: Sequence[str]) -> int:
    """Run the job as spark-submit starts it; return the exit code. Unknown options are passed over, with a warning."""

    def job() -> None:
        namespace, unknown = parse_args(argv, parser_class=_Parser)
        for name in unknown_options(unknown):
            logger.warning("passed over unknown option %s", name)
        run(load_settings(given_settings(namespace), os.environ, namespace.config))

    return guarded(job, is_debug=False)


def guarded(command: Callable[[], None], *, is_debug: bool) -> int:
    """Run a command; print what goes wrong as one message, after a traceback only where that is asked for."""
    _configure_output()
    try:
        command()
        sys.stdout.flush()
    except SystemExit as exit_:
        return int(exit_.code or DONE)  # help and version leave this way
    except KeyboardInterrupt as stop:
        is_terminated = isinstance(stop, Terminated)
        print(f"error: {'terminated' if is_terminated else 'interrupted'}, nothing more was published", file=sys.stderr)
        return TERMINATED if is_terminated else INTERRUPTED
    except BrokenPipeError:
        # Who read the output has seen enough; what is left of it must not be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:  # noqa: BLE001  # the last one to catch it: what is left over gets its exit code too
        if is_debug:
            traceback.print_exc()
        deliberate = as_configuration(error) if isinstance(error, ModuleNotFoundError) else None
        return _said(deliberate or error)
    return DONE


def _said(error: Exception) -> int:
    """Say what went wrong; return its exit code."""
    _say(_message(error))
    return error.exit_code if isinstance(error, Obs2SeqError) else SERVICE


def _say(message: str) -> None:
    if logs_json():
        logger.error(message)
    else:
        print(f"error: {message}", file=sys.stderr)


def _message(error: Exception) -> str:
    if isinstance(error, Obs2SeqError):
        return str(error)
    # What others say may quote a row.
    return f"obs2seq: expected to finish, found an unexpected {type(error).__name__}. Hint: add --debug to see it."


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
    for name, add in COMMANDS.items():
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


def _configure_output() -> None:
    """Log the project's steps, and of the libraries only what is wrong; keep an embedding program's own set-up."""
    handler = StderrHandler()
    handler.addFilter(lambda record: not _is_said_at_the_end(record))
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING, handlers=[handler])
    logging.getLogger("obs2seq").setLevel(logging.INFO)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _is_said_at_the_end(record: logging.LogRecord) -> bool:
    """Whether it tells what stops a run, which is said once: py4j would add a traceback of Ctrl-C."""
    if record.exc_info and isinstance(record.exc_info[1], KeyboardInterrupt):
        return True
    return record.name == "obs2seq.orchestrator" and record.levelno >= logging.ERROR


if __name__ == "__main__":
    sys.exit(main())
