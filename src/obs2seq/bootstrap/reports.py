"""Pages on what is published."""

from __future__ import annotations

from collections.abc import Sequence

from obs2seq.domain.audit import AUDIT, Audit
from obs2seq.domain.locations import join
from obs2seq.loading.opening import load
from obs2seq.ports import FinishedRun
from obs2seq.report.writing import report_of
from obs2seq.storage.routing import RoutedStorage


def report_published(location: str, subsets: Sequence[str], sequence_length: int | None = None) -> str:
    """Return a page on the subsets that are published at an output.

    Args:
        location: The folder that a job had as `output_s3_location`.
        subsets: Their names.
        sequence_length: L, where subsets have been sequenced with several.

    Raises:
        DataNotFoundError: A subset is not published there.
        StorageError: What is published cannot be read.
    """
    loaded = [load(location, subset, sequence_length=sequence_length) for subset in subsets]
    runs = [FinishedRun(data.manifest, data.location) for data in loaded]
    stored = RoutedStorage().read_text(join(runs[0].location, AUDIT))
    return report_of(runs, Audit.model_validate_json(stored.text) if stored else None)
