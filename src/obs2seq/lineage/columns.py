"""What the output's columns mean, before anything has run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from obs2seq.domain.derived import derivation
from obs2seq.domain.job import Job
from obs2seq.domain.spec import (
    FIRST_POSITION,
    IS_NEW,
    IS_PAD,
    N_OBSERVATIONS,
    SEQUENCE_INDEX,
    SESSION_INDEX,
    Feature,
)
from obs2seq.domain.splits import FOLD
from obs2seq.domain.vocabularies import encoded_columns

UNITS = {"_s": "seconds", "_ms": "milliseconds", "_us": "microseconds", "_days": "days"}
"""What the end of a column's name says of its values."""
_BITS = "array<tinyint>"
_CONTRACT = {
    SESSION_INDEX: ("the session's number among the pupil's; 0 without sessions", "int", ""),
    SEQUENCE_INDEX: ("0-based among the pupil's kept sequences", "int", ""),
    FIRST_POSITION: ("position of the first real observation in its session", "int", "observations"),
    N_OBSERVATIONS: ("real observations, 1 to L", "int", "observations"),
    IS_PAD: ("1 where padding", _BITS, ""),
    IS_NEW: ("1 where no earlier window holds this observation", _BITS, ""),
}


@dataclass(frozen=True)
class OutputColumn:
    """A column of the output."""

    name: str
    meaning: str
    type: str
    """By Spark's name; `type of x` where it is that of a column of the input."""
    unit: str = ""


def output_columns(job: Job, kind: str) -> list[OutputColumn]:
    """Return the columns that settings tell; of whole observations those that have a part in the order."""
    spec = job.spec
    folds = [OutputColumn(FOLD, f"0 to {job.folds - 1}, by a hash of {spec.pupil}", "int")] if job.folds else []
    pupil = OutputColumn(spec.pupil, f"whose history: {_source(job, spec.pupil)}", f"type of {spec.pupil}")
    if kind == "observations":
        return [pupil, *(_whole(job, name) for name in spec.columns[1:]), *folds]
    contract = (OutputColumn(name, *told) for name, told in _CONTRACT.items())
    return [pupil, *contract, *(_array(job, feature) for feature in spec.features), *folds]


def _whole(job: Job, name: str) -> OutputColumn:
    if of := encoded_columns(job.spec).get(name):
        return OutputColumn(name, _ids(job, of), "int")
    return OutputColumn(name, _source(job, name), f"type of {name}", _unit(name))


def _array(job: Job, feature: Feature) -> OutputColumn:
    meaning = ", ".join(_said(job, feature))
    if feature.derive is not None:
        derived = derivation(feature.derive)
        return OutputColumn(feature.output, meaning, f"array<{derived.type}>", derived.unit or "")
    if feature.encode is not None:
        return OutputColumn(feature.output, meaning, "array<int>")
    unit = _unit(feature.name) or _unit(feature.column)
    type_of = "type of elements of" if feature.column == job.spec.explode else "type of"
    return OutputColumn(feature.output, meaning, f"array<{type_of} {feature.column}>", unit)


def _said(job: Job, feature: Feature) -> Iterator[str]:
    if feature.encode is not None:
        yield _ids(job, str(feature.of))
    elif feature.derive is None:
        yield f"{'elements' if feature.column == job.spec.explode else 'values'} of {_source(job, feature.column)}"
    else:
        of = (
            f" of {_source(job, feature.of)}" if feature.of else f" in {feature.time_zone}" if feature.time_zone else ""
        )
        yield f"{feature.derive}{of}: {derivation(feature.derive).meaning.rstrip('.')}"
    if feature.shift:
        yield f"{abs(feature.shift)} positions {'later' if feature.shift > 0 else 'earlier'}"
    yield f"padded with {feature.pad!r}"


def _ids(job: Job, column: str) -> str:
    return f"ids of {_source(job, column)} in its vocabulary"


def _source(job: Job, name: str) -> str:
    return f"{name} = {job.columns[name]}" if name in job.columns else name


def _unit(name: str) -> str:
    return next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")
