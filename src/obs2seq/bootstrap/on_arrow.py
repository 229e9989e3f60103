"""Runs within this process."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from obs2seq.bootstrap.layouts import require_sequences
from obs2seq.bootstrap.temporary_files import require_writable
from obs2seq.domain.locations import is_s3
from obs2seq.ports import Storage
from obs2seq.publishing import PublishedDataset
from obs2seq.settings import Settings
from obs2seq.storage.filesystems import tell_region
from obs2seq.tracing.watch import NOBODY, Watch
from obs2seq.warehouses.arrow.limits import UnfitError, require_fit
from obs2seq.warehouses.service import Datasets

if TYPE_CHECKING:
    from obs2seq.warehouses.engine import Engine


def on_arrow(settings: Settings, storage: Storage, watch: Watch = NOBODY) -> tuple[Engine, Datasets]:
    """Return the engine, and what it publishes into; raise for what Arrow does not do."""
    require_fit(settings.mode, settings.output_format)
    require_sequences(settings)
    require_no_key(settings, "engine is arrow", "set engine: spark")
    require_writable(settings.temporary_folder)
    read_or_written = (settings.s3_data_location, settings.output_s3_location)
    kept = (settings.split_assignment, settings.vocabulary_location)
    for location in filter(None, (*read_or_written, *kept)):
        tell_region(location, settings.s3_region)
    from obs2seq.warehouses.arrow.engine import ArrowEngine, Workshop
    from obs2seq.warehouses.arrow.memory import budget_of

    workshop = Workshop(storage, budget_of(settings.memory_budget), settings.temporary_folder, watch=watch)
    return ArrowEngine(workshop), partial(PublishedDataset, storage)


def require_no_key(settings: Settings, where: str, otherwise: str) -> None:
    """Raise where data is to be encrypted on S3 in a way that Arrow cannot ask for.

    Args:
        settings: What a run is told.
        where: What makes it Arrow that writes.
        otherwise: How to do without.
    """
    if settings.s3_kms_key and is_s3(settings.output_s3_location):
        problem = f"expected none where {where}, whose access to S3 knows no such thing, found one"
        hint = f"let the bucket encrypt with the key by default, or {otherwise}"
        raise UnfitError("s3_kms_key", problem, hint)
