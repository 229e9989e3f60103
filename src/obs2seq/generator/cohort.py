"""All that is drawn before the first answer: the pupils, their sessions and what they practise."""

from dataclasses import dataclass

from obs2seq.generator.curriculum import Curriculum, load_curriculum
from obs2seq.generator.model import AnswerModel, load_model
from obs2seq.generator.pupils import Pupils, draw_pupils
from obs2seq.generator.sessions import Sessions, plan_sessions


@dataclass(frozen=True)
class Cohort:
    """A school year of a number of pupils; grows with the pupils and sessions, not with the answers."""

    pupils: Pupils
    sessions: Sessions
    curriculum: Curriculum
    model: AnswerModel
    seed: int


def draw_cohort(observations: int, pupils: int, seed: int, heaviest: int | None = None) -> Cohort:
    """Draw the pupils and plan their sessions.

    Args:
        observations: Of all pupils together.
        pupils: How many; each has an observation at least.
        seed: Of the data set.
        heaviest: Observations of one pupil, at most what leaves one for each of the others. None: as it falls out.
    """
    curriculum = load_curriculum()
    drawn = draw_pupils(pupils, observations, seed, heaviest)
    return Cohort(drawn, plan_sessions(drawn, curriculum, seed), curriculum, load_model(), seed)
