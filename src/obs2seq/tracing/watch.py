"""The steps of a run as they begin and end, for whoever wants to know of them."""

from __future__ import annotations

import time
from abc import ABC
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

Kind = Literal["run", "step", "node"]


@dataclass(frozen=True)
class Span:
    """A piece of work between two moments."""

    kind: Kind
    """A run of one subset; a step of it, such as writing; or a node of the dataflow, which is lazy."""
    name: str
    run_id: str
    subset: str
    parent: Span | None = None


class Ending(NamedTuple):
    """How a span ended."""

    span: Span
    seconds: float
    error: BaseException | None


class Watcher(ABC):  # noqa: B024  # each of its methods may be left as it is
    """Is told of steps; what it does must not fail. Progress may be told by any thread, all else by one."""

    def started(self, span: Span) -> None:  # noqa: B027
        """Learn that something begins."""

    def progressed(self, done: int, total: int | None) -> None:  # noqa: B027
        """Learn how much of what is open is done, in units of its own; total None: not known."""

    def ended(self, ending: Ending) -> None:  # noqa: B027
        """Learn that something ended, and with which error."""

    def finished(self) -> None:  # noqa: B027
        """Learn that there is nothing more to come."""


Known = TypeVar("Known", bound=Watcher)


class Watch:
    """Tells watchers what happens. Spans lie in each other; one thread opens and closes them.

    Args:
        watchers: Who is told, in this order.
        clock: Gives seconds.
    """

    def __init__(self, watchers: Sequence[Watcher] = (), clock: Callable[[], float] = time.perf_counter) -> None:
        self._watchers, self._clock = tuple(watchers), clock
        self._open: list[tuple[Span, float]] = []

    @property
    def is_told(self) -> bool:
        """Whether anybody watches."""
        return bool(self._watchers)

    def among(self, kind: type[Known]) -> Known | None:
        """Return the first watcher of a kind."""
        return next((watcher for watcher in self._watchers if isinstance(watcher, kind)), None)

    @contextmanager
    def run(self, name: str, run_id: str, subset: str) -> Iterator[None]:
        """Watch the making of one subset."""
        self.start(Span("run", name, run_id, subset, self._current))
        with self._ending():
            yield

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Watch a step of the run that is open."""
        self.start(self._inner("step", name))
        with self._ending():
            yield

    def start_node(self, name: str) -> None:
        """Say that a node of the dataflow begins; `end` says that it is done."""
        self.start(self._inner("node", name))

    def start(self, span: Span) -> None:
        """Say that something begins."""
        if self._watchers:
            self._open.append((span, self._clock()))
        for watcher in self._watchers:
            watcher.started(span)

    def end(self, error: BaseException | None = None) -> None:
        """Say that what began last has ended."""
        if not self._watchers:
            return
        span, since = self._open.pop()
        ending = Ending(span, self._clock() - since, error)
        for watcher in self._watchers:
            watcher.ended(ending)

    def progress(self, done: int, total: int | None) -> None:
        """Say how much of the innermost step is done; any thread may."""
        for watcher in self._watchers:
            watcher.progressed(done, total)

    def close(self) -> None:
        """Let watchers put away what they hold."""
        for watcher in self._watchers:
            watcher.finished()

    @property
    def _current(self) -> Span | None:
        return self._open[-1][0] if self._open else None

    def _inner(self, kind: Kind, name: str) -> Span:
        outer = self._current
        return Span(kind, name, outer.run_id if outer else "", outer.subset if outer else "", outer)

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self.end(error)
            raise
        self.end()


NOBODY = Watch()
"""Tells nobody."""
