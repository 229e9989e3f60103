"""Who the pupils are, and how active."""

from dataclasses import dataclass

import numpy as np

from obs2seq.generator.draws import Floats, Integers, Purpose, Words, bell, bits, fraction, stream, words

DEVICES = ("tablet", "laptop", "phone")
PUPILS_PER_SCHOOL = 250

_MOST_ACTIVE = 100.0
"""The activity above which no pupil goes, where the average is 1: more would not fit into a school year."""
_DEVICE_BY_DRAW = np.array([0] * 9 + [1] * 5 + [2] * 2)


@dataclass(frozen=True)
class Pupils:
    """One entry a pupil, in the order of pupilid, which starts at 1."""

    observations: Integers
    """Of the whole year, 1 or more."""
    session_length: Integers
    """In observations, on average."""
    joined: Floats
    """When the pupil begins, as a fraction of the year's slots."""
    stayed: Floats
    """How long the pupil goes on, as a fraction of the year's slots."""
    ability: Integers
    """At the start of the school year, in hundredths of a logit."""
    growth: Integers
    """Of the ability over the school year, in hundredths of a logit; above 0."""
    school: Integers
    """1-based."""
    device: Integers
    """The usual one, as an index of `DEVICES`."""

    def __len__(self) -> int:
        return len(self.observations)


def draw_pupils(count: int, observations: int, seed: int, heaviest: int | None = None) -> Pupils:
    """Draw the pupils and share out all observations among them.

    Args:
        count: Of pupils.
        observations: To share out, as many as pupils or more.
        seed: Of the data set.
        heaviest: Observations of one pupil, whom the seed picks; must leave one for each of the others. None: nobody
            is singled out.
    """
    drawn = words(stream(seed, Purpose.PUPILS), 4 * count).reshape(count, 4)
    person, start, ability, growth = (np.ascontiguousarray(column) for column in drawn.T)
    joined = fraction(start, 0, 16) ** 2 * 0.4
    return Pupils(
        observations=_share_out(observations, person, heaviest),
        session_length=8 + bits(person, 32, 4),
        joined=joined,
        stayed=(1 - joined) * (1 - fraction(start, 16, 16) ** 2 * 0.5),
        ability=np.rint(60 + 100 * bell(ability)).astype(np.int64),
        growth=np.maximum(np.rint(100 + 40 * bell(growth)), 10).astype(np.int64),
        school=1 + _schools(count, start),
        device=_DEVICE_BY_DRAW[bits(person, 36, 4)],
    )


def _schools(count: int, drawn: Words) -> Integers:
    """Return a 0-based school for each pupil; some schools are a few times larger than others."""
    schools = -(-count // PUPILS_PER_SCHOOL)
    return np.floor(fraction(drawn, 32, 32) ** 2 * schools).astype(np.int64)


def _share_out(observations: int, drawn: Words, heaviest: int | None) -> Integers:
    weights = _activity(drawn)
    if heaviest is None:
        return _apportion(observations, weights)
    chosen = int(drawn[0] % np.uint64(len(drawn)))
    others = _apportion(observations - heaviest, np.delete(weights, chosen))
    return np.insert(others, chosen, heaviest)


def _activity(drawn: Words) -> Floats:
    """Return weights with a heavy tail: a Lomax distribution of shape 2, of which the average is 1, the median 0.41."""
    weights = 1 / np.sqrt(1 - fraction(drawn, 0, 32)) - 1
    return np.clip(weights, 0.01, _MOST_ACTIVE)


def _apportion(total: int, weights: Floats) -> Integers:
    """Return whole numbers of 1 or more, near proportional to the weights, whose sum is the total exactly."""
    if not len(weights):
        return np.empty(0, dtype=np.int64)
    cumulative = np.cumsum(weights)
    reached = np.floor(cumulative / cumulative[-1] * (total - len(weights))).astype(np.int64)
    shares: Integers = 1 + np.diff(reached, prepend=0)
    return shares
