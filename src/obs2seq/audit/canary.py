"""The canary: where answers are coin flips, nothing that a model sees may predict them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist

import numpy as np

from obs2seq.audit.alone import BEFORE, Answers, aucs_alone, sample
from obs2seq.audit.halves import FEWEST_ANSWERS, are_enough, bound, halves
from obs2seq.domain.audit import Foretold, Predictability
from obs2seq.domain.exploding import IS_REPEAT
from obs2seq.domain.spec import IS_NEW, IS_PAD, SequenceSpec
from obs2seq.errors import ConfigurationError, DataError
from obs2seq.kernel.columns import Array
from obs2seq.loading.arrays import Batch
from obs2seq.loading.data import SequenceData

_ALARMS = 0.01
"""In so many cases chance alone brings one AUC at least out of its bounds."""
_MOST_POSITIONS = 200_000
_ANSWER, _HALF = "answer", "half"  # no feature has such a name here: theirs are quoted


def predictability(data: SequenceData, answer: str, targets: Sequence[str]) -> Predictability:
    """Fit models to one half of the pupils and predict the answers of the other half.

    One sees, at each position, every feature but the answer and the targets, and all of the position before, the answer
    too. Others see one feature each, and the answer before. Elements of an observation that come after its first are
    not judged: their answer stands before them. Memory holds some 200,000 positions of all features.

    Args:
        data: Sequences.
        answer: The feature to predict; it has two values, or is split at its median.
        targets: Features that no model sees.

    Raises:
        ConfigurationError: scikit-learn is not installed.
        DataError: There are too few answers, or all are the same.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.metrics import roc_auc_score
    except ModuleNotFoundError as error:
        problem = f"expected scikit-learn to be installed, found no module '{error.name}'"
        raise ConfigurationError("canary", problem, "pip install 'obs2seq[audit]'") from error
    visible, answers = _positions(data, answer, targets)
    if not visible:
        raise ConfigurationError("canary", "expected features that a model sees, found none beside the targets")
    fitted, held = ~answers.is_held, answers.is_held
    for half in (fitted, held):
        _require_enough(answers.now[half])
    values = np.column_stack(list(visible.values()))
    model = HistGradientBoostingClassifier(max_iter=50, random_state=0).fit(values[fitted], answers.now[fitted])
    auc = float(roc_auc_score(answers.now[held], model.predict_proba(values[held])[:, 1]))
    rows = sample(len(answers.now))
    alone = aucs_alone({name: column[rows] for name, column in visible.items()}, answers[rows])
    tests = 1 + len(alone)
    each = {name: _foretold(name, found, answers[rows], tests) for name, found in alone.items()}
    return Predictability(
        together=_foretold("all features", auc, answers, tests),
        alone=_most_telling(each, f"'{answer}'{BEFORE}"),
        features=len(alone),
        passes_over_repeats=data.spec.explode is not None,
    )


def _foretold(name: str, auc: float, answers: Answers, tests: int) -> Foretold:
    """Say within which bounds chance holds an AUC, where so many of them are looked at."""
    ones = int(answers.now[answers.is_held].sum())
    n = int(answers.is_held.sum())
    deviation = math.sqrt((n + 1) / (12 * ones * (n - ones)))
    return Foretold(name, n, auc, NormalDist().inv_cdf(1 - _ALARMS / tests / 2) * deviation)


def _most_telling(alone: Mapping[str, Foretold], history: str) -> Foretold:
    """Return what is farthest from chance; it is the answer before, which all the others see, where that tells."""
    if history in alone and not alone[history].is_chance:
        return alone[history]
    return max(alone.values(), key=lambda each: abs(each.auc - 0.5))


def _positions(data: SequenceData, answer: str, targets: Sequence[str]) -> tuple[Mapping[str, Array], Answers]:
    """Return what is visible at each new position, and the answers."""
    words = dict(_vocabularies(data))
    columns = [*(feature.output for feature in data.spec.features), IS_NEW, IS_PAD, data.spec.pupil]
    parts: list[dict[str, Array]] = []
    for batch in data.batches(max(_MOST_POSITIONS // data.spec.sequence_length // 8, 1), columns, vocabularies=words):
        parts.append(_part(batch, data.spec, answer, targets))
        if sum(len(part[_ANSWER]) for part in parts) >= _MOST_POSITIONS:
            break
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    answers, is_held = _numbers(joined.pop(_ANSWER)), joined.pop(_HALF) == 1
    high = bound(answers)
    was = joined.get(f"'{answer}'{BEFORE}", np.full(len(answers), np.nan))
    return joined, Answers((answers > high).astype(np.int8), was > high, is_held)


def _part(batch: Batch, spec: SequenceSpec, answer: str, targets: Sequence[str]) -> dict[str, Array]:
    """Return the same of a batch, and the answers as they are."""
    rows, places = np.nonzero(_is_judged(batch, spec))
    before = np.maximum(places - 1, 0)
    is_first = (places == 0) | batch[IS_PAD][rows, before]
    part = {_HALF: halves(batch[spec.pupil])[rows]}
    for feature in spec.features:
        values = batch[feature.output]
        if feature.name == answer:
            part[_ANSWER] = values[rows, places]
        elif feature.name not in targets:
            part[f"'{feature.name}'"] = _numbers(values[rows, places])
        if feature.name not in targets:
            part[f"'{feature.name}'{BEFORE}"] = np.where(is_first, np.nan, _numbers(values[rows, before]))
    return part


def _is_judged(batch: Batch, spec: SequenceSpec) -> Array:
    """Return where an answer stands for the first time."""
    is_real = batch[IS_NEW] & ~batch[IS_PAD]
    return is_real if spec.explode is None else is_real & (batch[IS_REPEAT.output] == 0)


def _vocabularies(data: SequenceData) -> Iterator[tuple[str, Sequence[str]]]:
    for feature in data.spec.features:
        if data.manifest.columns[feature.output] == "array<string>":
            yield feature.output, data.vocabulary(feature.output)


def _numbers(values: Array) -> Array:
    numbers: Array = (values.astype(np.int64) if values.dtype.kind == "M" else values).astype(float)
    return numbers


def _require_enough(answers: Array) -> None:
    if not are_enough(answers):
        ones = int(answers.sum())
        found = f"{ones} and {len(answers) - ones}"
        problem = f"expected {FEWEST_ANSWERS} answers of each kind in each half of the pupils, found {found}"
        raise DataError("canary", problem, "give more observations")
