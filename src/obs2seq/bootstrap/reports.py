"""Pages on what is published."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from obs2seq.audit.stored import stored_audit
from obs2seq.bootstrap.lineage import drawn, listed
from obs2seq.domain.audit import Audit
from obs2seq.lineage.drawing import dot, svg, tree
from obs2seq.loading.opening import load
from obs2seq.loading.outputs import subsets_at
from obs2seq.ports import FinishedRun
from obs2seq.report.quiet import nothing_on_stderr
from obs2seq.report.writing import Surroundings, report_of
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage
from obs2seq.tracing.times import StepTimes
from obs2seq.tracing.watch import Watch


def report_published(location: str, subsets: Sequence[str] | None = None, sequence_length: int | None = None) -> str:
    """Return a page on the subsets that are published at an output.

    Args:
        location: The folder that a job had as `output_s3_location`.
        subsets: Their names. None: those that the last run was told.
        sequence_length: L, where subsets have been sequenced with several.

    Raises:
        DataNotFoundError: A subset is not published there.
        ConfigurationError: The location is that of one dataset, and more subsets are asked for.
        StorageError: What is published cannot be read.
    """
    storage = RoutedStorage()
    names = subsets_at(storage, location, subsets, sequence_length)
    loaded = [load(location, subset, sequence_length=sequence_length) for subset in names]
    runs = [FinishedRun(data.manifest, data.location) for data in loaded]
    return report_of(runs, Surroundings(stored_audit(storage, runs[0].location)))


def surroundings(settings: Settings, audit: Audit | None, watch: Watch) -> Surroundings:
    """Return what a report tells of a run that the settings have brought about."""
    times = watch.among(StepTimes)
    steps, columns = drawn(settings, None)
    with nothing_on_stderr():  # Graphviz asks Fontconfig too
        picture = _element(svg(dot(steps, columns))) if find_spec("pygraphviz") else tree(steps, columns)
    return Surroundings(audit, None if times is None else dict(times.seconds), picture, listed(settings))


def _element(document: str) -> str:
    """Return an SVG document as an element of a page."""
    return document[document.index("<svg") :]
