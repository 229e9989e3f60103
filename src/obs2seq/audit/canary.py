"""The canary: where answers are coin flips, nothing that a model sees may predict them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from zlib import crc32

import numpy as np

from obs2seq.domain.audit import Predictability
from obs2seq.domain.exploding import IS_REPEAT
from obs2seq.domain.spec import IS_NEW, IS_PAD, SequenceSpec
from obs2seq.errors import ConfigurationError, DataError
from obs2seq.kernel.columns import Array
from obs2seq.loading.arrays import Batch
from obs2seq.loading.data import SequenceData

_Z = 2.5758293035489004
"""99 % of a normal distribution lie within so many standard deviations."""
_MOST_POSITIONS = 200_000
_FEWEST_ANSWERS = 50
_ANSWER, _HALF = "answer", "half"  # no feature has such a name here: theirs are quoted


def predictability(data: SequenceData, answer: str, targets: Sequence[str]) -> Predictability:
    """Fit a model to one half of the pupils and predict the answers of the other half.

    It sees, at each position, every feature but the answer and the targets, and all of the position before, the answer
    too. Elements of an observation that come after its first are not judged: their answer stands before them. Memory
    holds some 200,000 positions of all features.

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
    visible, answers, halves = _positions(data, answer, targets)
    if not visible:
        raise ConfigurationError("canary", "expected features that a model sees, found none beside the targets")
    fitted, held = halves == 0, halves == 1
    for half in (fitted, held):
        _require_enough(answers[half])
    names, values = list(visible), np.column_stack(list(visible.values()))
    model = HistGradientBoostingClassifier(max_iter=50, random_state=0).fit(values[fitted], answers[fitted])
    auc = float(roc_auc_score(answers[held], model.predict_proba(values[held])[:, 1]))
    alone = [abs(roc_auc_score(answers[held], np.nan_to_num(column[held])) - 0.5) for column in visible.values()]
    ones = int(answers[held].sum())
    zeros = len(answers[held]) - ones
    margin = _Z * math.sqrt((ones + zeros + 1) / (12 * ones * zeros))
    telling = names[int(np.argmax(alone))]
    return Predictability(ones + zeros, auc, margin, telling, passes_over_repeats=data.spec.explode is not None)


def _positions(data: SequenceData, answer: str, targets: Sequence[str]) -> tuple[Mapping[str, Array], Array, Array]:
    """Return what is visible at each new position, the answer there, and the half that its pupil belongs to."""
    words = dict(_vocabularies(data))
    columns = [*(feature.output for feature in data.spec.features), IS_NEW, IS_PAD, data.spec.pupil]
    parts: list[dict[str, Array]] = []
    for batch in data.batches(max(_MOST_POSITIONS // data.spec.sequence_length // 8, 1), columns, vocabularies=words):
        parts.append(_part(batch, data.spec, answer, targets))
        if sum(len(part[_ANSWER]) for part in parts) >= _MOST_POSITIONS:
            break
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return joined, _binary(joined.pop(_ANSWER)), joined.pop(_HALF)


def _part(batch: Batch, spec: SequenceSpec, answer: str, targets: Sequence[str]) -> dict[str, Array]:
    """Return the same of a batch, and the answers as they are."""
    rows, places = np.nonzero(_is_judged(batch, spec))
    before = np.maximum(places - 1, 0)
    is_first = (places == 0) | batch[IS_PAD][rows, before]
    part = {_HALF: _halves(batch[spec.pupil])[rows]}
    for feature in spec.features:
        values = batch[feature.output]
        if feature.name == answer:
            part[_ANSWER] = values[rows, places]
        elif feature.name not in targets:
            part[f"'{feature.name}'"] = _numbers(values[rows, places])
        if feature.name not in targets:
            part[f"'{feature.name}' of the position before"] = np.where(
                is_first, np.nan, _numbers(values[rows, before])
            )
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


def _halves(pupils: Array) -> Array:
    """Deal pupils to two halves by their text, so that it does not matter where they stand."""
    return np.fromiter((crc32(str(pupil).encode()) & 1 for pupil in pupils), np.int8, len(pupils))


def _binary(answers: Array) -> Array:
    known = np.unique(answers)
    bound = known[-1] if len(known) == 2 else np.median(_numbers(answers))
    is_high: Array = (answers == bound) if len(known) == 2 else (_numbers(answers) > bound)
    return is_high.astype(np.int8)


def _require_enough(answers: Array) -> None:
    ones = int(answers.sum())
    zeros = len(answers) - ones
    if min(ones, zeros) < _FEWEST_ANSWERS:
        problem = (
            f"expected {_FEWEST_ANSWERS} answers of each kind in each half of the pupils, found {ones} and {zeros}"
        )
        raise DataError("canary", problem, "give more observations")
