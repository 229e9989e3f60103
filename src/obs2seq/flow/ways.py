"""Which of the ways to do a thing a run takes: by what it is told, and nothing else."""

from typing import Literal

from obs2seq.domain.job import Job
from obs2seq.domain.rule_sets import scope
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.split_times import TimeRange
from obs2seq.domain.vocabularies import encoded_columns
from obs2seq.flow.selection import Selection

Kind = Literal["sequences", "observations"]
"""What is made: the contract's sequences, or whole observations, checked and in order."""
Ways = dict[str, object]
"""The chosen ways to do things, by what is done."""


def ways_of_observations(spec: SequenceSpec) -> Ways:
    """Return the ways from observations that are taken as they are to sequences; nothing is counted."""
    return {**_ways(spec), "kind": "sequences", "duplicates": "unchecked", "counted": False, "context": False}


def ways_of_job(job: Job, kind: Kind) -> Ways:
    """Return the ways of a run, as its settings tell them."""
    return _counted_ways(job.spec, job.pupil_sample, kind, job.duplicates) | {
        "context": job.split_context,
        "folds": job.folds is not None,
        "assigned": job.subset_method == "stratified",
        "encoded": bool(encoded_columns(job.spec)),
        "rules": scope(job.rules),
    }


def ways_of_selection(spec: SequenceSpec, selection: Selection, kind: Kind) -> Ways:
    """Return the ways of a run, as what is selected of the input tells them."""
    return _counted_ways(spec, selection.pupil_sample, kind, selection.duplicates) | {
        "context": isinstance(selection.share, TimeRange) and selection.share.has_context,
        "folds": selection.folds is not None,
        "assigned": selection.assignment is not None,
        "encoded": bool(selection.vocabularies),
        "rules": scope(selection.rules),
    }


def _ways(spec: SequenceSpec) -> Ways:
    window_kind = "chunked" if spec.is_chunked else "overlapping"
    has_sessions, is_exploded = spec.session_gap_seconds is not None, spec.explode is not None
    return {
        "sessions": has_sessions,
        "window_kind": window_kind,
        "exploded": is_exploded,
        "lengths": "summed" if is_exploded and not has_sessions else "counted",
        "element_ids": is_exploded and spec.explode in encoded_columns(spec).values(),
    }


def _counted_ways(spec: SequenceSpec, pupil_sample: float | None, kind: Kind, duplicates: str) -> Ways:
    stage = "production" if pupil_sample is None else "development"
    return {**_ways(spec), "stage": stage, "kind": kind, "duplicates": duplicates, "counted": True}
