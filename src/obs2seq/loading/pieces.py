"""The data of a run in pieces that are read one by one: the row groups of its Parquet files."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.parquet as pq

from obs2seq.domain.locations import is_s3, join
from obs2seq.domain.manifest import Manifest
from obs2seq.errors import StorageError
from obs2seq.storage.filesystems import opened

_HINT = "load again, as a newer run may have replaced this one; or run with force to publish a new run"


@dataclass(frozen=True)
class Piece:
    """Some sequences that are read together."""

    location: str
    """Of the file."""
    row_group: int
    rows: int


class Pieces(ABC):
    """The sequences of a run, piece by piece, in the order of the manifest."""

    @property
    @abstractmethod
    def pieces(self) -> Sequence[Piece]:
        """Each has rows."""

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """The output columns and their types, texts plain."""

    @abstractmethod
    def read(self, piece: Piece, columns: Collection[str], *, codes: bool) -> pa.Table:
        """Return some output columns of a piece, on the calling thread; texts in dictionaries where asked for."""

    @abstractmethod
    def read_parts(self, piece: Piece, columns: Collection[str], rows: int) -> Iterator[pa.Table]:
        """Yield the same in order, so many rows at a time, texts in dictionaries; less is in memory at a time."""


class ParquetFiles:
    """Parquet files of a run. Footers are read once.

    Args:
        run_location: Where they lie.
        manifest: Names them.
        folder: Which of them: those whose path begins so.
        threads: How many are opened at a time.
    """

    def __init__(self, run_location: str, manifest: Manifest, folder: str, threads: int) -> None:
        self._rows = {join(run_location, f.path): f.rows for f in manifest.files if f.path.startswith(folder)}
        self._run_location, self._threads = run_location, threads

    @cached_property
    def footers(self) -> dict[str, pq.FileMetaData]:
        """The footer of each file.

        Raises:
            StorageError: A file cannot be read, or holds another number of rows than the manifest says.
        """
        with ThreadPoolExecutor(self._threads) as pool:
            footers = dict(zip(self._rows, pool.map(self._footer, self._rows), strict=True))
        for location, footer in footers.items():
            if footer.num_rows != self._rows[location]:
                problem = f"expected the manifest's {self._rows[location]} rows, found {footer.num_rows}"
                raise StorageError(location, problem, _HINT)
        return footers

    @property
    def row_groups(self) -> list[Piece]:
        """All row groups that hold rows."""
        return [
            Piece(location, i, footer.row_group(i).num_rows)
            for location, footer in self.footers.items()
            for i in range(footer.num_row_groups)
            if footer.row_group(i).num_rows
        ]

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of the first file; those of the others are the same."""
        location = next(iter(self.footers), None)
        if location is None:
            raise StorageError(self._run_location, "expected Parquet files, found none", _HINT)
        with self._opened(location) as file:
            return file.schema_arrow

    def read(self, location: str, row_group: int, columns: Collection[str], *, codes: bool, threads: bool) -> pa.Table:
        """Return columns of a row group."""
        with self._opened(location, self._texts(columns) if codes else ()) as file:
            return file.read_row_group(row_group, columns=list(columns), use_threads=threads)

    def read_parts(self, location: str, row_group: int, columns: Collection[str], rows: int) -> Iterator[pa.Table]:
        """Yield columns of a row group, so many rows at a time, texts in dictionaries."""
        with self._opened(location, self._texts(columns)) as file:
            for batch in file.iter_batches(rows, row_groups=[row_group], columns=list(columns), use_threads=False):
                yield pa.table(batch)

    def _texts(self, columns: Collection[str]) -> list[str]:
        """Return the paths of the texts within columns, as Parquet names them."""
        leaves = next(iter(self.footers.values())).schema
        paths = [leaves.column(i).path for i in range(len(leaves)) if str(leaves.column(i).logical_type) == "String"]
        return [path for path in paths if path.split(".")[0] in columns]

    def _footer(self, location: str) -> pq.FileMetaData:
        with _refusals(location), _open_input(location) as file:
            return pq.read_metadata(file)

    @contextmanager
    def _opened(self, location: str, texts: Sequence[str] = ()) -> Iterator[pq.ParquetFile]:
        with (
            _refusals(location),
            _open_input(location) as source,
            pq.ParquetFile(
                source,
                metadata=self.footers[location],
                read_dictionary=list(texts),
                pre_buffer=is_s3(location),
                coerce_int96_timestamp_unit="us",
            ) as file,
        ):
            yield file


class PaddedPieces(Pieces):
    """Sequences as the contract has them: a row group is a piece.

    Args:
        files: Hold them.
        threads: How many pieces will be read at a time.
    """

    def __init__(self, files: ParquetFiles, threads: int) -> None:
        self._files, self._threads = files, threads

    @cached_property
    def pieces(self) -> Sequence[Piece]:
        return self._files.row_groups

    @property
    def schema(self) -> pa.Schema:
        return self._files.schema

    def read(self, piece: Piece, columns: Collection[str], *, codes: bool) -> pa.Table:
        is_alone = len(self.pieces) < self._threads
        return self._files.read(piece.location, piece.row_group, columns, codes=codes, threads=is_alone)

    def read_parts(self, piece: Piece, columns: Collection[str], rows: int) -> Iterator[pa.Table]:
        return self._files.read_parts(piece.location, piece.row_group, columns, rows)


@contextmanager
def _refusals(location: str) -> Iterator[None]:
    """Say what cannot be read as a `StorageError`."""
    try:
        yield
    except StorageError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise StorageError(location, "expected a Parquet file that can be read, found otherwise", _HINT) from error


def _open_input(location: str) -> pa.NativeFile:
    filesystem, path = opened(location)
    return filesystem.open_input_file(path)
