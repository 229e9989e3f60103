"""How an answer turns out: the logistic model, the help taken and the time needed, as tables.

An advantage is the pupil's ability at the time minus the exercise's difficulty, in hundredths of a logit. The tables
are rounded so coarsely that they do not depend on the last digit of a machine's `exp` and `log`.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from obs2seq.generator.draws import Floats, Integers

CHANCE_BITS, HINT_BITS, PACE_BITS = 16, 6, 14
"""How many random bits decide on the result, the hints and the pace of an answer."""

MOST_HINTS = 3
_WIDEST = 800
"""Advantages beyond this count as this."""
_PACE_DEVIATION = 0.6


@dataclass(frozen=True)
class AnswerModel:
    """The tables that turn random bits into answers."""

    chance: Integers
    """Of a correct answer, in 1/65536, by advantage."""
    hints: npt.NDArray[np.int32]
    """Number of hints, by advantage and random bits."""
    pace: Floats
    """Factor on the usual time, by random bits: log-normal with median 1."""

    def correct(self, advantage: npt.NDArray[Any], drawn: Integers) -> npt.NDArray[np.bool_]:
        """Return whether each answer is correct; `drawn` are `CHANCE_BITS` random bits of each."""
        return drawn < self.chance[_row(advantage)]

    def hints_used(self, advantage: npt.NDArray[Any], drawn: Integers) -> npt.NDArray[np.int32]:
        """Return how many hints each answer took, 0 to 3; `drawn` are `HINT_BITS` random bits of each."""
        used: npt.NDArray[np.int32] = self.hints.ravel()[(_row(advantage) << HINT_BITS) + drawn]
        return used


def load_model() -> AnswerModel:
    """Return the one model that all data sets share."""
    scale = 1 << CHANCE_BITS
    chance = np.array([round(scale / (1 + math.exp(-step / 100))) for step in range(-_WIDEST, _WIDEST + 1)])
    help_wanted = (1 - chance / scale) / 2
    luck = (np.arange(1 << HINT_BITS) + 0.5) / (1 << HINT_BITS)
    chances_of_hints = np.cumprod(np.tile(help_wanted, (MOST_HINTS, 1)), axis=0)
    hints = (luck < chances_of_hints[:, :, None]).sum(axis=0, dtype=np.int32)
    return AnswerModel(chance=chance, hints=hints, pace=_pace())


def _pace() -> Floats:
    size = 1 << PACE_BITS
    normal = NormalDist(0, _PACE_DEVIATION)
    return np.array([round(math.exp(normal.inv_cdf((index + 0.5) / size)), 4) for index in range(size)])


def _row(advantage: npt.NDArray[Any]) -> Integers:
    row: Integers = np.clip(advantage, -_WIDEST, _WIDEST).astype(np.int64) + _WIDEST
    return row
