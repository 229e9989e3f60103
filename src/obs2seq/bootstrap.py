"""The composition root: from settings to a run. The one place that knows every part.

Engines are imported where they are chosen: a run without Spark needs no Spark, and starts in a blink.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from obs2seq.aws.access import S3Access
from obs2seq.domain.job import Job
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.locations import is_s3
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.source import is_table
from obs2seq.errors import ConfigurationError, DataNotFoundError
from obs2seq.orchestrator import DataSequencingOrchestrator
from obs2seq.ports import Storage
from obs2seq.publishing import PublishedDataset, resolve
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage
from obs2seq.warehouses.emr import EmrWarehouseService
from obs2seq.warehouses.local import LocalWarehouseService
from obs2seq.warehouses.preview import first_rows, first_rows_of_table
from obs2seq.warehouses.service import Datasets, WarehouseService

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from obs2seq.ports import ObservationReader, PublishedPath
    from obs2seq.warehouses.engine import Engine
    from obs2seq.warehouses.readers import Sessions

# What is Spark's or Athena's is imported where it is needed: where the one works the other need not be installed.
LOCAL_DRIVER_MEMORY = "2g"


def run(settings: Settings) -> dict[str, tuple[Manifest, PublishedPath]]:
    """Make and publish every subset that the settings name; return each one's manifest, and where it lies.

    Raises:
        Obs2SeqError: With the reason, and with nothing published.
    """
    service = warehouse(settings)
    locations = DataSequencingOrchestrator(service).orchestrate(settings)
    return {subset: (service.published(str(location)), location) for subset, location in locations.items()}


def check(settings: Settings) -> dict[str, Ledger]:
    """Return, for each subset, what a run would leave out before it makes sequences; nothing is written.

    Raises:
        Obs2SeqError: With what would stop the run, as far as one look at every row can tell.
    """
    service = warehouse(settings)
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
    return manifest, location, first_rows(run_location, manifest, rows)


def compare(first: str, second: str) -> list[str]:
    """Return in what two published datasets, or runs, differ; nothing where they are equal.

    Raises:
        DataNotFoundError: Nothing is published at one of the locations.
        StorageError: What is published cannot be read.
    """
    from obs2seq.warehouses.comparison import differences, published_run

    storage = RoutedStorage()
    return differences(*(published_run(storage, location) for location in (first, second)))


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


def warehouse(settings: Settings, storage: Storage | None = None) -> WarehouseService:
    """Return the warehouse for the settings' mode. It starts its engine when it first needs it, and not before."""
    storage = storage or RoutedStorage(s3_access(settings))
    if settings.mode == "athena":
        return _athena_warehouse(settings, storage)
    engine, datasets = (_on_arrow if settings.engine == "arrow" else _on_spark)(settings, storage)
    kind = LocalWarehouseService if settings.mode == "local" else EmrWarehouseService
    return kind(job(settings), engine, storage, datasets)


def _on_arrow(settings: Settings, storage: Storage) -> tuple[Engine, Datasets]:
    _require_fit_for_arrow(settings)
    from obs2seq.warehouses.arrow.engine import ArrowEngine, Workshop
    from obs2seq.warehouses.arrow.memory import budget_of

    workshop = Workshop(storage, budget_of(settings.memory_budget), settings.temporary_folder)
    return ArrowEngine(workshop), partial(PublishedDataset, storage)


def _require_fit_for_arrow(settings: Settings) -> None:
    """Raise for what Arrow does not do."""
    if settings.mode != "local":
        problem = f"expected spark where mode is {settings.mode}, found arrow"
        raise ConfigurationError("engine", problem, "set mode: local to compute on this machine")
    if settings.output_format == "delta":
        problem = "expected parquet where engine is arrow, found delta"
        raise ConfigurationError("output_format", problem, "publish Parquet, or set engine: spark")
    if settings.s3_kms_key and is_s3(settings.output_s3_location):
        problem = "expected none where engine is arrow, which cannot name the key of what it writes, found one"
        raise ConfigurationError("s3_kms_key", problem, "let the bucket encrypt with the key, or set engine: spark")


def _on_spark(settings: Settings, storage: Storage) -> tuple[Engine, Datasets]:
    if find_spec("pyspark") is None:
        hint = "pip install 'obs2seq[spark35]', or set engine: arrow, which needs no Java either"
        raise ConfigurationError("engine", "expected Spark to be installed, found no module 'pyspark'", hint)
    from obs2seq.warehouses.delta import DeltaDataset
    from obs2seq.warehouses.spark import SparkEngine, Tools
    from obs2seq.warehouses.writers import ParquetWriter

    sessions = session_source(settings, storage)
    writer = ParquetWriter(sessions, storage, settings.compression)

    def dataset(location: str) -> PublishedDataset:
        is_delta = settings.output_format == "delta"
        return DeltaDataset(storage, location, writer) if is_delta else PublishedDataset(storage, location)

    return SparkEngine(Tools(sessions, readers(settings, sessions), writer)), dataset


