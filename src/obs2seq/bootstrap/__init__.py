"""The composition root: from settings to a run. The one place that knows every part.

Engines are imported where they are chosen: a run without Spark needs no Spark, and starts in a blink.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from obs2seq.bootstrap.indexed_runs import comparable, first_sequences
from obs2seq.bootstrap.inspections import inspections
from obs2seq.bootstrap.jobs import job, s3_access
from obs2seq.bootstrap.on_arrow import on_arrow
from obs2seq.bootstrap.on_athena import on_athena
from obs2seq.bootstrap.on_either import on_either
from obs2seq.bootstrap.on_spark import on_spark, readers, session_source
from obs2seq.bootstrap.watching import watching
from obs2seq.domain.layouts import layout_of
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.locations import is_s3
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.source import is_table
from obs2seq.errors import DataNotFoundError
from obs2seq.orchestrator import DataSequencingOrchestrator
from obs2seq.ports import Storage
from obs2seq.publishing import resolve
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage
from obs2seq.tracing.watch import NOBODY, Watch
from obs2seq.warehouses.emr import EmrWarehouseService
from obs2seq.warehouses.local import LocalWarehouseService
from obs2seq.warehouses.preview import first_rows, first_rows_of_table
from obs2seq.warehouses.service import WarehouseService
from obs2seq.warehouses.watched import WatchedEngine

if TYPE_CHECKING:
    from obs2seq.ports import PublishedPath

_ENGINES = {"arrow": on_arrow, "spark": on_spark, "auto": on_either}

__all__ = ["check", "compare", "job", "published", "readers", "run", "s3_access", "session_source", "warehouse"]


def warehouse(settings: Settings, storage: Storage | None = None, watch: Watch = NOBODY) -> WarehouseService:
    """Return the warehouse for the settings' mode. It starts its engine when it first needs it, and not before."""
    storage = storage or RoutedStorage(s3_access(settings))
    service = _warehouse(settings, storage, watch)
    service.inspections = inspections(settings, storage, watch)
    return service


def run(settings: Settings) -> dict[str, tuple[Manifest, PublishedPath]]:
    """Make and publish every subset that the settings name; return each one's manifest, and where it lies.

    Raises:
        Obs2SeqError: With the reason, and with nothing published.
    """
    with watching(settings) as watch:
        service = warehouse(settings, watch=watch)
        locations = DataSequencingOrchestrator(service).orchestrate(settings)
    return {subset: (service.published(str(location)), location) for subset, location in locations.items()}


def check(settings: Settings) -> dict[str, Ledger]:
    """Return, for each subset, what a run would leave out before it makes sequences; nothing is written.

    Raises:
        Obs2SeqError: With what would stop the run, as far as one look at every row can tell.
    """
    with watching(settings) as watch:
        service = warehouse(settings, watch=watch)
        return {subset: service.check_dataset(settings.s3_data_location, subset) for subset in settings.subsets}


def published(location: str, rows: int) -> tuple[Manifest, str, list[dict[str, Any]]]:
    """Return the manifest of what is published at a location, where it lies, and some of its rows.

    Parquet is looked at without Spark; for a Delta table a local session is started.

    Raises:
        DataNotFoundError: Nothing is published there.
        StorageError: What is published cannot be read.
    """
    storage = RoutedStorage()
    if is_table(storage.list_files(location)):
        return _published_table(storage, location, rows)

    manifest, run_location = resolve(storage, location)
    first = first_rows if layout_of(manifest.files) == "expanded" else first_sequences
    return manifest, location, first(run_location, manifest, rows)


def compare(first: str, second: str) -> list[str]:
    """Return in what two published datasets, or runs, differ; nothing where they are equal.

    Raises:
        DataNotFoundError: Nothing is published at one of the locations.
        StorageError: What is published cannot be read.
    """
    from obs2seq.warehouses.comparison import differences, published_run

    storage = RoutedStorage()
    return differences(*(comparable(published_run(storage, location)) for location in (first, second)))


def _warehouse(settings: Settings, storage: Storage, watch: Watch) -> WarehouseService:
    if settings.mode == "athena":
        return on_athena(settings, storage, watch)
    engine, datasets = _ENGINES[settings.engine](settings, storage, watch)
    kind = LocalWarehouseService if settings.mode == "local" else EmrWarehouseService
    return kind(job(settings), WatchedEngine(engine, watch), storage, datasets)


def _published_table(storage: Storage, location: str, rows: int) -> tuple[Manifest, str, list[dict[str, Any]]]:
    from obs2seq.warehouses.delta import DeltaDataset
    from obs2seq.warehouses.session import local_session
    from obs2seq.warehouses.writers import ParquetWriter

    sessions = cache(partial(local_session, delta=True, s3=is_s3(location)))
    table = DeltaDataset(storage, location, ParquetWriter(sessions, storage, "none"))
    current = table.current()
    if current is None:
        hint = "name the folder of one dataset, such as <output>/train_sequenced_100"
        raise DataNotFoundError(location, "expected a published dataset, found a table that no run has made", hint)
    manifest = table.finished_manifest(current.run_id)
    return manifest, location, first_rows_of_table(sessions(), location, manifest, current.manifest, rows)
