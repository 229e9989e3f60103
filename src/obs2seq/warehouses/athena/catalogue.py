"""Tables in the Glue catalogue: those that are there, and those registered over a data location.

A table is created where there is none, and never dropped or changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from obs2seq.aws.refusals import refusals
from obs2seq.errors import ConfigurationError, DataNotFoundError, StorageError
from obs2seq.sql.identifiers import quoted, table_parts

PARTITIONS_AT_ONCE = 100
"""The API takes no more."""

CATALOGUE = "awsdatacatalog"
_SERVICE = "Glue"
_TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}


@dataclass(frozen=True)
class CatalogueTable:
    """What the catalogue says of a table or a view."""

    reference: str
    """Its name in a statement, every part quoted."""
    types: dict[str, str]
    """All columns, those of partitions last, with Hive's types."""
    partitions: tuple[str, ...]
    """The names of the columns that partition it."""
    location: str
    """Where its files lie; empty for a view."""
    is_text: bool
    """Whether its rows are decoded from text."""
    version: str


@dataclass(frozen=True)
class Registration:
    """A table over Parquet files, as it is to stand in the catalogue."""

    name: str
    location: str
    columns: dict[str, str]
    partition_keys: dict[str, str]
    partitions: tuple[tuple[tuple[str, ...], str], ...]
    """For each partition its values, and where its files lie."""


class GlueCatalogue:
    """Looks tables up, and registers them.

    Args:
        database: Where tables are looked for whose name says no database, and where new ones are made.
        make_client: Makes the client for Glue; called once, when the first request is made.
    """

    def __init__(self, database: str, make_client: Callable[[], Any]) -> None:
        self.database, self._make_client = database, make_client

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def table(self, name: str) -> CatalogueTable:
        """Return what there is of this name.

        Raises:
            ConfigurationError: It is a table of a catalogue other than Glue's.
            DataNotFoundError: There is no such table, or no such database.
        """
        *before, table = table_parts(name)
        database = before[-1] if before else self.database
        if len(before) > 1 and before[0].lower() != CATALOGUE:
            raise ConfigurationError(
                "athena_table",
                f"expected a table of the catalogue {CATALOGUE}, found one of '{before[0]}'",
                "make a view of it in the Glue catalogue, and name that",
            )
        found = self._found(database, table)
        if found is None:
            raise DataNotFoundError(
                "athena_table",
                f"expected a table '{table}' in the database '{database}', found none",
                "check athena_table, athena_database and AWS_REGION",
            )
        return found

    def register(self, wanted: Registration) -> CatalogueTable:
        """Return the table over a location, made now unless it is there; add the partitions that it lacks.

        Raises:
            ConfigurationError: A table of this name is another one.
            DataNotFoundError: There is no such database.
            StorageError: Glue refused.
        """
        found = self._found(self.database, wanted.name) or self._created(wanted)
        _require_same(found, wanted, f"{self.database}.{wanted.name}")
        if wanted.partition_keys:
            self._add_partitions(wanted)
        return found

    def _found(self, database: str, table: str) -> CatalogueTable | None:
        with refusals(f"{database}.{table}", _SERVICE, quoted=True):
            try:
                answer = self._client.get_table(DatabaseName=database, Name=table)["Table"]
            except self._client.exceptions.EntityNotFoundException:
                return None
        return _described(database, answer)

    def _created(self, wanted: Registration) -> CatalogueTable:
        # Where another run was faster, its table is checked as any other.
        with self._asked(wanted), suppress(self._client.exceptions.AlreadyExistsException):
            self._client.create_table(DatabaseName=self.database, TableInput=_table_input(wanted))
        found = self._found(self.database, wanted.name)
        if found is None:
            raise StorageError(wanted.name, "expected the table that was just made, found none", "run again")
        return found

    def _add_partitions(self, wanted: Registration) -> None:
        known = self._known_partitions(wanted)
        missing = [partition for partition in wanted.partitions if partition[0] not in known]
        for start in range(0, len(missing), PARTITIONS_AT_ONCE):
            batch = [_partition_input(wanted, *each) for each in missing[start : start + PARTITIONS_AT_ONCE]]
            with self._asked(wanted):
                answer = self._client.batch_create_partition(
                    DatabaseName=self.database, TableName=wanted.name, PartitionInputList=batch
                )
            _require_none(answer.get("Errors", []), wanted.name)

    def _known_partitions(self, wanted: Registration) -> set[tuple[str, ...]]:
        with self._asked(wanted):
            pages = self._client.get_paginator("get_partitions").paginate(
                DatabaseName=self.database, TableName=wanted.name, ExcludeColumnSchema=True
            )
            return {tuple(partition["Values"]) for page in pages for partition in page["Partitions"]}

    @contextmanager
    def _asked(self, wanted: Registration) -> Iterator[None]:
        where = f"{self.database}.{wanted.name}"
        with refusals(where, _SERVICE, quoted=True):
            try:
                yield
            except ClientError as error:
                if error.response["Error"]["Code"] != "EntityNotFoundException":
                    raise
                raise DataNotFoundError(
                    where,
                    f"expected a database '{self.database}' in the Glue catalogue, found none",
                    f"make it once: aws glue create-database --database-input Name={self.database}",
                ) from error


