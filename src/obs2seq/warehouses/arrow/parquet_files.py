"""Observations in Parquet files: their footers now, their rows piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property, partial

import pyarrow as pa
import pyarrow.parquet as pq

from obs2seq.domain.locations import join
from obs2seq.errors import DataError
from obs2seq.ports import Source, all_columns
from obs2seq.storage.filesystems import opened
from obs2seq.warehouses.arrow.failures import unreadable
from obs2seq.warehouses.arrow.pieces import Observations, Piece
from obs2seq.warehouses.arrow.types import CODED_TEXT, as_spark_reads, spark_name, with_zone
from obs2seq.warehouses.file_columns import Footer, require_equal_columns


@dataclass(frozen=True)
class _File:
    """A file whose footer has been read."""

    path: str
    location: str
    metadata: pq.FileMetaData

    def __reduce__(self) -> tuple[Callable[[str, str], _File], tuple[str, str]]:
        """Let it travel without its footer: those of many files would be much to carry."""
        return _opened_file, (self.path, self.location)

    @cached_property
    def columns(self) -> dict[str, pa.DataType]:
        """The type of each top-level column as Spark reads it."""
        int96 = self._holding(lambda leaf: leaf.physical_type == "INT96")
        return {
            field.name: as_spark_reads(with_zone(field.type) if field.name in int96 else field.type)
            for field in self._schema
        }

    @cached_property
    def in_nanoseconds(self) -> set[str]:
        """The columns whose times are finer than Spark's."""
        return self._holding(lambda leaf: "nanoseconds" in str(leaf.logical_type))

    @cached_property
    def coded_texts(self) -> set[str]:
        """The columns of texts that Arrow reads as codes: it does not where texts are told by how they differ."""
        texts = [name for name, type_ in self.columns.items() if type_ in (pa.string(), CODED_TEXT)]
        indices = {self.metadata.schema.column(index).path: index for index in range(len(self.metadata.schema))}
        groups = [self.metadata.row_group(number) for number in range(self.metadata.num_row_groups)]
        return {name for name in texts if not any(_is_delta(group.column(indices[name])) for group in groups)}

    @cached_property
    def _schema(self) -> pa.Schema:
        return self.metadata.schema.to_arrow_schema()

    def _holding(self, is_meant: Callable[[pq.ColumnSchema], bool]) -> set[str]:
        """Return the columns with a leaf of some kind; a name may have dots in it."""
        leaves = (self.metadata.schema.column(index) for index in range(len(self.metadata.schema)))
        paths = [leaf.path for leaf in leaves if is_meant(leaf)]
        return {name for name in self._schema.names if any(f"{path}.".startswith(f"{name}.") for path in paths)}

    def row_groups(self, most: int) -> Iterator[tuple[list[int], int]]:
        """Yield runs of row groups that hold at most so many rows together, or one that holds more."""
        groups: list[int] = []
        rows = 0
        for index in range(self.metadata.num_row_groups):
            more = self.metadata.row_group(index).num_rows
            if groups and rows + more > most:
                yield groups, rows
                groups, rows = [], 0
            groups, rows = [*groups, index], rows + more
        if groups:
            yield groups, rows


def parquet_observations(
    source: Source, is_read: Callable[[str], bool], pool: Executor, is_first: Callable[[str], bool] = all_columns
) -> Observations:
    """Return what the files hold in the columns that are read, after a look at every footer.

    Columns that are read, but not first, wait until somebody asks a piece for them.

    Raises:
        DataError: A file is no Parquet file, or files differ in a column that is read.
    """
    files = list(pool.map(lambda file: _opened_file(file.path, join(source.location, file.path)), source.files))
    footers = [_footer(file) for file in files]
    different = require_equal_columns(source.location, footers, is_read)
    wanted = {
        name: type_ for name, type_ in files[0].columns.items() if is_read(name) and name.lower() not in different
    }
    _refuse_nanoseconds(files, wanted, source.location)
    types = {name: CODED_TEXT if type_ == pa.string() else type_ for name, type_ in wanted.items()}
    first = pa.schema([(name, type_) for name, type_ in types.items() if is_first(name)])
    rest = pa.schema([(name, type_) for name, type_ in types.items() if not is_first(name)])
    names = tuple(files[0].columns)

    def cut(most: int) -> list[Piece]:
        return [piece for file in files for piece in _pieces(file, first, rest, most)]

    return Observations(first, names, cut, rest)


