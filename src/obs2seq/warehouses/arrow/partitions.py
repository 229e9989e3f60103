"""Columns out of the names of folders: `year=2026/school=b%201`, typed as Spark types them."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from urllib.parse import unquote

import pyarrow as pa

from obs2seq.domain.columns import require_columns
from obs2seq.errors import DataError
from obs2seq.ports import Source
from obs2seq.warehouses.arrow.pieces import Observations, Piece

_NULL = "__HIVE_DEFAULT_PARTITION__"
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLAIN = re.compile(r"(?![+-]?(?:[.0-9]|NaN|Inf)).*", re.DOTALL)
"""What Spark takes for nothing but a text."""
_UNCERTAIN = "whole numbers, dates like 2026-01-05, or texts that start with no digit"


def with_partitions(source: Source, observations: Observations, is_read: Callable[[str], bool]) -> Observations:
    """Add the columns that folders are named for, behind those of the files.

    Raises:
        DataError: A column is in the files too, or its values are such that Spark's type for them is not certain.
    """
    values = {file.path: _values(file.path) for file in source.files}
    names = list(next(iter(values.values())))
    _require_new(source.location, names, observations.names)
    types = {name: _type(source.location, name, [each[name] for each in values.values()]) for name in names}
    read = {name: type_ for name, type_ in types.items() if is_read(name)}
    schema = pa.schema([*observations.schema, *read.items()])

    def cut(most: int) -> list[Piece]:
        return [_extended(piece, values[piece.path], read, schema) for piece in observations.cut(most)]

    return Observations(schema, (*observations.names, *names), cut)


def _extended(piece: Piece, values: dict[str, str | None], types: dict[str, pa.DataType], schema: pa.Schema) -> Piece:
    constants = [_constant(values[name], type_) for name, type_ in types.items()]
    return Piece(piece.path, piece.size, partial(_tables, piece, constants, schema))


def _constant(value: str | None, type_: pa.DataType) -> pa.Scalar:
    is_whole = value is not None and pa.types.is_integer(type_)
    return pa.scalar(int(value), type_) if value is not None and is_whole else pa.scalar(value).cast(type_)


def _tables(piece: Piece, constants: Sequence[pa.Scalar], schema: pa.Schema) -> Iterator[tuple[pa.Table, int]]:
    for table, size in piece.read():
        added = [pa.repeat(constant, len(table)) for constant in constants]
        yield pa.Table.from_arrays([*table.columns, *added], schema=schema), size


def _values(path: str) -> dict[str, str | None]:
    parts = (folder.partition("=") for folder in path.split("/")[:-1] if "=" in folder)
    return {unquote(name): None if value == _NULL else unquote(value) for name, _, value in parts}


def _type(location: str, name: str, values: Sequence[str | None]) -> pa.DataType:
    known = [value for value in values if value is not None]
    if all(_WHOLE.fullmatch(value) for value in known) and known:
        most = max(abs(int(value)) for value in known)
        return pa.int32() if most < 2**31 else pa.int64()
    if all(_DATE.fullmatch(value) for value in known) and known:
        return pa.date32()
    if any(_PLAIN.fullmatch(value) for value in known) or not known:
        return pa.string()
    raise DataError(location, f"expected folders {name}=<value> of {_UNCERTAIN}, found others", "rename the folders")


def _require_new(location: str, names: Sequence[str], in_files: Sequence[str]) -> None:
    for name in names:
        if name.lower() in {each.lower() for each in in_files}:
            raise DataError(
                location,
                f"expected the column '{name}' in the files or in the folders' names, found it in both",
                "rename it",
            )
    require_columns(names, names)