def _described(database: str, answer: Any) -> CatalogueTable:
    storage, keys = answer.get("StorageDescriptor", {}), answer.get("PartitionKeys", [])
    columns = [*storage.get("Columns", []), *keys]
    return CatalogueTable(
        reference=f"{quoted(database)}.{quoted(answer['Name'])}",
        types={column["Name"]: column.get("Type", "") for column in columns},
        partitions=tuple(key["Name"] for key in keys),
        location=storage.get("Location", "") if answer.get("TableType") != "VIRTUAL_VIEW" else "",
        is_text=storage.get("InputFormat") == _TEXT_INPUT and answer.get("TableType") != "VIRTUAL_VIEW",
        version=str(answer.get("VersionId", "")),
    )


def _require_same(found: CatalogueTable, wanted: Registration, name: str) -> None:
    hint = "drop it, if nobody needs it, or name a table of your own as athena_table"
    if found.location.rstrip("/") != wanted.location.rstrip("/"):
        problem = f"expected a table over {wanted.location}, found one over {found.location or 'nothing'}"
        raise ConfigurationError(name, problem, hint)
    columns = wanted.columns | wanted.partition_keys
    if found.types == columns and found.partitions == tuple(wanted.partition_keys):
        return
    names = (name for name in {**columns, **found.types} if columns.get(name) != found.types.get(name))
    differing = next(names, next(iter(wanted.partition_keys), ""))
    raise ConfigurationError(
        name,
        f"expected the columns of the files at {wanted.location}, found '{differing}' as "
        f"{found.types.get(differing, 'missing')} in the table and as {columns.get(differing, 'missing')} in the files",
        hint,
    )


def _table_input(wanted: Registration) -> dict[str, object]:
    return {
        "Name": wanted.name,
        "TableType": "EXTERNAL_TABLE",
        "Description": "Observations, registered by obs2seq",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
        "StorageDescriptor": _storage(wanted, wanted.location),
        "PartitionKeys": [{"Name": name, "Type": type_} for name, type_ in wanted.partition_keys.items()],
    }


def _partition_input(wanted: Registration, values: tuple[str, ...], location: str) -> dict[str, object]:
    return {"Values": [*values], "StorageDescriptor": _storage(wanted, location)}


def _storage(wanted: Registration, location: str) -> dict[str, object]:
    columns = [{"Name": name, "Type": type_} for name, type_ in wanted.columns.items()]
    return {"Columns": columns, "Location": f"{location.rstrip('/')}/", **_PARQUET}


def _require_none(errors: Sequence[Any], table: str) -> None:
    """Raise for partitions that Glue did not take, unless another run has just added them."""
    codes = {error.get("ErrorDetail", {}).get("ErrorCode", "unknown") for error in errors}
    codes.discard("AlreadyExistsException")
    if codes:
        found = f"expected Glue to register all partitions, found refusals ({', '.join(sorted(codes))})"
        raise StorageError(table, found, "run again, or name a table of your own as athena_table")
