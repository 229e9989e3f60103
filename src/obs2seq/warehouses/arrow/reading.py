"""Observations of every format that this engine reads, with the columns that folders are named for."""

from collections.abc import Callable
from concurrent.futures import Executor

from obs2seq.domain.job import Job
from obs2seq.ports import Source, all_columns
from obs2seq.warehouses.arrow.limits import UnfitError
from obs2seq.warehouses.arrow.parquet_files import parquet_observations
from obs2seq.warehouses.arrow.partitions import with_partitions
from obs2seq.warehouses.arrow.pieces import Observations

TEXT_FORMATS = ("csv", "json")


def read_observations(
    source: Source,
    job: Job,
    is_read: Callable[[str], bool],
    pool: Executor,
    is_first: Callable[[str], bool] = all_columns,
) -> Observations:
    """Return what lies at a location, after a look at every file.

    Args:
        source: The files.
        job: How texts are to be read.
        is_read: Which columns are needed.
        pool: Where files are looked at.
        is_first: Which of those to read at once; the others may wait until somebody asks for whole rows.

    Raises:
        UnfitError: The format is one that only Spark reads.
        DataError: The files cannot be read as one table.
    """
    if source.format == "delta":
        raise UnfitError(
            source.location,
            "expected parquet, csv or json where engine is arrow, found a Delta table",
            "set engine: spark, which reads the table's log",
        )
    if source.format in TEXT_FORMATS:
        from obs2seq.warehouses.arrow.texts.observations import text_observations

        observations = text_observations(source, job, is_read, pool)
    elif source.has_partition_folders:
        observations = parquet_observations(source, is_read, pool)
    else:
        observations = parquet_observations(source, is_read, pool, is_first)
    return with_partitions(source, observations, is_read) if source.has_partition_folders else observations
