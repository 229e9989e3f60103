"""The answers of a cohort, in the order of time, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.random import PCG64

from obs2seq.generator import draws
from obs2seq.generator.cohort import Cohort
from obs2seq.generator.curriculum import EXERCISE_BITS, EXERCISES_PER_SKILL, LESSONS_PER_SKILL
from obs2seq.generator.draws import Integers, Purpose, Words
from obs2seq.generator.model import CHANCE_BITS, HINT_BITS, PACE_BITS

_PLACE_BITS = 32
_PACE_FIRST = EXERCISE_BITS
_CHANCE_FIRST = _PACE_FIRST + PACE_BITS
_HINT_FIRST = _CHANCE_FIRST + CHANCE_BITS
_TIE_FIRST, _TIE_BITS, _TIES = _HINT_FIRST + HINT_BITS, 6, 2
"""2 of 64 answers count as given in the second of the one before: both were fields of one form."""
_NULL_FIRST, _NULL_BITS, _NULLS = _TIE_FIRST + _TIE_BITS, 10, 10
"""10 of 1024 durations were not recorded."""
_PAUSE_S = 2


@dataclass(frozen=True)
class Answers:
    """Answers in the order of time; one entry each."""

    pupil: npt.NDArray[np.int32]
    """0-based."""
    second: Integers
    """Since the first midnight of the school year."""
    exercise: Integers
    """0-based."""
    advantage: npt.NDArray[np.int16]
    """The pupil's ability at the time minus the exercise's difficulty, in hundredths of a logit."""
    is_correct: npt.NDArray[np.bool_]
    duration_ms: Integers
    is_duration_null: npt.NDArray[np.bool_]
    hints: npt.NDArray[np.int32]
    lesson: npt.NDArray[np.int16]
    """0-based."""
    device: npt.NDArray[np.int8]
    """An index of `DEVICES`."""
    school: Integers
    """1-based."""

    def __len__(self) -> int:
        return len(self.pupil)


@dataclass(frozen=True)
class _Drawn:
    """Answers of which all is decided but not yet looked up; one entry each."""

    second: Integers
    session: Integers
    exercise: Integers
    duration_ms: Integers
    word: Words

    def __getitem__(self, chosen: slice | Integers) -> _Drawn:
        return _Drawn(*(column[chosen] for column in self._columns()))

    def __add__(self, later: _Drawn) -> _Drawn:
        pairs = zip(self._columns(), later._columns(), strict=True)
        return _Drawn(*(np.concatenate(pair) for pair in pairs))

    def _columns(self) -> list[npt.NDArray[Any]]:
        return [getattr(self, field.name) for field in fields(self)]


def answers(cohort: Cohort, rows_per_chunk: int) -> Iterator[Answers]:
    """Yield all answers, ordered by time over all chunks, in chunks of 1 up to `rows_per_chunk`.

    Held at a time are about one chunk and the sessions that are open at its end. What is yielded, taken together, does
    not depend on `rows_per_chunk`.
    """
    source = draws.stream(cohort.seed, Purpose.ANSWERS)
    starts = cohort.sessions.start
    waiting = _draw(cohort, 0, 0, source)
    first, total = 0, len(cohort.sessions)
    while first < total:
        last = _block_end(cohort.sessions.ends, first, max(rows_per_chunk - len(waiting.second), rows_per_chunk // 2))
        drawn = _by_time(waiting + _draw(cohort, first, last, source))
        is_last = last == total
        ready = len(drawn.second) if is_last else int(np.searchsorted(drawn.second, starts[last], side="right"))
        for offset in range(0, ready, rows_per_chunk):
            yield _look_up(cohort, drawn[offset : min(offset + rows_per_chunk, ready)])
        first, waiting = last, drawn[ready:]


def _block_end(ends: Integers, first: int, rows: int) -> int:
    """Return the end of the sessions from `first` on that hold at most so many rows: one session at least."""
    before = int(ends[first - 1]) if first else 0
    return max(int(np.searchsorted(ends, before + rows, side="right")), first + 1)


def _draw(cohort: Cohort, first: int, last: int, source: PCG64) -> _Drawn:
    """Draw the answers of the sessions from `first` up to `last`, session by session."""
    lengths = cohort.sessions.lengths(first, last)
    session = np.repeat(np.arange(first, last), lengths)
    word = draws.words(source, len(session))
    place = cohort.curriculum.exercise_by_draw[draws.bits(word, 0, EXERCISE_BITS)]
    skills = cohort.sessions.lesson[first:last].astype(np.int64) // LESSONS_PER_SKILL
    exercise = np.repeat(skills * EXERCISES_PER_SKILL, lengths) + place
    pace = cohort.model.pace[draws.bits(word, _PACE_FIRST, PACE_BITS)]
    duration_ms = np.rint(cohort.curriculum.usual_ms[exercise] * pace).astype(np.int64)
    second = _seconds(cohort.sessions.start[first:last], lengths, duration_ms, word)
    return _Drawn(second, session, exercise, duration_ms, word)


def _seconds(start: npt.NDArray[np.int32], lengths: Integers, duration_ms: Integers, word: Words) -> Integers:
    """Return when each answer was given: a session's first at its start, the others in turn, or in the same second."""
    is_tie = draws.bits(word, _TIE_FIRST, _TIE_BITS) < _TIES
    elapsed = np.cumsum(np.where(is_tie, 0, _PAUSE_S + duration_ms // 1000))
    firsts = np.cumsum(lengths) - lengths
    seconds: Integers = elapsed + np.repeat(start - elapsed[firsts], lengths)
    return seconds


def _by_time(drawn: _Drawn) -> _Drawn:
    """Order by time, stably: by unique keys, as the order of equal ones depends on the processor."""
    keys = (drawn.second << _PLACE_BITS) | np.arange(len(drawn.second))
    keys.sort()
    ordered = drawn[keys & ((1 << _PLACE_BITS) - 1)]
    return replace(ordered, second=keys >> _PLACE_BITS)


def _look_up(cohort: Cohort, drawn: _Drawn) -> Answers:
    sessions, session, word = cohort.sessions, drawn.session, drawn.word
    pupil = sessions.pupil[session]
    advantage = sessions.ability[session] - cohort.curriculum.difficulty[drawn.exercise]
    return Answers(
        pupil=pupil,
        second=drawn.second,
        exercise=drawn.exercise,
        advantage=advantage,
        is_correct=cohort.model.correct(advantage, draws.bits(word, _CHANCE_FIRST, CHANCE_BITS)),
        duration_ms=drawn.duration_ms,
        is_duration_null=draws.bits(word, _NULL_FIRST, _NULL_BITS) < _NULLS,
        hints=cohort.model.hints_used(advantage, draws.bits(word, _HINT_FIRST, HINT_BITS)),
        lesson=sessions.lesson[session],
        device=sessions.device[session],
        school=cohort.pupils.school[pupil],
    )
