"""What is kept of a pupil's history: the newest observations, session by session, and counts of what went before."""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from obs2seq.domain.spec import SequenceSpec
from obs2seq.online.keys import Key
from obs2seq.online.windows import kept_windows, reach

IsGap = Callable[[Key, Key], bool]


@dataclass
class Session:
    """The newest observations of a session in order, column by column."""

    keys: list[Key]
    columns: list[list[Any]]
    """The values of each column that features read."""
    forgotten: int = 0
    """Observations before those."""

    @property
    def length(self) -> int:
        """All its observations."""
        return self.forgotten + len(self.keys)

    def append(self, key: Key, values: Sequence[Any]) -> None:
        """Add an observation at the end."""
        self.keys.append(key)
        for column, value in zip(self.columns, values, strict=True):
            column.append(value)

    def forget(self, n: int) -> None:
        """Let go of the first n observations that are kept."""
        self.forgotten += n
        for kept in (self.keys, *self.columns):
            del kept[:n]

    def __iter__(self) -> Iterator[tuple[Key, tuple[Any, ...]]]:
        return zip(self.keys, zip(*self.columns, strict=True), strict=True)


def sessions_of(
    observations: Sequence[tuple[Key, tuple[Any, ...]]], is_gap: IsGap | None, forgotten: int = 0
) -> list[Session]:
    """Cut observations in order into sessions, the first of which has so many more that are forgotten."""
    sessions: list[Session] = []
    before: Key | None = None
    for key, values in observations:
        if before is None or (is_gap is not None and is_gap(before, key)):
            sessions.append(Session([], [[] for _ in values]))
        sessions[-1].append(key, values)
        before = key
    if sessions:
        sessions[0].forgotten = forgotten
    return sessions


class Earlier(NamedTuple):
    """What sessions leave behind: how many they are, their kept windows, and the last of them that has one."""

    sessions: int = 0
    windows: int = 0
    shown: tuple[int, Session] | None = None

    def and_then(self, session: Session, spec: SequenceSpec) -> "Earlier":
        """Return the same with one more session."""
        windows = kept_windows(session.length, spec)
        shown = (self.sessions, session) if windows else self.shown
        return Earlier(self.sessions + 1, self.windows + windows, shown)


class History:
    """A pupil's history as far as new windows need it.

    Args:
        spec: Which windows there are.
        is_gap: Says where sessions end; None where they never do.
        keep_at_least: Observations to keep, where windows need fewer.
    """

    def __init__(self, spec: SequenceSpec, is_gap: IsGap | None, keep_at_least: int) -> None:
        self._spec, self._is_gap = spec, is_gap
        self._most = max(reach(spec), keep_at_least)
        self._sessions: deque[Session] = deque()
        self._n_kept = 0
        self._forgotten = self._closed = Earlier()

    @property
    def last_key(self) -> Key | None:
        """What the last observation is ordered by; None where there is none."""
        return self._sessions[-1].keys[-1] if self._sessions else None

    @property
    def n_kept(self) -> int:
        """How many of the newest observations late ones can find their place among."""
        return self._n_kept

    def append(self, key: Key, values: Sequence[Any]) -> None:
        """Add an observation that comes last in the order."""
        last = self._sessions[-1] if self._sessions else None
        if last is None or (self._is_gap is not None and self._is_gap(last.keys[-1], key)):
            if last is not None:
                self._closed = self._closed.and_then(last, self._spec)
            last = Session([], [[] for _ in values])
            self._sessions.append(last)
        last.append(key, values)
        self._n_kept += 1
        self._forget()

    def neighbours(self, key: Key) -> list[Key]:
        """Return the keys between which an observation belongs, as far as they are kept."""
        keys = [kept for session in self._sessions for kept in session.keys]
        place = bisect_right(keys, key)
        return keys[max(place - 1, 0) : place + 1]

    def insert(self, key: Key, values: tuple[Any, ...]) -> bool:
        """Put an observation where it belongs; False, and nothing changed, where that is before all that is kept.

        It may lengthen a session, join two, or make one of its own; so those that are kept are cut anew.
        """
        observations = [observation for session in self._sessions for observation in session]
        place = bisect_right(observations, key, key=lambda observation: observation[0])
        forgotten = self._sessions[0].forgotten
        if place == 0 and (forgotten or self._forgotten.sessions):
            return False
        observations.insert(place, (key, values))
        self._sessions = deque(sessions_of(observations, self._is_gap, forgotten))
        self._closed = self._forgotten
        for session in islice(self._sessions, len(self._sessions) - 1):
            self._closed = self._closed.and_then(session, self._spec)
        self._n_kept += 1
        self._forget()
        return True

    def newest(self) -> tuple[int, Session, int] | None:
        """Return the last session that has a kept window, its index, and how many windows the pupil has, or None."""
        if not self._sessions:
            return None
        last, closed = self._sessions[-1], self._closed
        windows = kept_windows(last.length, self._spec)
        shown = (closed.sessions, last) if windows else closed.shown
        return (*shown, closed.windows + windows) if shown else None

    def _forget(self) -> None:
        """Let go of what no window will need: of whole sessions at once, of a long one by halves."""
        while self._n_kept - len(self._sessions[0].keys) >= self._most:
            closed = self._sessions.popleft()
            self._n_kept -= len(closed.keys)
            self._forgotten = self._forgotten.and_then(closed, self._spec)
        first = self._sessions[0]
        if len(first.keys) >= 2 * self._most:
            self._n_kept -= len(first.keys) - self._most
            first.forget(len(first.keys) - self._most)
