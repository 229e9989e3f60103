"""`wait`, `logs` and `cancel`: what is done with a run on AWS."""

from __future__ import annotations

import argparse
import logging
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from obs2seq.errors import INTERRUPTED, StorageError

if TYPE_CHECKING:
    from obs2seq.launch.following import Pace
    from obs2seq.launch.logs import LogFile
    from obs2seq.launch.target import Clients, Runs
    from obs2seq.launch.values import LaunchValues

logger = logging.getLogger(__name__)


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Wait for a run's end; the exit code says how it went."""
    _add_run(parser)
    parser.add_argument("--max-hours", type=hours, default=4.0, metavar="H", help="cancel it so long from now")
    parser.add_argument("--cancel-on-interrupt", action="store_true", help="cancel the run on Ctrl-C")
    parser.set_defaults(command=lambda arguments: follow_to_the_end(_runs(arguments), arguments.run, arguments))


def add_logs(parser: argparse.ArgumentParser) -> None:
    """Print the end of what a run's driver wrote, and the error in it."""
    _add_run(parser)
    parser.add_argument("--lines", type=count, default=50, metavar="N", help="how many of each log's last lines")
    parser.set_defaults(command=_logs)


def add_cancel(parser: argparse.ArgumentParser) -> None:
    """Stop a run."""
    _add_run(parser)
    parser.set_defaults(command=_cancel)


def add_values(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the account's values."""
    help_ = "YAML file of the account's names; None: emr/values.yaml where there is one"
    parser.add_argument("--values", type=Path, metavar="FILE", help=help_)
    help_ = "a value above the file's; may be given many times"
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=help_)


def hours(text: str) -> float:
    """Read a number of hours above 0; raise `ValueError` for anything else."""
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError(text)
    return number


def count(text: str) -> int:
    """Read a whole number above 0; raise `ValueError` for anything else."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def values_of(arguments: argparse.Namespace) -> LaunchValues:
    """Return the values that the options name."""
    from obs2seq.launch.values import load_values

    return load_values(arguments.values, arguments.set)


def clients_of(values: LaunchValues) -> Clients:
    """Return what makes a client of each service when it is first needed."""
    from obs2seq.aws.clients import aws_client

    return cache(lambda service: aws_client(service, values.region))


def follow_to_the_end(runs: Runs, run_id: str, arguments: argparse.Namespace) -> None:
    """Wait for a run's success; Ctrl-C ends the wait, and the run only where that is asked for."""
    from obs2seq.launch.following import follow

    try:
        follow(runs, run_id, arguments.max_hours, pace())
    except KeyboardInterrupt:
        if arguments.cancel_on_interrupt:
            runs.cancel(run_id)
            logger.warning("interrupted; %s is being cancelled", run_id)
        else:
            again = "'obs2seq wait %s' waits for it again, 'obs2seq cancel %s' stops it"
            logger.warning(f"interrupted; %s goes on: {again}", run_id, run_id, run_id)
        raise SystemExit(INTERRUPTED) from None


def pace() -> Pace:
    """Return how waits go on: by the machine's clock, told in the log."""
    from obs2seq.launch.following import Pace

    return Pace(logger.info)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="the id that 'obs2seq submit' prints")
    add_values(parser)


def _runs(arguments: argparse.Namespace) -> Runs:
    from obs2seq.launch.targets import runs_of

    return runs_of(arguments.run)(clients_of(values_of(arguments)))


def _cancel(arguments: argparse.Namespace) -> None:
    runs = _runs(arguments)
    status = runs.status(arguments.run)
    if status.state.is_final:
        print(f"{arguments.run}: {status.word} already")
        return
    runs.cancel(arguments.run)
    print(f"{arguments.run}: is being cancelled; 'obs2seq wait {arguments.run}' tells when it has ended")


def _logs(arguments: argparse.Namespace) -> None:
    runs = _runs(arguments)
    files = runs.log_files(arguments.run)
    if not files:
        raise StorageError(f"run {arguments.run}", "expected logs of the driver, found none yet", runs.when_logs_come)
    _print_error([_printed(file, arguments.lines) for file in files])


def _printed(file: LogFile, lines: int) -> Sequence[str]:
    """Print a log's last lines; return as many as are looked through for an error."""
    from obs2seq.launch.endings import TAIL

    tail = file.tail(max(lines, TAIL))
    print(f"==> {file.name}: {file.location}")
    for line in tail[-lines:]:
        print(line)
    print()
    return tail


def _print_error(tails: Sequence[Sequence[str]]) -> None:
    from obs2seq.launch.endings import job_error, python_error

    said = next((error for tail in tails if (error := job_error(tail))), None)
    found = [f"error: {said}"] if said else next((each for tail in tails if (each := python_error(tail))), [])
    if found:
        print("==> error")
        print("\n".join(found))
