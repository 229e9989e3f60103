"""Observations in CSV or JSON files: their columns and types now, their rows piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from functools import partial

import pyarrow as pa

from obs2seq.domain.columns import require_columns
from obs2seq.domain.files import StoredFile
from obs2seq.domain.job import Job
from obs2seq.domain.locations import join
from obs2seq.errors import DataError, DataNotFoundError
from obs2seq.ports import Source
from obs2seq.warehouses.arrow.pieces import Observations, Piece
from obs2seq.warehouses.arrow.texts.csv_files import CsvFiles, CsvForm
from obs2seq.warehouses.arrow.texts.ddl import refused, schema_of
from obs2seq.warehouses.arrow.texts.fields import Read, reader_for
from obs2seq.warehouses.arrow.texts.inference import ColumnTypes
from obs2seq.warehouses.arrow.texts.json_files import JsonFiles, merged_type
from obs2seq.warehouses.arrow.texts.patterns import Pattern
from obs2seq.warehouses.arrow.texts.values import instants


def text_observations(source: Source, job: Job, is_read: Callable[[str], bool], pool: Executor) -> Observations:
    """Return what the files hold in the columns that are read; infers their types now where no schema is given.

    Raises:
        ConfigurationError: A setting is one that only Spark follows.
        DataError: The files differ, or their types are not certain.
        DataNotFoundError: There are no columns in them.
    """
    ddl, pattern = job.text_options.get("schema"), job.text_options.get("timestampFormat")
    instants_of = Pattern(pattern).read if pattern else instants
    schema = schema_of(ddl) if ddl else None
    if source.format == "json":
        return _of_json(source, schema, is_read, JsonFiles(source.location, instants_of), pool)
    if schema is not None and any(pa.types.is_list(type_) for type_ in schema.types):
        raise refused(str(ddl))
    files = CsvFiles(source, CsvForm.of(job.text_options))
    return _of_csv(source, schema, is_read, _Csv(source, files, instants_of), pool)


class _Csv:
    """CSV files with the types of their columns."""

    def __init__(self, source: Source, files: CsvFiles, instants_of: Read) -> None:
        self.files, self.instants_of, self._location = files, instants_of, source.location

    def types(self, file: StoredFile, names: Sequence[str], wanted: Sequence[str]) -> list[ColumnTypes]:
        """Look at all values of a file."""
        found = [ColumnTypes(self._location, name, self.instants_of) for name in wanted]
        for batch in self.files.batches(file, names, wanted):
            for column, types in zip(batch.columns, found, strict=True):
                types.add(column)
        return found

    def tables(self, file: StoredFile, names: Sequence[str], schema: pa.Schema) -> Iterator[tuple[pa.Table, int]]:
        """Yield a file's rows in the columns of a schema, and about how many of its bytes they are."""
        for batch in self.files.batches(file, names, schema.names):
            columns = [self._typed(file, *each) for each in zip(batch.columns, schema.types, strict=True)]
            yield pa.Table.from_arrays(columns, schema=schema), batch.nbytes

    def _typed(self, file: StoredFile, texts: pa.Array, type_: pa.DataType) -> pa.Array:
        read = reader_for(type_, self.instants_of)
        assert read is not None, "types were looked at before"
        values = read(texts)
        if values.null_count > texts.null_count:
            raise DataError(
                join(self._location, file.path),
                "expected every record to be one line that fits the columns' types, found one that does not",
                "set input_schema to types that all records fit (string fits all), and convert under columns",
            )
        return values


def _of_csv(
    source: Source, schema: pa.Schema | None, is_read: Callable[[str], bool], csv: _Csv, pool: Executor
) -> Observations:
    names = csv.files.names(schema)
    if not names:
        raise DataNotFoundError(source.location, "expected files with observations, found no columns in them")
    wanted = [name for name in names if is_read(name)]
    require_columns(wanted, names)
    if schema is None:
        found = list(pool.map(lambda file: csv.types(file, names, wanted), source.files))
        types = [ColumnTypes.merged(columns) for columns in zip(*found, strict=True)]
        schema = pa.schema(zip(wanted, types, strict=True))
    read = pa.schema([(name, schema.field(name).type) for name in wanted])

    def cut(_: int) -> list[Piece]:
        return [Piece(file.path, file.size, partial(csv.tables, file, names, read)) for file in source.files]

    return Observations(read, names, cut)


def _of_json(
    source: Source, schema: pa.Schema | None, is_read: Callable[[str], bool], files: JsonFiles, pool: Executor
) -> Observations:
    if schema is None:
        schema = _inferred(list(pool.map(lambda file: files.types(file, is_read), source.files)))
    if not schema.names:
        raise DataNotFoundError(source.location, "expected files with observations, found no columns in them")
    names = list(schema.names)
    require_columns(names, names)
    read = pa.schema([schema.field(name) for name in names if is_read(name)])

    def cut(_: int) -> list[Piece]:
        return [Piece(file.path, file.size, partial(files.tables, file, read)) for file in source.files]

    return Observations(read, names, cut)


def _inferred(found: Sequence[dict[str, set[pa.DataType]]]) -> pa.Schema:
    """Put all files' keys together, in the order of their names, as Spark does."""
    names = sorted({name for each in found for name in each})
    merged = {name: set().union(*(each.get(name, set()) for each in found)) for name in names}
    return pa.schema([(name, merged_type(types)) for name, types in merged.items()])
