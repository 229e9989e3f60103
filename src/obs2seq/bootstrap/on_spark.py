"""Runs on Spark, on this machine or on a cluster."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from obs2seq.bootstrap.executions import chosen
from obs2seq.bootstrap.jobs import csv_options, s3_access, timestamp_option
from obs2seq.bootstrap.layouts import require_expanded
from obs2seq.bootstrap.on_arrow import require_no_key
from obs2seq.domain.locations import is_s3
from obs2seq.domain.vocabularies import encoded_columns
from obs2seq.errors import ConfigurationError
from obs2seq.ports import Storage
from obs2seq.publishing import PublishedDataset
from obs2seq.settings import Settings
from obs2seq.storage.filesystems import tell_region
from obs2seq.tracing.watch import NOBODY, Watch
from obs2seq.warehouses.service import Datasets

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from obs2seq.ports import ObservationReader
    from obs2seq.warehouses.engine import Engine
    from obs2seq.warehouses.readers import Sessions

LOCAL_DRIVER_MEMORY = "2g"
# Where the second is set, as in conf/emr.yaml, Spark passes over the first.
_PARTITIONS = ("spark.sql.shuffle.partitions", "spark.sql.adaptive.coalescePartitions.initialPartitionNum")


def on_spark(settings: Settings, storage: Storage, watch: Watch = NOBODY) -> tuple[Engine, Datasets]:
    """Return the engine, and what it publishes into; the session starts when it is first needed."""
    require_expanded(settings, "Spark")
    if find_spec("pyspark") is None:
        hint = "pip install 'obs2seq[spark35]', or set engine: arrow, which needs no Java either"
        raise ConfigurationError("engine", "expected Spark to be installed, found no module 'pyspark'", hint)
    if settings.subset_method == "stratified":
        require_no_key(settings, "subset_method is stratified", "set subset_method: hash")
        tell_region(settings.split_assignment or settings.output_s3_location, settings.s3_region)
    if encoded_columns(settings.spec):
        require_no_key(settings, "a feature has encode", "leave encode out")
        tell_region(settings.vocabulary_location or settings.output_s3_location, settings.s3_region)
    from obs2seq.warehouses.delta import DeltaDataset
    from obs2seq.warehouses.spark import Tools
    from obs2seq.warehouses.watched import WatchedReader, WatchedWriter
    from obs2seq.warehouses.writers import ParquetWriter

    sessions = session_source(settings, storage)
    writer = ParquetWriter(sessions, storage, settings.compression)

    def dataset(location: str) -> PublishedDataset:
        is_delta = settings.output_format == "delta"
        return DeltaDataset(storage, location, writer) if is_delta else PublishedDataset(storage, location)

    watched = {name: WatchedReader(reader, watch, sessions) for name, reader in readers(settings, sessions).items()}
    tools = Tools(
        sessions,
        watched,
        WatchedWriter(writer, watch),
        watch=watch,
        spread_pupils_above=settings.spread_pupils_above,
    )
    return chosen(settings, tools, storage), dataset


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
    if settings.shuffle_partitions is not None:
        spark |= dict.fromkeys(_PARTITIONS, str(settings.shuffle_partitions))
    if settings.mode == "emr":
        return cluster_session(spark, s3_access(settings))
    locations = (settings.s3_data_location, settings.output_s3_location)
    return local_session(
        spark,
        driver_memory=settings.driver_memory or LOCAL_DRIVER_MEMORY,
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


def readers(settings: Settings, sessions: Sessions) -> dict[str, ObservationReader]:
    """Return what reads each format of observations on Spark."""
    from obs2seq.warehouses.readers import DeltaReader, ParquetReader, TextFormat, TextReader

    csv = TextFormat("csv", csv_options(settings), settings.input_schema)
    json = TextFormat("json", timestamp_option(settings), settings.input_schema)
    return {
        "parquet": ParquetReader(sessions),
        "delta": DeltaReader(sessions),
        "csv": TextReader(sessions, csv),
        "json": TextReader(sessions, json),
    }
