"""Readers of raw observations on Spark, one a format."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.errors import ParseException
from pyspark.sql import DataFrame, DataFrameReader, SparkSession

from obs2seq.domain.files import is_hidden
from obs2seq.domain.locations import join
from obs2seq.errors import ConfigurationError, DataError, DataNotFoundError
from obs2seq.flow.columns import named
from obs2seq.ports import ObservationReader, Source, all_columns
from obs2seq.warehouses.failures import explained, first_line
from obs2seq.warehouses.file_columns import require_equal_columns
from obs2seq.warehouses.footers import read_footers
from obs2seq.warehouses.header_names import require_header
from obs2seq.warehouses.headers import is_wide, require_equal_headers

Sessions = Callable[[], SparkSession]
"""Gives the session, starting it where that has not been done."""

PARQUET_OPTIONS: Mapping[str, str] = {
    # Spark 3.5 otherwise refuses times before 1900 in files that do not name the Spark that wrote them.
    "datetimeRebaseMode": "CORRECTED",
    "int96RebaseMode": "CORRECTED",
    # Without it a damaged page that can still be unpacked gives other values, in silence.
    "parquet.page.verify-checksum.enabled": "true",
}
_GLOB = re.compile(r"([\\*?\[\]{}])")


class ParquetReader(ObservationReader):
    """Reads Parquet files, whole and of equal columns; folders named column=value become columns.

    Args:
        sessions: Gives the session.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def read(self, source: Source, is_read: Callable[[str], bool] = all_columns) -> DataFrame:
        """Return a lazy frame; reads every file's footer now."""
        session = self._sessions()
        footers = read_footers(session, source.location, source.files)
        different = require_equal_columns(source.location, footers, is_read)
        with explained(source.location):
            frame = _reader(session, source).options(**PARQUET_OPTIONS).parquet(*_paths(source))
            _require_listed(frame, source)
            kept = [named(name) for name in frame.columns if name.lower() not in different]
            return frame.select(*kept) if different else frame


class DeltaReader(ObservationReader):
    """Reads a Delta table at the version that was found at the start, whatever is committed meanwhile.

    Args:
        sessions: Gives the session.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def read(self, source: Source, is_read: Callable[[str], bool] = all_columns) -> DataFrame:  # noqa: ARG002
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

    def read(self, source: Source, is_read: Callable[[str], bool] = all_columns) -> DataFrame:  # noqa: ARG002
        """Return a lazy frame; infers the columns' types now where no schema is given."""
        session = self._sessions()
        options = self._options(session)
        is_named_by_files = self._format.schema is None and bool(options.get("header"))
        if is_named_by_files:
            require_equal_headers(session, source, str(options["encoding"]), str(options["sep"]))
        reader = _reader(session, source).format(self._format.name).options(**options)
        with explained(source.location):
            frame = self._typed(reader).load(_paths(source))
            _require_listed(frame, source)
        if is_named_by_files:
            require_header(source.location, frame.columns)
        if not frame.columns:
            raise DataNotFoundError(source.location, "expected files with observations, found no columns in them")
        return frame

    def _options(self, session: SparkSession) -> dict[str, str | bool]:
        # A record that is cut short passes for a whole one where Spark looks only at the columns that are used.
        options = {**self._format.options, "mode": "FAILFAST", "columnPruning": False}
        encoding = options.get("encoding")
        if isinstance(encoding, str) and is_wide(session, encoding):
            # Spark cuts a file into lines at single bytes, which part the characters of these encodings.
            options["multiLine"] = True
        return options

    def _typed(self, reader: DataFrameReader) -> DataFrameReader:
        if self._format.schema is None:
            return reader.option("inferSchema", True)
        try:
            return reader.schema(self._format.schema)
        except ParseException as error:
            raise ConfigurationError(
                "input_schema",
                f"expected columns with types as Spark DDL, found: {first_line(str(error))}",
                "write it like 'pupilid long, answered_at timestamp'",
            ) from error


def escaped(location: str) -> str:
    """Return a location that Spark takes as it is, and not for a pattern of names."""
    return _GLOB.sub(r"\\\1", location)


def _reader(session: SparkSession, source: Source) -> DataFrameReader:
    """Take every folder below the location, or read folders named column=value as columns: Spark does one or other."""
    if source.has_partition_folders:
        return session.read.option("basePath", source.location)
    return session.read.option("recursiveFileLookup", True)


def _paths(source: Source) -> list[str]:
    """Name the folder where all in it is read, else each file."""
    names = [source.location] if source.is_all else [join(source.location, file.path) for file in source.files]
    return [escaped(name) for name in names]


def _require_listed(frame: DataFrame, source: Source) -> None:
    """Raise where Spark found more files in the folder, or fewer, than those that the run is named after."""
    found = sum(not is_hidden(name.rpartition("/")[2]) for name in frame.inputFiles())
    if found != len(source.files):
        raise DataError(
            source.location,
            f"expected the {len(source.files)} files that were listed at the start, found {found}",
            "run again when nobody writes to the location",
        )
