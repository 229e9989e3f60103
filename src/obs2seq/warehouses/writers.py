"""Writers of what was made, on Spark."""

from collections.abc import Sequence

from pyspark.sql import DataFrame

from obs2seq.domain.files import is_hidden
from obs2seq.domain.locations import join
from obs2seq.ports import SequenceWriter, Storage, WrittenFile
from obs2seq.warehouses.failures import explained
from obs2seq.warehouses.footers import read_footers
from obs2seq.warehouses.readers import PARQUET_OPTIONS, Sessions, escaped

_NO_MARKER = {"mapreduce.fileoutputcommitter.marksuccessfuljobs": "false"}
"""No `_SUCCESS`: a run's manifest says that it is whole."""


class ParquetWriter(SequenceWriter):
    """Writes Parquet files, one a task.

    Args:
        sessions: Gives the session.
        storage: Lists what was written.
        compression: snappy, zstd, gzip or none.
    """

    def __init__(self, sessions: Sessions, storage: Storage, compression: str) -> None:
        self._sessions = sessions
        self._storage = storage
        self._compression = compression

    def write(self, frame: DataFrame, location: str) -> list[WrittenFile]:
        """Write the frame, and read the footers of its files for their rows.

        Spark's failures pass: they may well be the input's, which only the caller can name.
        """
        frame.write.mode("append").options(compression=self._compression, **_NO_MARKER).parquet(location)
        files = [file for file in self._storage.list_files(location) if not is_hidden(file.path)]
        sizes = {file.path: file.size for file in files}
        footers = read_footers(self._sessions(), location, files)
        return sorted(WrittenFile(footer.path, sizes[footer.path], footer.rows) for footer in footers)

    def read_back(self, location: str, files: Sequence[WrittenFile]) -> DataFrame:
        """Return a lazy frame over exactly these files."""
        paths = [escaped(join(location, file.path)) for file in files]
        with explained(location):
            return self._sessions().read.options(**PARQUET_OPTIONS).parquet(*paths)
