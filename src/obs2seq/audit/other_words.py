"""Whether one feature alone foretells the answers as they are: it may be the answer in other words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from obs2seq.audit.alone import Answers, auc
from obs2seq.audit.future import values_at_positions
from obs2seq.audit.halves import are_enough, bound, halves
from obs2seq.domain.spec import SequenceSpec
from obs2seq.kernel.columns import Array

_MOST_ROWS = 100_000
_ALMOST_PERFECT = 0.99


def answer_in_other_words(
    observations: pa.Table, spec: SequenceSpec, answer: str, targets: Sequence[str] = ()
) -> Iterator[str]:
    """Find features whose value at a position, by itself, foretells the answer there with an AUC of 0.99 or more.

    None is found where there are too few answers to say so.

    Args:
        observations: As `output: observations` publishes them, with the answers as they are; the first 100,000 count.
        spec: What makes the sequences.
        answer: The feature that holds the answers.
        targets: Features that no model sees.
    """
    values = values_at_positions(observations.slice(0, _MOST_ROWS), spec)
    outputs = {feature.name: feature.output for feature in spec.features}
    values = values[values[outputs[answer]].notna()]
    found = _numbers(values[outputs[answer]])
    is_high = (found > bound(found)).astype(np.int8)
    answers = Answers(is_high, np.zeros(len(values), bool), halves(values["pupil"].to_numpy()) == 1)
    if not are_enough(answers.now[answers.is_held]) or not are_enough(answers.now[~answers.is_held]):
        return
    for name, output in outputs.items():
        if (
            name != answer
            and name not in targets
            and auc(_numbers(values[output])[:, None], answers) >= _ALMOST_PERFECT
        ):
            yield name


def _numbers(values: pd.Series[Any]) -> Array:
    """Return numbers as they are, and everything else by which value it is."""
    is_number = pd.api.types.is_numeric_dtype(values.dtype)
    numbers: Array = (values.to_numpy() if is_number else pd.factorize(values)[0]).astype(float)
    return numbers
