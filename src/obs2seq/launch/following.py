"""Follows a run to its end, and ends it where it takes too long."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from obs2seq.aws.states import RunState, Status, state_of
from obs2seq.aws.waiting import Patience, wait
from obs2seq.errors import StorageError
from obs2seq.launch.endings import ending_error
from obs2seq.launch.target import Runs

MISSES = 5
"""So many answers in a row may fail to come before the wait is given up."""


@dataclass(frozen=True)
class Pace:
    """How a wait goes on.

    Args:
        say: Told what a person should know, a line at a time.
        clock: Gives seconds.
        sleep: Lets seconds pass.
    """

    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def follow(runs: Runs, run_id: str, max_hours: float, pace: Pace) -> None:
    """Wait for a run's success.

    Args:
        runs: The service's.
        run_id: The run's.
        max_hours: Counted from now; after that the run is cancelled.
        pace: How the wait goes on.

    Raises:
        Obs2SeqError: The run has failed, was cancelled or took too long; or nobody could be asked any more.
    """
    status = wait(
        _steady(runs, run_id, pace),
        Patience(first=5, longest=60, deadline=max_hours * 3600),
        changed=lambda status: pace.say(_told(run_id, status)),
        clock=pace.clock,
        sleep=pace.sleep,
    )
    if not state_of(status.word).is_final:
        raise _cancelled_for_time(runs, run_id, max_hours, status)
    error = ending_error(runs, run_id, status)
    if error:
        raise error


def _steady(runs: Runs, run_id: str, pace: Pace) -> Callable[[], Status]:
    """Ask for the run's status; after a first answer, pass over a few that fail to come."""
    answers: list[Status] = []
    missed = 0

    def poll() -> Status:
        nonlocal missed
        try:
            answers[:] = [runs.status(run_id)]
        except StorageError as error:
            missed += 1
            if not answers:
                raise
            if missed > MISSES:
                hint = f"{error.hint}; the run goes on, and 'obs2seq wait {run_id}' waits for it again"
                raise StorageError(error.where, error.problem, hint) from error
            pace.say(f"{error}")
            return answers[0]
        missed = 0
        return answers[0]

    return poll


def _told(run_id: str, status: Status) -> str:
    reason = f": {status.reason}" if status.reason and status.state is not RunState.SUCCEEDED else ""
    return f"{run_id}: {status.word}{reason}"


def _cancelled_for_time(runs: Runs, run_id: str, max_hours: float, status: Status) -> StorageError:
    try:
        runs.cancel(run_id)
        done = "it is being cancelled; allow more with --max-hours"
    except StorageError as error:
        done = f"it could not be cancelled ({error.problem}): do so by hand, since it costs money"
    return StorageError(f"run {run_id}", f"expected it to end within {max_hours:g} h, found {status.word}", done)
