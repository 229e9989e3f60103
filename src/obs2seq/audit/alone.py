"""What one feature tells of the answers by itself: among many others, a model may pass over the one that tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from obs2seq.kernel.columns import Array

BEFORE = " of the position before"
"""Ends the name of what a feature was at the position before."""
MOST_POSITIONS = 50_000
"""So many positions, drawn at random, are looked at for each feature."""
_FEWEST_IN_LEAF = 20


@dataclass(frozen=True)
class Answers:
    """The answers of positions.

    Args:
        now: 1 where the answer is the higher of two kinds, else 0.
        was_high: The same of the answer before, where a model sees it; elsewhere False.
        is_held: Whether the position's pupil is of the half that is predicted.
    """

    now: Array
    was_high: Array
    is_held: Array

    def __getitem__(self, rows: Array) -> Answers:
        return Answers(self.now[rows], self.was_high[rows], self.is_held[rows])


def sample(positions: int) -> Array:
    """Return the places of the positions to look at."""
    if positions <= MOST_POSITIONS:
        return np.arange(positions)
    return np.sort(np.random.default_rng(0).choice(positions, MOST_POSITIONS, replace=False))


def aucs_alone(visible: Mapping[str, Array], answers: Answers) -> dict[str, float]:
    """Return how well the answers follow from each feature, and from the answer before: by name, the AUC.

    Of a feature is seen what it is, what it was at the position before, and the difference. A tree is fitted for
    each answer before apart: of a count of right answers, and of wrong ones, it says which of them went up.
    """
    found: dict[str, float] = {}
    for name, now in visible.items():
        before = visible.get(name + BEFORE)
        if before is not None:
            found[name] = auc(np.column_stack([now, before, now - before]), answers)
        elif name.removesuffix(BEFORE) not in visible:
            found[name] = auc(now[:, None], answers)
    return found


def auc(seen: Array, answers: Answers) -> float:
    """Fit a tree to the one half of the pupils for each answer before, and judge it by the other half."""
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    likely = np.full(len(answers.now), 0.5)
    for was_high in (False, True):
        fitted, held = (answers.is_held == is_held for is_held in (False, True))
        fitted, held = fitted & (answers.was_high == was_high), held & (answers.was_high == was_high)
        if held.any() and len(np.unique(answers.now[fitted])) == 2:
            tree = DecisionTreeClassifier(min_samples_leaf=_FEWEST_IN_LEAF, random_state=0)
            likely[held] = tree.fit(seen[fitted], answers.now[fitted]).predict_proba(seen[held])[:, 1]
    return float(roc_auc_score(answers.now[answers.is_held], likely[answers.is_held]))
