"""What AWS offers to run the job on, behind one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from obs2seq.aws.states import RunState, Status
from obs2seq.launch.launch import Launch
from obs2seq.launch.logs import LogFile

Clients = Callable[[str], Any]
"""Gives the client of a service by boto3's name; nothing is asked before that."""


@dataclass(frozen=True)
class Request:
    """One call of AWS's API that changes something."""

    service: str
    operation: str
    parameters: dict[str, Any]
    when: str = ""
    """What has to be so for the call to be made; empty: it always is."""

    def shown(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {name: value for name, value in asdict(self).items() if value != ""}


@dataclass(frozen=True)
class Run:
    """A run that AWS knows of."""

    id: str
    """The target's own identifiers in one text, `<place>/<run>`."""
    status: Status


class Runs(ABC):
    """The runs of one service, by their ids.

    Args:
        clients: Asked when the first request is made.
    """

    when_logs_come: ClassVar[str] = "ask again later"
    """What to tell who finds none."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients

    @abstractmethod
    def status(self, run_id: str) -> Status:
        """Return where the run is."""

    @abstractmethod
    def cancel(self, run_id: str) -> None:
        """Ask the service to stop the run; it may take a while."""

    @abstractmethod
    def log_files(self, run_id: str) -> list[LogFile]:
        """Return what the driver has written, the job's own messages first; none where none is there yet."""


class Target(Runs):
    """A place to run the job."""

    name: ClassVar[str]
    roles: ClassVar[tuple[str, ...]] = ()
    """Which of the package's files it needs."""
    ends_late_runs: ClassVar[bool] = True
    """Whether the service itself ends a run after its hours, also where nobody waits."""

    @abstractmethod
    def check(self, launch: Launch) -> None:
        """Raise `ConfigurationError` where the target cannot run it; no call is made."""

    def check_place(self, launch: Launch) -> None:
        """Ask the service whether what has to be there fits the code that will be sent; here nothing has to be there.

        Raises:
            ConfigurationError: It does not fit.
            StorageError: The service refuses to tell, or there is no such thing.
        """

    @abstractmethod
    def requests(self, launch: Launch) -> list[Request]:
        """Return the calls that start the run, in order; none is made."""

    @abstractmethod
    def runs(self, launch: Launch) -> Iterable[Run]:
        """Return the runs of the launch's token, the newest first."""

    @abstractmethod
    def submit(self, launch: Launch) -> str:
        """Start a run; return its id."""


def existing(runs: Iterable[Run]) -> Run | None:
    """Return the newest run that is under way or has succeeded."""
    return next((run for run in runs if not run.status.state.is_final or run.status.state is RunState.SUCCEEDED), None)
