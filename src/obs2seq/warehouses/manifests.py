"""The account of a finished run, the same from every engine."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from obs2seq.domain.counts import require_plausible
from obs2seq.domain.fingerprint import files_digest
from obs2seq.domain.layouts import sequences_in
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import InputSummary, Manifest, Quarantine
from obs2seq.lineage.graph import Graph
from obs2seq.ports import Source, WrittenFile
from obs2seq.version import __version__
from obs2seq.warehouses.engine import Order


@dataclass(frozen=True)
class Written:
    """What an engine has made of an order."""

    files: Sequence[WrittenFile]
    columns: Mapping[str, str]
    """The type of every column by Spark's name, in the order of the columns."""
    ledger: Ledger
    made_by: Mapping[str, str]
    """The engine's name and version."""
    graph: Graph
    """The steps that were taken."""
    quarantine: Quarantine | None = None


def now() -> datetime:
    """Return the time of day, with its zone."""
    return datetime.now(UTC)


def manifest_of(order: Order, source: Source, run_id: str, written: Written, instant: datetime) -> Manifest:
    """Return the manifest of what was written at an instant; `CheckError` where its counts cannot be."""
    require_plausible(written.ledger, sequences_in(written.files), order.job.spec, order.kind)
    return Manifest(
        run_id=run_id,
        dataset=order.dataset,
        subset=order.subset,
        kind=order.kind,
        format=order.job.output_format,
        rows=sequences_in(written.files),
        files=tuple(written.files),
        columns=dict(written.columns),
        settings=order.job.shape(),
        ledger=written.ledger,
        input=_input_summary(source),
        versions={"obs2seq": __version__, **written.made_by, "python": platform.python_version()},
        published_at=instant.isoformat(),
        lineage=written.graph.lineage(written.columns),
        quarantine=written.quarantine,
    )


def _input_summary(source: Source) -> InputSummary:
    return InputSummary(
        location=source.location,
        format=source.format,
        files=len(source.files),
        bytes=source.size,
        files_digest=files_digest(source.files),
        table_version=source.table_version,
    )
