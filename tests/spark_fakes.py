"""Stand-ins for the adapters that hand over Spark frames, held to the same tests."""

from collections.abc import Callable, Sequence

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.types import StructType

from obs2seq.domain.files import StoredFile
from obs2seq.errors import DataError
from obs2seq.ports import ObservationReader, SequenceWriter, Source, WrittenFile, all_columns


class InMemoryObservationReader(ObservationReader):
    """Reads rows from a dictionary: file by file, below locations."""

    def __init__(self, session: SparkSession, schema: str) -> None:
        self.files: dict[str, list[tuple[object, ...]]] = {}
        self._session = session
        self._schema = schema

    def source(self, location: str) -> Source:
        """List what lies at a location, as a storage and the domain do."""
        names = sorted(path.removeprefix(f"{location}/") for path in self.files if path.startswith(f"{location}/"))
        files = tuple(StoredFile(name, len(self.files[f"{location}/{name}"]), "then") for name in names)
        return Source(location, "memory", files, is_all=True)

    def read(self, source: Source, is_read: Callable[[str], bool] = all_columns) -> DataFrame:
        if source != self.source(source.location):
            raise DataError(source.location, "expected the files that were listed at the start, found others")
        rows = [row for file in source.files for row in self.files[f"{source.location}/{file.path}"]]
        return self._session.createDataFrame(rows, self._schema)


class InMemorySequenceWriter(SequenceWriter):
    """Keeps rows in a dictionary, by location."""

    def __init__(self, session: SparkSession) -> None:
        self.written: dict[str, tuple[StructType, list[Row]]] = {}
        self._session = session

    def write(self, frame: DataFrame, location: str) -> list[WrittenFile]:
        rows = frame.collect()
        self.written[location] = (frame.schema, rows)
        return [WrittenFile("part-0", len(str(rows)), len(rows))]

    def read_back(self, location: str, files: Sequence[WrittenFile]) -> DataFrame:
        schema, rows = self.written[location]
        return self._session.createDataFrame(rows if files else [], schema)
