"""What there is to practise: skills, lessons and exercises, the same for every seed."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from obs2seq.generator.draws import Integers, Purpose, bell, lookup, stream, words

SKILLS = (
    "counting to 100",
    "addition to 20",
    "subtraction to 20",
    "doubling and halving",
    "comparing numbers",
    "times tables of 2",
    "times tables of 10",
    "times tables of 5",
    "addition to 100",
    "subtraction to 100",
    "telling the time",
    "money",
    "times tables of 3",
    "times tables of 4",
    "rounding",
    "times tables of 6",
    "times tables of 9",
    "times tables of 8",
    "times tables of 7",
    "measuring length",
    "place value",
    "addition in columns",
    "subtraction in columns",
    "division by one digit",
    "missing numbers",
    "perimeter",
    "weight and volume",
    "multiplication in columns",
    "area",
    "reading graphs",
    "division with remainder",
    "decimal numbers",
    "fractions",
    "averages",
    "adding fractions",
    "percentages",
    "ratios",
    "negative numbers",
    "multiplying fractions",
    "order of operations",
)
"""From easy to hard."""

EXERCISES_PER_SKILL = 50
LESSONS_PER_SKILL = 8
SKILL_BITS, EXERCISE_BITS = 10, 12
"""How many random bits choose a skill, and an exercise of a skill."""

_USUAL_MS = 6_000


@dataclass(frozen=True)
class Curriculum:
    """The exercises, in the order of exercise_id, which starts at 1; those of a skill stand together."""

    difficulty: npt.NDArray[np.int16]
    """Of each exercise, in hundredths of a logit."""
    usual_ms: Integers
    """The median time that an answer to each exercise takes."""
    skill_by_draw: Integers
    """Skills, each as often as it is popular."""
    exercise_by_draw: Integers
    """Places within a skill, each as often as it is popular."""


def load_curriculum() -> Curriculum:
    """Return the one curriculum that all data sets share."""
    skills, places = len(SKILLS), EXERCISES_PER_SKILL
    drawn = words(stream(0, Purpose.CURRICULUM), skills * places)
    levels = np.repeat(np.arange(skills) * 300 // (skills - 1) - 150, places)
    difficulty = np.rint(levels + 60 * bell(drawn)).astype(np.int16)
    return Curriculum(
        difficulty=difficulty,
        usual_ms=np.array([round(_USUAL_MS * math.exp(0.35 * hundredths / 100)) for hundredths in difficulty.tolist()]),
        skill_by_draw=lookup([1_000_000 // (17 * skill % skills + 3) for skill in range(skills)], 1 << SKILL_BITS),
        exercise_by_draw=lookup([1_000_000 // (7 * place % places + 2) for place in range(places)], 1 << EXERCISE_BITS),
    )
