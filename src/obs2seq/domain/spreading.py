"""Where a long history is cut, so that several tasks share one: arithmetic over counts, without the observations.

An interval is a stretch of time, so that equal times stay together. A part is some intervals in a row, and is one
task's work; it holds the neighbouring intervals too, as far as its own windows and shifts reach.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from operator import attrgetter

from obs2seq.domain.spec import SequenceSpec


@dataclass(frozen=True, order=True)
class Interval:
    """What an interval holds of a pupil's history; it is not empty. Places in it count from 0."""

    pupil: int
    number: int
    """Ascending in time."""
    n: int
    """Observations."""
    is_start: bool
    """Whether the first of them begins a session; that of a history always does."""
    n_starts: int = 0
    """How many of the others begin one."""
    first_start: int | None = None
    last_start: int | None = None
    kept_inside: int = 0
    """Kept sequences of the sessions between the first and the last of `n_starts`."""


@dataclass(frozen=True)
class Part:
    """A task's share of a history, and what it cannot count by itself."""

    number: int
    """Among all parts of all pupils, from 1."""
    pupil: int
    own: tuple[int, ...]
    """The intervals whose windows it makes."""
    members: tuple[int, ...]
    """The intervals that it holds: its own, and what these reach."""
    skipped: int
    """Observations of the pupil before its first."""
    first_session: int
    """The session of its first observation,"""
    session_start: int
    """and where in the history that begins."""
    last_session: int
    """The session of its last observation,"""
    last_end: int
    """and where in the history that ends."""
    kept_before: int
    """The pupil's kept sequences before `first_session`,"""
    kept_total: int
    """and in all."""


@dataclass(frozen=True)
class _Placed:
    """An interval in its history."""

    interval: Interval
    at: int
    """Where in the history it begins,"""
    end: int
    """and where it ends."""
    session: int
    """The session of its first observation,"""
    session_start: int
    """and where in the history that begins."""
    last_session: int
    last_start: int
    """The same of its last observation."""


def parts_of(intervals: Iterable[Interval], spec: SequenceSpec, size: int) -> list[Part]:
    """Cut the histories of some pupils into parts of about `size` observations, at the bounds of intervals."""
    numbers = count(1)
    by_pupil = groupby(sorted(intervals), attrgetter("pupil"))
    return [part for _, found in by_pupil for part in _parts_of_history(_placed(found), spec, size, numbers)]


def kept_sequences(spec: SequenceSpec, length: int) -> int:
    """Return the number of windows of a session of so many observations that `min_length` leaves."""
    before_the_last = -(-max(length - spec.sequence_length, 0) // spec.stride)
    return before_the_last + (length - before_the_last * spec.stride >= spec.min_length)


def _parts_of_history(
    placed: Sequence[_Placed], spec: SequenceSpec, size: int, numbers: Iterator[int]
) -> Iterator[Part]:
    ends = _last_ends(placed)
    kept = _kept_before(placed, ends, spec)
    behind, ahead = _reach(spec)
    for _, group in groupby(placed, lambda one: one.at // size):
        own = list(group)
        since, until = own[0].at - behind, own[-1].end + ahead
        held = [i for i, one in enumerate(placed) if one.at < until and one.end > since]
        first, last = placed[held[0]], placed[held[-1]]
        yield Part(
            number=next(numbers),
            pupil=first.interval.pupil,
            own=tuple(one.interval.number for one in own),
            members=tuple(placed[i].interval.number for i in held),
            skipped=first.at,
            first_session=first.session,
            session_start=first.session_start,
            last_session=last.last_session,
            last_end=ends[held[-1]],
            kept_before=kept[held[0]],
            kept_total=kept[-1],
        )


def _placed(intervals: Iterable[Interval]) -> list[_Placed]:
    placed: list[_Placed] = []
    at, session, start = 0, -1, 0
    for one in intervals:
        if one.is_start or not placed:
            session, start = session + 1, at
        first_session, first_start = session, start
        if one.last_start is not None:
            session, start = session + one.n_starts, at + one.last_start
        placed.append(_Placed(one, at, at + one.n, first_session, first_start, session, start))
        at += one.n
    return placed


def _last_ends(placed: Sequence[_Placed]) -> list[int]:
    """Return for each interval where the session of its last observation ends."""
    ends, end = [], placed[-1].end
    for one in reversed(placed):
        ends.append(end)
        if one.session_start == one.at:
            end = one.at
        elif one.interval.first_start is not None:
            end = one.at + one.interval.first_start
    return ends[::-1]


def _kept_before(placed: Sequence[_Placed], ends: Sequence[int], spec: SequenceSpec) -> list[int]:
    """Return for each interval the kept sequences before the session of its first observation; at the end, all."""
    kept, begun = [], 0
    for i, (one, end) in enumerate(zip(placed, ends, strict=True)):
        begins = one.session_start == one.at
        kept.append(begun if begins else begun - kept_sequences(spec, ends[i - 1] - one.session_start))
        first_start = one.interval.first_start
        begun += one.interval.kept_inside
        if begins and first_start is not None:
            begun += kept_sequences(spec, first_start)
        if begins or first_start is not None:
            begun += kept_sequences(spec, end - one.last_start)
    return [*kept, begun]


def _reach(spec: SequenceSpec) -> tuple[int, int]:
    """Return how many observations before and after its own a part needs for its windows and shifts."""
    shifts = [feature.shift for feature in spec.features]
    behind, ahead = max(0, -min(shifts)), max(0, *shifts)
    further = spec.sequence_length - 1
    return (behind, ahead + further) if spec.align == "start" else (behind + further, ahead)