def _athena_warehouse(settings: Settings, storage: Storage) -> WarehouseService:
    try:
        from obs2seq.aws.clients import aws_client
        from obs2seq.aws.s3 import s3_client
        from obs2seq.warehouses.athena.catalogue import GlueCatalogue
        from obs2seq.warehouses.athena.files import ParquetFooters
        from obs2seq.warehouses.athena.queries import AthenaQueries, QueryPlace
        from obs2seq.warehouses.athena.service import AthenaWarehouseService
    except ModuleNotFoundError as error:
        problem = f"expected what Athena needs to be installed, found no module '{error.name}'"
        raise ConfigurationError("mode", problem, "pip install 'obs2seq[athena]'") from error
    access = s3_access(settings)
    place = QueryPlace(
        workgroup=settings.athena_workgroup,
        database=settings.athena_database,
        query_location=settings.athena_query_location,
        deadline_s=settings.athena_deadline_minutes * 60.0,
        access=access,
    )
    catalogue = GlueCatalogue(settings.athena_database, partial(aws_client, "glue", access.region))
    footers = ParquetFooters(partial(s3_client, access))
    queries = AthenaQueries(place, partial(aws_client, "athena", access.region))
    return AthenaWarehouseService(job(settings), storage, queries, catalogue, footers, table=settings.athena_table)


def session_source(settings: Settings, storage: Storage) -> Sessions:
    """Return what gives the session of the settings' mode, the same one each time."""
    from obs2seq.warehouses.failures import explained

    @cache
    def session() -> SparkSession:

        with explained("spark"), _handling_of_interrupts_kept():
            return _session(settings, storage)

    return session


@contextmanager
def _handling_of_interrupts_kept() -> Iterator[None]:
    """Keep what Ctrl-C does: Spark's own handler talks to Java in the middle of a talk, and both break down."""
    before = signal.getsignal(signal.SIGINT)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, before)


def _session(settings: Settings, storage: Storage) -> SparkSession:
    from obs2seq.warehouses.session import cluster_session, local_session

    spark = {name: _as_spark_writes(value) for name, value in settings.spark.items()}
    if settings.mode == "emr":
        return cluster_session(spark, s3_access(settings))
    locations = (settings.s3_data_location, settings.output_s3_location)
    return local_session(
        spark,
        driver_memory=settings.driver_memory or LOCAL_DRIVER_MEMORY,
        shuffle_partitions=settings.shuffle_partitions,
        delta=_needs_delta(settings, storage),
        s3=any(is_s3(location) for location in locations if location),
        access=s3_access(settings),
    )


def _as_spark_writes(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _needs_delta(settings: Settings, storage: Storage) -> bool:
    """Whether Delta's libraries have to be there; a session without them starts faster."""
    if "delta" in (settings.output_format, settings.input_format):
        return True
    is_open = settings.input_format == "auto" and bool(settings.s3_data_location)
    return is_open and any("_delta_log/" in file.path for file in storage.list_files(settings.s3_data_location))


def s3_access(settings: Settings) -> S3Access:
    """Return how the settings go about S3."""
    return S3Access(settings.s3_kms_key, settings.s3_expected_owner, settings.s3_region)


def job(settings: Settings) -> Job:
    """Return what the settings say about the result."""
    return Job(
        spec=settings.spec,
        subsets=settings.subsets,
        subset_method=settings.subset_method,
        subset_column=settings.subset_column,
        split_salt=settings.split_salt,
        columns=settings.columns,
        row_filter=settings.row_filter,
        duplicates=settings.duplicates,
        policies={name: getattr(settings, name) for name in ("null_pupil", "null_time", "time_out_of_range")},
        input_format=settings.input_format,
        text_options={"schema": settings.input_schema, **_csv_options(settings)},
        output_format=settings.output_format,
        compression=settings.compression,
        keep_runs=settings.keep_runs,
        force=settings.force,
    )


def readers(settings: Settings, sessions: Sessions) -> dict[str, ObservationReader]:
    """Return what reads each format of observations on Spark."""
    from obs2seq.warehouses.readers import DeltaReader, ParquetReader, TextFormat, TextReader

    csv = TextFormat("csv", _csv_options(settings), settings.input_schema)
    json = TextFormat("json", _timestamp_option(settings), settings.input_schema)
    return {
        "parquet": ParquetReader(sessions),
        "delta": DeltaReader(sessions),
        "csv": TextReader(sessions, csv),
        "json": TextReader(sessions, json),
    }


def _csv_options(settings: Settings) -> dict[str, str | bool]:
    """Name the settings as Spark does. Headers are checked: Spark would otherwise take columns by their place."""
    return {
        "sep": settings.csv_delimiter,
        "quote": settings.csv_quote,
        "escape": settings.csv_escape,
        "header": settings.csv_header,
        "enforceSchema": False,
        "encoding": settings.csv_encoding,
        "nullValue": settings.csv_null_value,
        **_timestamp_option(settings),
    }


def _timestamp_option(settings: Settings) -> dict[str, str | bool]:
    return {"timestampFormat": settings.timestamp_format} if settings.timestamp_format else {}
