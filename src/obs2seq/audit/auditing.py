"""The audit of all subsets that a run has made, or that are published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from obs2seq.audit.checks import Period, misplaced_times, repeated_runs, shared_pupils, unseen_ids
from obs2seq.audit.facts import MANY, Asked, SubsetFacts, facts_of, id_features
from obs2seq.audit.runs import RUN
from obs2seq.domain.audit import MEANINGS, Audit, Check, Finding, look_aheads
from obs2seq.loading.data import SequenceData


def audit(
    subsets: Mapping[str, SequenceData],
    targets: Sequence[str] = (),
    periods: Mapping[str, Period] | None = None,
) -> Audit:
    """Look for leaks between subsets, and in their features.

    Reads each subset's columns once, a piece at a time, and nothing where there is nothing to compare; memory holds
    pupils, ids, and 16 bytes an observation, from a million positions on 1.5.

    Args:
        subsets: Their sequences by name, the one that a model learns from first; all made by the same settings.
        targets: Features that a model is to predict, which may look ahead.
        periods: Each subset's time, where subsets are told by time; pupils are in several then.

    Raises:
        StorageError: What is published cannot be read.
    """
    first = next(iter(subsets.values()))
    ids = id_features(first)
    is_told_by_time = periods is not None and first.spec.time_feature is not None
    facts = []
    if len(subsets) > 1 or is_told_by_time:
        n_positions = sum(len(data) * data.spec.sequence_length for data in subsets.values())
        asked = Asked(ids, is_winnowed=n_positions >= MANY, is_new_alone=periods is not None)
        facts = [facts_of(name, data, asked) for name, data in subsets.items()]
    findings: dict[Check, list[Finding]] = {
        "look_ahead": list(look_aheads(first.spec, targets)),
        "twins": list(repeated_runs(facts)),
        "unseen": list(unseen_ids(facts)),
    }
    if periods is None:
        findings["pupils"] = list(shared_pupils(facts))
    else:
        findings["times"] = list(misplaced_times(facts, periods))
    found = [finding for check in MEANINGS for finding in findings.get(check, ())]
    skipped = dict(_skipped(facts, first, ids, is_by_time=periods is not None))
    return Audit(
        runs={name: data.manifest.run_id for name, data in subsets.items()},
        targets=tuple(targets),
        checked=tuple(check for check in MEANINGS if check in findings and check not in skipped),
        skipped=skipped,
        findings=tuple(found),
    )


def _skipped(
    facts: Sequence[SubsetFacts], data: SequenceData, ids: Sequence[str], *, is_by_time: bool
) -> Iterator[tuple[Check, str]]:
    """Say which checks could not be made, and why."""
    if is_by_time and data.spec.time_feature is None:
        yield "times", f"no feature holds the time '{data.spec.order_by[0]}'"
    if len(facts) < 2:
        for check in ("pupils", "twins", "unseen"):
            yield check, "there is one subset"
    elif not any(len(each.twins) for each in facts):
        yield "twins", f"no pupil has {RUN} observations in a row"
    elif not ids:
        yield "unseen", "no feature is a text, or a whole number named id"
