"""Waits for what AWS runs: one function for steps, job runs and queries."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from obs2seq.aws.states import RunState, Status

FACTOR = 1.5
"""How much longer each pause is than the one before it."""


@dataclass(frozen=True)
class Patience:
    """How often to ask, and for how long; in seconds.

    Args:
        first: The first pause.
        longest: Pauses grow up to this.
        deadline: After so long the wait ends; None: never.
    """

    first: float = 1.0
    longest: float = 30.0
    deadline: float | None = None


def wait(
    poll: Callable[[], Status],
    patience: Patience,
    *,
    changed: Callable[[Status], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Status:
    """Ask until the run has ended or the deadline has passed; return its last status.

    Args:
        poll: Asks once.
        patience: How often and for how long.
        changed: Told the first status, and every one that differs from the one before it.
        clock: Gives seconds.
        sleep: Lets seconds pass.

    Returns:
        A final status, or that of `RunState.TIMED_OUT` where the deadline passed; the run itself goes on then.
    """
    start, pause = clock(), patience.first
    last: Status | None = None
    while True:
        status = poll()
        if status != last:
            changed(status)
            last = status
        if status.state.is_final:
            return status
        left = None if patience.deadline is None else start + patience.deadline - clock()
        if left is not None and left <= 0:
            return Status(RunState.TIMED_OUT, status.word, f"still {status.word} after {patience.deadline:g} seconds")
        sleep(pause if left is None else min(pause, left))
        pause = min(pause * FACTOR, patience.longest)