def _pieces(file: _File, first: pa.Schema, rest: pa.Schema, most: int) -> Iterator[Piece]:
    whole = pa.schema([*first, *rest])
    for groups, rows in file.row_groups(most):
        if len(rest) and rows <= most:
            later = partial(_table, file, groups, rest)
            yield Piece(file.path, rows, partial(_tables, file, groups, rows, first, most), later)
        else:
            yield Piece(file.path, rows, partial(_tables, file, groups, rows, whole, most))


def _table(file: _File, groups: list[int], schema: pa.Schema) -> pa.Table:
    rows = sum(file.metadata.row_group(group).num_rows for group in groups)
    return next(_tables(file, groups, rows, schema, rows))[0]


def _tables(file: _File, groups: list[int], rows: int, schema: pa.Schema, most: int) -> Iterator[tuple[pa.Table, int]]:
    """Read row groups in the columns of a schema; one that holds too many rows comes in several tables."""
    small = {name.lower(): name for name in file.columns}
    names = [small[name.lower()] for name in schema.names]
    with unreadable(file.location), _opened(file, names) as reader:
        if rows <= most:
            yield _typed(reader.read_row_groups(groups, columns=names), schema, names), rows
            return
        for batch in reader.iter_batches(most, row_groups=groups, columns=names):
            yield _typed(pa.Table.from_batches([batch]), schema, names), len(batch)


def _typed(table: pa.Table, schema: pa.Schema, names: Sequence[str]) -> pa.Table:
    """Give columns the types of the schema; values that are not in them are an error."""
    columns = [_cast(table.column(name), field.type) for name, field in zip(names, schema, strict=True)]
    return pa.Table.from_arrays(columns, schema=schema)


def _cast(column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    if column.type == type_:
        return column
    if pa.types.is_dictionary(type_) and not pa.types.is_dictionary(column.type):
        return column.cast(type_.value_type).dictionary_encode()
    return column.cast(type_)


def _opened_file(path: str, location: str) -> _File:
    filesystem, there = opened(location)
    with unreadable(location):
        return _File(path, location, pq.read_metadata(there, filesystem=filesystem))


def _opened(file: _File, names: Sequence[str]) -> pq.ParquetFile:
    """Open a file for reading; texts stay the codes that they are in it."""
    filesystem, path = opened(file.location)
    return pq.ParquetFile(
        path,
        metadata=file.metadata,
        filesystem=filesystem,
        read_dictionary=[name for name in names if name in file.coded_texts],
        coerce_int96_timestamp_unit="us",
        # As Spark is told to: a damaged page that can still be unpacked would give other values, in silence.
        page_checksum_verification=True,
    )


def _is_delta(column: pq.ColumnChunkMetaData) -> bool:
    return any(encoding.startswith("DELTA") for encoding in column.encodings)


def _footer(file: _File) -> Footer:
    columns = {name.lower(): _file_type(type_) for name, type_ in file.columns.items()}
    return Footer(file.path, file.metadata.num_rows, columns)


def _file_type(type_: pa.DataType) -> str:
    name = spark_name(type_)
    return name if len(name) <= 60 else f"{name[:59]}…"


def _refuse_nanoseconds(files: Sequence[_File], wanted: dict[str, pa.DataType], location: str) -> None:
    for file in files:
        if any(name in wanted for name in file.in_nanoseconds):
            raise DataError(
                location,
                "expected times in milliseconds or microseconds, found nanoseconds",
                "write them in microseconds (pandas: to_parquet(..., coerce_timestamps='us'))",
            )
