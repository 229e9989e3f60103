"""The warehouse on Athena."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from obs2seq.domain.job import Job
from obs2seq.domain.reading import reads
from obs2seq.domain.source import Source
from obs2seq.errors import ConfigurationError
from obs2seq.ports import Storage
from obs2seq.sql.derived import require_columns_alone
from obs2seq.tracing.watch import NOBODY, Watch
from obs2seq.warehouses.athena.catalogue import CatalogueTable, GlueCatalogue
from obs2seq.warehouses.athena.datasets import EmptyFolderDataset
from obs2seq.warehouses.athena.engine import AthenaEngine, AthenaTools
from obs2seq.warehouses.athena.files import ParquetFooters
from obs2seq.warehouses.athena.limits import (
    require_no_rules,
    require_one_table,
    require_parquet,
    require_production,
    require_split,
    s3_location,
)
from obs2seq.warehouses.athena.queries import AthenaQueries
from obs2seq.warehouses.athena.registrations import registration, require_registrable
from obs2seq.warehouses.service import WarehouseService
from obs2seq.warehouses.subsets import SubsetSource
from obs2seq.warehouses.watched import WatchedEngine


class AthenaWarehouseService(WarehouseService):
    """Makes subsets ready with Athena, which reads a table of the Glue catalogue and writes to S3; no cluster runs.

    The table is the one that is named, or one registered over the data location. Timestamps are read to the
    millisecond, as Athena reads them. Nothing is written in partitions, of which an UNLOAD takes 100 at most.

    Args:
        job: What to make of the data.
        storage: The files beside the data.
        queries: Runs statements.
        catalogue: Knows tables.
        footers: Reads the ends of Parquet files.
        table: The table or view to read; None: one registered over the data location. Where it is named, the data
            location is still where its files lie: a run is named after them.
        watch: Is told of what happens.

    Raises:
        ConfigurationError: Delta output is wanted, a sample of the pupils, or a split that is not written in SQL.
    """

    def __init__(
        self,
        job: Job,
        storage: Storage,
        queries: AthenaQueries,
        catalogue: GlueCatalogue,
        footers: ParquetFooters,
        table: str | None = None,
        watch: Watch = NOBODY,
    ) -> None:
        require_parquet(job)
        require_columns_alone(job.spec)
        require_production(job)
        require_split(job)
        require_no_rules(job)
        tools = AthenaTools(queries, self._table, footers, storage, watch=watch)
        super().__init__(job, WatchedEngine(AthenaEngine(tools), watch), storage, partial(EmptyFolderDataset, storage))
        self._catalogue, self._footers, self._table_name = catalogue, footers, table
        self._known: dict[str | Source, CatalogueTable] = {}

    def checked_location(self, location: str) -> str:
        """Return an S3 location as it is; raise `ConfigurationError` for any other."""
        return s3_location(location)

    def found(self, location: str, job: Job, subset: str) -> SubsetSource:
        """Return where the subset's rows are; raise for what Athena cannot read, before anything starts."""
        found = super().found(location, job, subset)
        if self._table_name is None:
            require_registrable(found.source)
            return found
        require_one_table(location, has_own_folder=found.has_own_folder)
        table = self._named_table(self._table_name)
        if table.location and table.location.rstrip("/") != location.rstrip("/"):
            raise ConfigurationError(
                "s3_data_location",
                f"expected {table.location}, where the files of {self._table_name} lie, found {location}",
                "a run is named after these files: name their location",
            )
        version = f", version {table.version}" if table.version else ""
        return replace(found, source=replace(found.source, format=f"table {self._table_name}{version}"))

    def _table(self, found: SubsetSource, job: Job) -> CatalogueTable:
        """Return the table to read; subsets that share their files share it."""
        if self._table_name is not None:
            return self._named_table(self._table_name)
        source = found.source
        if source not in self._known:
            footers = self._footers.read(source.location, source.files)
            self._known[source] = self._catalogue.register(registration(source, footers, partial(reads, job)))
        return self._known[source]

    def _named_table(self, name: str) -> CatalogueTable:
        if name not in self._known:
            self._known[name] = self._catalogue.table(name)
        return self._known[name]
