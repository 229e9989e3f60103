"""When each pupil practises, for how long, and what."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from obs2seq.generator import school_year
from obs2seq.generator.curriculum import LESSONS_PER_SKILL, SKILL_BITS, Curriculum
from obs2seq.generator.draws import Integers, Purpose, Words, bits, stream, words
from obs2seq.generator.pupils import DEVICES, Pupils

_PLACE_BITS = 33
_JITTER_BITS, _SLOT_BITS, _SECOND_BITS = 14, 20, 10


@dataclass(frozen=True)
class Sessions:
    """One entry a session, in the order of their starts; some 25 bytes each."""

    pupil: npt.NDArray[np.int32]
    """0-based."""
    start: npt.NDArray[np.int32]
    """In seconds after the first midnight of the school year."""
    ends: Integers
    """How many observations this session and all before it hold."""
    ability: npt.NDArray[np.int16]
    """Of the pupil at the time, in hundredths of a logit."""
    lesson: npt.NDArray[np.int16]
    """0-based; those of a skill stand together."""
    device: npt.NDArray[np.int8]
    """An index of `DEVICES`."""

    def __len__(self) -> int:
        return len(self.pupil)

    def lengths(self, first: int, last: int) -> Integers:
        """Return how many observations each session from `first` up to `last` holds, 1 or more."""
        return np.diff(self.ends[first:last], prepend=self.ends[first - 1] if first else 0)


def plan_sessions(pupils: Pupils, curriculum: Curriculum, seed: int) -> Sessions:
    """Cut every pupil's observations into sessions and place them in the school year.

    The sessions of a pupil begin in different half hours, unless there are more sessions than half hours.
    """
    counts = np.maximum(pupils.observations // pupils.session_length, 1)
    pupil = np.repeat(np.arange(len(pupils), dtype=np.int32), counts)
    turn = np.arange(len(pupil)) - np.repeat(np.cumsum(counts) - counts, counts)
    drawn = words(stream(seed, Purpose.SESSIONS), len(pupil))
    start = _starts(pupils, counts, pupil, turn, drawn)
    length = _lengths(pupils, counts, pupil, turn, drawn)
    order = _by_start(start)
    return _sessions(pupils, curriculum, pupil[order], start[order], length[order], drawn[order])


def _sessions(
    pupils: Pupils,
    curriculum: Curriculum,
    pupil: npt.NDArray[np.int32],
    start: Integers,
    length: Integers,
    drawn: Words,
) -> Sessions:
    chosen = bits(drawn, 44, SKILL_BITS)
    lesson = curriculum.skill_by_draw[chosen] * LESSONS_PER_SKILL + bits(drawn, 54, 3)
    other = bits(drawn, 57, 7)
    return Sessions(
        pupil=pupil,
        start=start.astype(np.int32),
        ends=np.cumsum(length),
        ability=(pupils.ability[pupil] + pupils.growth[pupil] * start // school_year.SECONDS).astype(np.int16),
        lesson=lesson.astype(np.int16),
        device=np.where(other < 16, other % len(DEVICES), pupils.device[pupil]).astype(np.int8),
    )


def _lengths(pupils: Pupils, counts: Integers, pupil: npt.NDArray[Any], turn: Integers, drawn: Words) -> Integers:
    """Cut at even distances, each cut but a pupil's first moved by up to 0.8 of the distance, so that none is empty."""
    total, count = pupils.observations[pupil], counts[pupil]
    moved = bits(drawn, 0, _JITTER_BITS) * (total // count * 4 // 5) >> _JITTER_BITS
    cuts = turn * total // count + np.where(turn > 0, moved, 0)
    before = np.cumsum(pupils.observations) - pupils.observations
    lengths: Integers = np.diff(before[pupil] + cuts, append=pupils.observations.sum())
    return lengths


def _starts(pupils: Pupils, counts: Integers, pupil: npt.NDArray[Any], turn: Integers, drawn: Words) -> Integers:
    """Divide the pupil's share of the half hours evenly among the sessions, and pick one from each share."""
    slots = school_year.slots()
    span = np.clip((pupils.stayed * len(slots)).astype(np.int64), np.minimum(counts, len(slots)), None)
    joined = np.minimum((pupils.joined * len(slots)).astype(np.int64), len(slots) - span)
    low = turn * span[pupil] // counts[pupil]
    high = (turn + 1) * span[pupil] // counts[pupil]
    picked = bits(drawn, _JITTER_BITS, _SLOT_BITS) * (high - low) >> _SLOT_BITS
    starts: Integers = slots[joined[pupil] + low + picked] + bits(drawn, _JITTER_BITS + _SLOT_BITS, _SECOND_BITS)
    return starts


def _by_start(start: Integers) -> Integers:
    """Return the stable order by start: unique keys, as the order of equal ones depends on the processor."""
    keys = (start << _PLACE_BITS) | np.arange(len(start))
    keys.sort()
    return keys & ((1 << _PLACE_BITS) - 1)
