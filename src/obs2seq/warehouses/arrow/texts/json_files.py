"""Files of JSON lines in tables: by Arrow's parser where that gives what Spark's gives, record by record elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyarrow import json as arrow_json

from obs2seq.domain.files import StoredFile
from obs2seq.domain.locations import join
from obs2seq.errors import DataError
from obs2seq.storage.filesystems import opened
from obs2seq.warehouses.arrow.failures import unreadable
from obs2seq.warehouses.arrow.texts.fields import Read, reader_for
from obs2seq.warehouses.arrow.texts.json_values import MisfitError, as_lists, fitting, instant, lengths_of
from obs2seq.warehouses.arrow.types import INSTANT

_BLOCK = 1 << 23
_PARSED = {pa.bool_(), pa.int64(), pa.float64(), pa.string()}
"""The types that Arrow's parser and Spark's understand alike."""
_KINDS: dict[type, pa.DataType] = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
_BITS = 63
_LONG_NUMBER = re.compile(rb"[:,\[\s]-?[0-9]{19,}\s*[,}\]]")
"""What Arrow may take for a double."""


class JsonFiles:
    """Reads files of JSON lines.

    Args:
        location: Of the source.
        instants_of: Reads times.
    """

    def __init__(self, location: str, instants_of: Read) -> None:
        self._location, self._instants_of = location, instants_of

    def types(self, file: StoredFile, is_read: Callable[[str], bool]) -> dict[str, set[pa.DataType]]:
        """Return the types that the values of each key have; of those that are not read, none."""
        found: dict[str, set[pa.DataType]] = {}
        for _, block in self._blocks(file):
            for name, types in self._types(file, block, is_read).items():
                found.setdefault(name, set()).update(types)
        return found

    def tables(self, file: StoredFile, schema: pa.Schema) -> Iterator[tuple[pa.Table, int]]:
        """Yield a file's records in the columns of a schema, and the bytes of each table's text.

        Raises:
            DataError: A record is no JSON object, or a value is not of its column's type.
        """
        for size, block in self._blocks(file):
            yield self._table(file, block, schema), size

    def _table(self, file: StoredFile, block: bytes, schema: pa.Schema) -> pa.Table:
        plain = [(field.name, _parsed_type(field.type)) for field in schema]
        try:
            parsed = _parsed(block, pa.schema(plain), "ignore")
            columns = [self._typed(parsed.column(field.name), field.type) for field in schema]
        except (pa.ArrowInvalid, MisfitError):
            columns = [self._column(self._records(file, block), field) for field in schema]
        return pa.Table.from_arrays(columns, schema=schema)

    def _typed(self, column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
        if pa.types.is_list(type_):
            lists = column.combine_chunks()
            values = self._typed(pa.chunked_array([lists.flatten()]), type_.value_type)
            return pa.chunked_array([as_lists(values, lists.value_lengths())])
        if column.type != pa.string() or type_ == pa.string():
            return column.cast(type_)
        texts = column.combine_chunks()
        values = self._read(texts, type_)
        if values.null_count > texts.null_count:
            raise MisfitError
        return pa.chunked_array([values])

    def _read(self, texts: pa.Array, type_: pa.DataType) -> pa.Array:
        """Read what stands in quotes: times and decimals."""
        read = reader_for(type_, self._instants_of) if _is_written(type_) else None
        if read is None:
            raise MisfitError
        return read(texts)

    def _column(self, records: list[dict[str, Any]], field: pa.Field) -> pa.Array:
        """Take one key of records as Spark does."""
        try:
            return self._values([record.get(field.name) for record in records], field.type)
        except (pa.ArrowInvalid, OverflowError, MisfitError):
            raise _malformed(self._location) from None

    def _values(self, values: list[Any], type_: pa.DataType) -> pa.Array:
        if pa.types.is_list(type_):
            lengths = lengths_of(values)
            members = [member for value in values for member in value or ()]
            return as_lists(pa.chunked_array([self._values(members, type_.value_type)]), lengths)
        if _is_written(type_):
            return self._written(values, type_)
        return pa.array([fitting(value, type_) for value in values], type_)

    def _written(self, values: list[Any], type_: pa.DataType) -> pa.Array:
        numbers = type_ == INSTANT and [type(value) is int for value in values]
        if numbers and any(numbers):
            return pa.array([instant(value, self._instants_of) for value in values], INSTANT)
        is_text = [value is None or isinstance(value, str | Decimal) for value in values]
        if not all(is_text) and not pa.types.is_decimal(type_):
            raise MisfitError
        texts = pa.array([None if value is None else str(value) for value in values], pa.string())
        read = self._read(texts, type_)
        if read.null_count > texts.null_count:
            raise MisfitError
        return read

    def _types(self, file: StoredFile, block: bytes, is_read: Callable[[str], bool]) -> dict[str, set[pa.DataType]]:
        if _LONG_NUMBER.search(block):
            return self._types_of(self._records(file, block), is_read)
        try:
            table = _parsed(block, None, "infer")
        except pa.ArrowInvalid:
            return self._types_of(self._records(file, block), is_read)
        kinds = {field.name: _kind(field.type) for field in table.schema}
        wanted = [name for name in kinds if is_read(name)]
        if any(kinds[name] is None for name in wanted):
            raise self._nested(next(name for name in wanted if kinds[name] is None))
        return {name: {kind} if kind is not None and kind != pa.null() else set() for name, kind in kinds.items()}

    def _types_of(self, records: list[dict[str, Any]], is_read: Callable[[str], bool]) -> dict[str, set[pa.DataType]]:
        found: dict[str, set[pa.DataType]] = {}
        for record in records:
            for name, value in record.items():
                types = found.setdefault(name, set())
                if value is not None and is_read(name):
                    types.update(self._types_of_value(name, value))
        return found

    def _types_of_value(self, name: str, value: Any) -> set[pa.DataType]:
        if not isinstance(value, list):
            return {self._type_of(name, value)}
        kinds = {self._type_of(name, member) for member in value if member is not None}
        return {pa.list_(kind) for kind in kinds or {pa.null()}}

    def _type_of(self, name: str, value: Any) -> pa.DataType:
        if type(value) is int and value.bit_length() > _BITS:
            raise self._nested(name)
        kind = pa.float64() if isinstance(value, Decimal) else _KINDS.get(type(value))
        if kind is None:
            raise self._nested(name)
        return kind

    def _nested(self, name: str) -> DataError:
        return DataError(
            self._location,
            f"expected texts, numbers, true, false, null or arrays of such under '{name}' where engine is arrow, found "
            "something else",
            "set engine: spark",
        )

    def _records(self, file: StoredFile, block: bytes) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        for line in block.splitlines():
            if not line.strip():
                continue
            try:
                read = json.loads(line.decode("utf-8", "replace"), parse_float=Decimal)
            except ValueError:
                raise _malformed(join(self._location, file.path)) from None
            records += read if isinstance(read, list) else [read]
        if not all(isinstance(record, dict) for record in records):
            raise _malformed(join(self._location, file.path))
        return records

    def _blocks(self, file: StoredFile) -> Iterator[tuple[int, bytes]]:
        """Yield whole lines, several at a time, and how much of the file they are."""
        where = join(self._location, file.path)
        filesystem, path = opened(where)
        is_packed = path.lower().endswith(".gz")
        with unreadable(where), filesystem.open_input_stream(path, compression="gzip" if is_packed else None) as stream:
            rest, is_first = b"", True
            while more := stream.read(_BLOCK):
                content = (rest + more).removeprefix(b"\xef\xbb\xbf" if is_first else b"")
                is_first = False
                whole, _, rest = content.rpartition(b"\n")
                if whole.strip():
                    yield len(whole) // (8 if is_packed else 1), whole
            if rest.strip():
                yield len(rest), rest


def merged_type(types: set[pa.DataType]) -> pa.DataType:
    """Return the type that Spark gives a key whose values are of some types."""
    if types and all(pa.types.is_list(type_) for type_ in types):
        return pa.list_(merged_type({type_.value_type for type_ in types} - {pa.null()}))
    if len(types) == 1:
        return next(iter(types))
    return pa.float64() if types == {pa.int64(), pa.float64()} else pa.string()


def _parsed(block: bytes, schema: pa.Schema | None, unexpected: str) -> pa.Table:
    options = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unexpected)
    read = arrow_json.ReadOptions(use_threads=False, block_size=max(len(block) + 1, 1 << 16))
    return arrow_json.read_json(pa.BufferReader(block), read, options)


def _parsed_type(type_: pa.DataType) -> pa.DataType:
    """Return the type by which Arrow's parser reads values of a type; what stands in quotes is a text at first."""
    if pa.types.is_list(type_):
        return pa.list_(_parsed_type(type_.value_type))
    if pa.types.is_integer(type_):
        return pa.int64()
    return pa.float64() if pa.types.is_floating(type_) else type_ if type_ == pa.bool_() else pa.string()


def _kind(type_: pa.DataType) -> pa.DataType | None:
    """Return the type of what Arrow has parsed without being told; times stand in quotes. None where it is nested."""
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_) or pa.types.is_time(type_):
        return pa.string()
    if pa.types.is_list(type_):
        kind = None if pa.types.is_list(type_.value_type) else _kind(type_.value_type)
        return None if kind is None else pa.list_(kind)
    return type_ if type_ in _PARSED or pa.types.is_null(type_) else None


def _is_written(type_: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(type_) or pa.types.is_decimal(type_))


def _malformed(where: str) -> DataError:
    return DataError(
        where,
        "expected every record to be one line that fits the columns' types, found one that does not",
        "set input_schema to types that all records fit (string fits all), and convert under columns",
    )
