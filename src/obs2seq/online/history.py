"""What is kept of a pupil's history: the newest elements, session by session, and counts of what went before."""

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat
from typing import Any, NamedTuple

from obs2seq.domain.exploding import GROUP, IS_REPEAT
from obs2seq.domain.spec import SequenceSpec
from obs2seq.online.keys import Key
from obs2seq.online.windows import kept_windows, reach

IsGap = Callable[[Key, Key], bool]


class Element(NamedTuple):
    """What takes one position: an observation, or one of the elements of an exploded one, which share its key."""

    key: Key
    values: tuple[Any, ...]
    is_repeat: int = 0
    """1 where an element of the same observation comes before it."""


@dataclass
class Session:
    """The newest elements of a session in order, column by column."""

    keys: list[Key] = field(default_factory=list)
    columns: list[list[Any]] = field(default_factory=list)
    """The values of each column that features read; then those of `OWN_COLUMNS`."""
    forgotten: int = 0
    """Elements before those."""
    n_observations: int = 0
    """All its observations, also of elements that are forgotten."""

    @property
    def length(self) -> int:
        """All its elements."""
        return self.forgotten + len(self.keys)

    def append(self, element: Element) -> None:
        """Add an element at the end."""
        self.n_observations += 1 - element.is_repeat
        values = (*element.values, element.is_repeat, self.n_observations - 1)
        self.keys.append(element.key)
        if not self.columns:
            self.columns = [[] for _ in values]
        for column, value in zip(self.columns, values, strict=True):
            column.append(value)

    def forget(self, n: int) -> None:
        """Let go of the first n elements that are kept."""
        self.forgotten += n
        for kept in (self.keys, *self.columns):
            del kept[:n]

    @property
    def sizes(self) -> list[int]:
        """How many elements each observation has, where none is forgotten."""
        return list(Counter(self.columns[-1]).values())

    @property
    def observations_before(self) -> int:
        """How many observations begin before the first element that is kept."""
        *_, is_repeat, group = self.columns
        return int(group[0] + is_repeat[0])

    def __iter__(self) -> Iterator[Element]:
        *columns, is_repeat, _ = self.columns
        # Without a column, zip would yield nothing.
        rows = zip(*columns, strict=True) if columns else repeat(())
        return map(Element, self.keys, rows, is_repeat)


OWN_COLUMNS = (IS_REPEAT.column, GROUP.column)
"""What a session knows of its elements by itself."""


def sessions_of(
    elements: Sequence[Element], is_gap: IsGap | None, forgotten: int = 0, observations_before: int = 0
) -> list[Session]:
    """Cut elements in order into sessions, the first of which has more that are forgotten, of so many observations."""
    sessions: list[Session] = []
    before: Key | None = None
    for element in elements:
        if before is None:
            sessions.append(Session(forgotten=forgotten, n_observations=observations_before))
        elif is_gap is not None and is_gap(before, element.key):
            sessions.append(Session())
        sessions[-1].append(element)
        before = element.key
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
        keep_at_least: Elements to keep, where windows need fewer.
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
        """How many of the newest elements late ones can find their place among."""
        return self._n_kept

    def append(self, elements: Sequence[Element]) -> None:
        """Add the elements of an observation that comes last in the order."""
        key = elements[0].key
        last = self._sessions[-1] if self._sessions else None
        if last is None or (self._is_gap is not None and self._is_gap(last.keys[-1], key)):
            if last is not None:
                self._closed = self._closed.and_then(last, self._spec)
            last = Session()
            self._sessions.append(last)
        for element in elements:
            last.append(element)
        self._n_kept += len(elements)
        self._forget()

    def neighbours(self, key: Key) -> list[Key]:
        """Return the keys between which an observation belongs, as far as they are kept."""
        keys = [kept for session in self._sessions for kept in session.keys]
        place = bisect_right(keys, key)
        return keys[max(place - 1, 0) : place + 1]

    def insert(self, elements: Sequence[Element]) -> bool:
        """Put an observation's elements where they belong; False, and nothing changed, where that is before all kept.

        It may lengthen a session, join two, or make one of its own; so those that are kept are cut anew.
        """
        kept = [element for session in self._sessions for element in session]
        place = bisect_right(kept, elements[0].key, key=lambda element: element.key)
        first = self._sessions[0]
        if place == 0 and (first.forgotten or self._forgotten.sessions):
            return False
        kept[place:place] = elements
        self._sessions = deque(sessions_of(kept, self._is_gap, first.forgotten, first.observations_before))
        self._closed = self._forgotten
        for session in islice(self._sessions, len(self._sessions) - 1):
            self._closed = self._closed.and_then(session, self._spec)
        self._n_kept += len(elements)
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
