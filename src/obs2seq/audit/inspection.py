"""The audit as a part of every run: before any subset is published, all of them are compared."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

from pydantic import ValidationError

from obs2seq.audit.auditing import audit
from obs2seq.audit.periods import periods_of
from obs2seq.domain.audit import AUDIT, MEANINGS, Audit
from obs2seq.domain.locations import join
from obs2seq.loading.opening import sequences_of
from obs2seq.ports import FinishedRun, Storage

logger = logging.getLogger(__name__)


class AuditInspection:
    """Audits the subsets of a run, unless that has been done, and leaves the outcome in each run's folder.

    Args:
        storage: Where the outcome is written.
        targets: Features that a model is to predict.
    """

    def __init__(self, storage: Storage, targets: Sequence[str] = ()) -> None:
        self._storage, self._targets = storage, targets

    def audited(self, runs: Sequence[FinishedRun]) -> Audit:
        """Return the outcome for runs of sequences."""
        named = {run.manifest.subset: run.manifest.run_id for run in runs}
        stored = [self._stored(run) for run in runs]
        if (known := stored[0]) and all(each == known for each in stored) and self._is_of(known, named):
            return known
        sequences = {run.manifest.subset: sequences_of(run.manifest, run.location) for run in runs}
        outcome = audit(sequences, self._targets, periods_of(next(iter(sequences.values()))))
        for run in runs:
            self._storage.write_text(join(run.location, AUDIT), outcome.model_dump_json(indent=2) + "\n")
        return outcome

    def _stored(self, run: FinishedRun) -> Audit | None:
        stored = self._storage.read_text(join(run.location, AUDIT))
        with suppress(ValidationError):  # what cannot be read is made anew
            return Audit.model_validate_json(stored.text) if stored else None
        return None

    def _is_of(self, known: Audit, runs: Mapping[str, str]) -> bool:
        return known.runs == runs and known.targets == tuple(self._targets)


def log(outcome: Audit) -> None:
    """Log what was found, and what could not be checked."""
    for finding in outcome.findings:
        logger.warning("audit: %s: %s", "leak" if finding.is_leak else "noted", finding)
    for check, why in outcome.skipped.items():
        logger.info("audit: not checked whether %s: %s", MEANINGS[check], why)
    if not outcome.leaks:
        logger.info("audit: no leak in %d checks", len(outcome.checked))
