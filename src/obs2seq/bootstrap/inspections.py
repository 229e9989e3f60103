"""What looks at a run before it is published: the audit, and the report on it all."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from obs2seq.domain.audit import leaked, look_aheads, require_targets
from obs2seq.ports import FinishedRun, Inspection, Storage
from obs2seq.report.attempts import attempt
from obs2seq.report.installed import require_installed
from obs2seq.settings import Settings
from obs2seq.tracing.watch import NOBODY, Watch

logger = logging.getLogger(__name__)


def inspections(settings: Settings, storage: Storage, watch: Watch = NOBODY) -> Sequence[Inspection]:
    """Return what the settings ask for; raise for a leak that the settings alone show."""
    require_targets(settings.spec, settings.targets)
    if settings.audit == "fail" and (leaks := list(look_aheads(settings.spec, settings.targets))):
        raise leaked(leaks)
    if settings.report:
        require_installed()
        if settings.output != "sequences":
            logger.warning("report: no page is made of output: %s; it tells of sequences", settings.output)
    return (partial(_inspect, settings, storage, watch),)


def _inspect(settings: Settings, storage: Storage, watch: Watch, runs: Sequence[FinishedRun]) -> None:
    """Audit sequences, and report on them, be there a leak or not."""
    # What a table holds already was looked at before it was put there, and has no files of its own any more.
    if not all(run.manifest.kind == "sequences" and run.manifest.files for run in runs):
        return
    outcome = None
    if settings.audit != "off":
        from obs2seq.audit.inspection import AuditInspection, log

        with watch.step("audit"):
            outcome = AuditInspection(storage, settings.targets).audited(runs)
        log(outcome)
    if settings.report:
        from obs2seq.bootstrap.reports import surroundings
        from obs2seq.report.writing import write_report

        with attempt(), watch.step("report"):
            write_report(storage, runs, surroundings(settings, outcome, watch))
    if outcome is not None and outcome.leaks and settings.audit == "fail":
        raise leaked(outcome.leaks)
