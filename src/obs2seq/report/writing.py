"""The report of a run, written beside its data."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from obs2seq.domain.audit import Audit
from obs2seq.domain.locations import join
from obs2seq.lineage.catalogue import Entry
from obs2seq.lineage.changes import changes
from obs2seq.loading.opening import sequences_of
from obs2seq.ports import FinishedRun, Storage
from obs2seq.report.figures import figures_of
from obs2seq.report.page import Content, Subset, rendered

REPORT = "_REPORT.html"
"""The file in a run's folder; readers of data pass over it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Surroundings:
    """What a report tells beside what a run has made."""

    audit: Audit | None = None
    seconds: Mapping[str, float] | None = None
    """How long each step took."""
    dataflow: str | None = None
    catalogue: Sequence[Entry] = ()


def write_report(storage: Storage, runs: Sequence[FinishedRun], surroundings: Surroundings) -> None:
    """Write one page on all subsets of a run into the folder of each, unless it lies there.

    Reads what the run has made, once, and not its input.

    Raises:
        ConfigurationError: What draws it is not installed.
        StorageError: What was made cannot be read, or the page not written.
    """
    locations = [join(run.location, REPORT) for run in runs]
    if not all(map(storage.read_text, locations)):
        page = report_of(runs, surroundings)
        for location in locations:
            storage.write_text(location, page)
    logger.info("report: %s", locations[0])


def report_of(runs: Sequence[FinishedRun], around: Surroundings) -> str:
    """Return the page."""
    subsets = [
        Subset(run.manifest, figures_of(run.manifest.subset, sequences_of(run.manifest, run.location))) for run in runs
    ]
    return rendered(
        Content(subsets, around.audit, around.seconds, around.dataflow, around.catalogue, _changes(runs[0]))
    )


def _changes(run: FinishedRun) -> list[str] | None:
    """Say what sets a run apart from the one before, as its first subset tells."""
    if run.previous is None:
        return None
    found = changes(run.previous, run.manifest)
    return [*(f"{column}: {'; '.join(reasons)}" for column, reasons in found.columns.items()), *found.notes]
