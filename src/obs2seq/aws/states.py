"""The states of what AWS runs for us: EMR steps, EMR Serverless job runs, Glue job runs, Athena queries."""

from dataclasses import dataclass
from enum import StrEnum


class RunState(StrEnum):
    """What the services' many states come down to."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (RunState.WAITING, RunState.RUNNING)


@dataclass(frozen=True)
class Status:
    """Where a run is."""

    state: RunState
    word: str
    """The service's own name of the state."""
    reason: str = ""
    """What the service says about it; empty where it says nothing."""


_FINAL = {
    RunState.SUCCEEDED: ("COMPLETED", "SUCCESS", "SUCCEEDED"),
    RunState.FAILED: ("FAILED", "ERROR", "TERMINATED_WITH_ERRORS"),
    RunState.CANCELLED: ("CANCELLED", "CANCELED", "INTERRUPTED", "STOPPED", "TERMINATED"),
    RunState.TIMED_OUT: ("TIMEOUT", "EXPIRED"),
}
_WAITING = ("PENDING", "SUBMITTED", "QUEUED", "SCHEDULED", "STARTING", "BOOTSTRAPPING", "WAITING")
_STATES = {word: state for state, words in _FINAL.items() for word in words} | dict.fromkeys(_WAITING, RunState.WAITING)


def state_of(word: str) -> RunState:
    """Return what a service's name of a state means; a name that is not known is of a run that goes on."""
    return _STATES.get(word, RunState.RUNNING)
