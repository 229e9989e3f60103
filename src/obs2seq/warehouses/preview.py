"""A look at some rows of what is published."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from obs2seq.domain.locations import join
from obs2seq.domain.manifest import Manifest
from obs2seq.errors import StorageError
from obs2seq.storage.filesystems import opened

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def first_rows(run_location: str, manifest: Manifest, count: int) -> list[dict[str, Any]]:
    """Return the first rows of a run's Parquet files, in the order of the manifest, without Spark.

    Raises:
        StorageError: A file cannot be read.
    """
    import pyarrow
    from pyarrow import parquet

    rows: list[dict[str, Any]] = []
    instants = _instants(manifest)
    try:
        for file in manifest.files:
            if len(rows) >= count:
                break
            filesystem, path = opened(join(run_location, file.path))
            with parquet.ParquetFile(path, filesystem=filesystem, coerce_int96_timestamp_unit="us") as reader:
                batch = next(reader.iter_batches(batch_size=count - len(rows)), None)
                rows += batch.to_pylist() if batch else []
    except (OSError, pyarrow.ArrowException) as error:
        raise StorageError(
            run_location, "expected Parquet files that can be read, found otherwise", "see --debug"
        ) from error
    return [_with_zones(row, instants, lambda naive: naive.replace(tzinfo=datetime.UTC)) for row in rows]


def first_rows_of_table(
    session: SparkSession, location: str, manifest: Manifest, commit: str, count: int
) -> list[dict[str, Any]]:
    """Return some rows of a Delta table at the version of a run's commit, in no stated order.

    Args:
        session: Knows Delta.
        location: The table's folder.
        manifest: The run's.
        commit: The file of its commit, `_delta_log/<version>.json`.
        count: How many rows.
    """
    from obs2seq.warehouses.failures import explained

    version = int("".join(re.findall(r"\d+", commit)))
    with explained(location):
        table = session.read.format("delta").option("versionAsOf", version).load(location)
        rows = [row.asDict() for row in table.limit(count).collect()]
    # Spark gives Python instants in the machine's own time.
    return [_with_zones(row, _instants(manifest), lambda naive: naive.astimezone(datetime.UTC)) for row in rows]


def _instants(manifest: Manifest) -> set[str]:
    return {name for name, type_ in manifest.columns.items() if re.search(r"timestamp(?!_ntz)", type_)}


def _with_zones(
    row: dict[str, Any], instants: Collection[str], in_utc: Callable[[datetime.datetime], datetime.datetime]
) -> dict[str, Any]:
    """Give instants the zone that they lost on the way to Python."""

    def zoned(value: Any) -> Any:
        if isinstance(value, list):
            return [zoned(each) for each in value]
        return in_utc(value) if isinstance(value, datetime.datetime) and value.tzinfo is None else value

    return {name: zoned(value) if name in instants else value for name, value in row.items()}
