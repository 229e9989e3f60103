"""Readers of raw observations on Spark, one a format."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, DataFrameReader, SparkSession

from obs2seq.domain.locations import join
from obs2seq.ports import ObservationReader, Source
from obs2seq.warehouses.failures import explained
from obs2seq.warehouses.footers import read_footers, require_equal_columns

Sessions = Callable[[], SparkSession]
"""Gives the session, starting it where that has not been done."""

_GLOB = re.compile(r"([\\\\*?\[\]{}])")


class ParquetReader(ObservationReader):
    """Reads Parquet files, whole and of equal columns; folders named column=value become columns.

    Args:
        sessions: Gives the session.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def read(self, source: Source) -> DataFrame:
        """Return a lazy frame; reads every file's footer now."""
        session = self._sessions()
        require_equal_columns(source.location, read_footers(session, source.location, source.files))
        with explained(source.location):
            return _reader(session, source).parquet(*_paths(source))


class DeltaReader(ObservationReader):
    """Reads a Delta table at the version that was found at the start, whatever is committed meanwhile.

    Args:
        sessions: Gives the session.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def read(self, source: Source) -> DataFrame:
        """Return a lazy frame."""
        with explained(source.location):
            versioned = self._sessions().read.format("delta").option("versionAsOf", source.table_version or 0)
            return versioned.load(source.location)


@dataclass(frozen=True)
class TextFormat:
    """How records stand in CSV or JSON lines; files that end in .gz are unpacked."""

    name: str
    """csv or json."""
    options: Mapping[str, str | bool]
    """Spark's names."""
    schema: str | None = None
    """Spark DDL; None: inferred, at the cost of another pass over the files."""


class TextReader(ObservationReader):
    """Reads CSV or JSON lines; a record that does not fit the columns' types stops the run.

    Args:
        sessions: Gives the session.
        text_format: How to read them.
    """

    def __init__(self, sessions: Sessions, text_format: TextFormat) -> None:
        self._sessions = sessions
        self._format = text_format

    def read(self, source: Source) -> DataFrame:
        """Return a lazy frame; infers the columns' types now where no schema is given."""
        reader = _reader(self._sessions(), source).format(self._format.name).options(**self._format.options)
        with explained(source.location):
            if self._format.schema is None:
                return reader.option("inferSchema", True).option("mode", "FAILFAST").load(_paths(source))
        with explained("input_schema"):
            typed = reader.option("mode", "FAILFAST").schema(self._format.schema)
        with explained(source.location):
            return typed.load(_paths(source))


def _reader(session: SparkSession, source: Source) -> DataFrameReader:
    """Take every folder below the location, or read folders named column=value as columns: Spark does one or other."""
    if source.has_partition_folders:
        return session.read.option("basePath", source.location)
    return session.read.option("recursiveFileLookup", True)


def _paths(source: Source) -> list[str]:
    """Name the folder where all in it is read, else each file; unescaped, Spark takes a path for a pattern."""
    names = [source.location] if source.is_all else [join(source.location, file.path) for file in source.files]
    return [_GLOB.sub(r"\\\\\1", name) for name in names]
