"""CSV files in batches of texts."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from obs2seq.domain.files import StoredFile
from obs2seq.domain.locations import join
from obs2seq.domain.validation import shortened
from obs2seq.errors import ConfigurationError, DataError
from obs2seq.ports import Source
from obs2seq.storage.filesystems import opened
from obs2seq.warehouses.arrow.failures import corrupt, unreadable
from obs2seq.warehouses.arrow.limits import UnfitError
from obs2seq.warehouses.header_names import first_difference, require_header

_BLOCK = 1 << 20
_ESCAPED = {"\\t": "\t"}


@dataclass(frozen=True)
class CsvForm:
    """How values stand in the files; the settings under Spark's names."""

    delimiter: str
    quote: str
    has_header: bool
    encoding: str
    null: str

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> CsvForm:
        """Take the settings; raise `UnfitError` for those that only Spark follows."""
        delimiter = _ESCAPED.get(options["sep"], options["sep"])
        if len(delimiter.encode()) != 1:
            raise _refused("csv_delimiter", "one character of ASCII", delimiter)
        if options["quote"] and options["escape"] != options["quote"]:
            raise _refused("csv_escape", "the same as csv_quote", options["escape"])
        return cls(delimiter, options["quote"], options["header"], _codec(options["encoding"]), options["nullValue"])


class CsvFiles:
    """The files of a source.

    Args:
        source: The files.
        form: How values stand in them.
    """

    def __init__(self, source: Source, form: CsvForm) -> None:
        self._source, self._form = source, form
        self._skipped: dict[str, int] = {}

    def names(self, schema: pa.Schema | None) -> list[str]:
        """Return the columns' names, after a look at every file's first line.

        Raises:
            DataError: The files differ, or do not have the columns of the schema.
        """
        if schema is not None and not self._form.has_header:
            return list(schema.names)
        headers = [(file.path, names) for file in self._source.files if (names := self._header(file))]
        expected = _names(schema, headers)
        for path, names in headers:
            if [name.lower() for name in names] != [name.lower() for name in expected] and schema is not None:
                raise DataError(
                    self._source.location,
                    "expected the same header in every CSV file, and the columns of input_schema where it is set, "
                    f"found another in {path}",
                    "name files of one kind alone, or correct input_schema",
                )
            if self._form.has_header and names != expected and schema is None:
                raise self._different(headers[0][0], expected, path, names)
        if not self._form.has_header:
            return [f"_c{number}" for number in range(len(expected))]
        if schema is None:
            require_header(self._source.location, expected)
        return list(schema.names) if schema is not None else _distinct(expected, self._form.null)

    def batches(self, file: StoredFile, names: Sequence[str], wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read a file's wanted columns as texts, null where a value is; raise `DataError` where a line has not all."""
        where = join(self._source.location, file.path)
        with unreadable(where), _stream(where) as stream:
            try:
                yield from self._open(stream, names, wanted, self._skipped.get(file.path, 0))
            except pa.ArrowInvalid as error:
                raise _malformed(where, error) from error

    def _open(
        self, stream: pa.NativeFile, names: Sequence[str], wanted: Sequence[str], skipped: int
    ) -> Iterator[pa.RecordBatch]:
        form = self._form
        reader = csv.open_csv(
            stream,
            csv.ReadOptions(
                use_threads=False,
                block_size=_BLOCK,
                column_names=list(names),
                skip_rows=skipped,
                encoding=form.encoding,
            ),
            self._parse_options(),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()),
                include_columns=list(wanted),
                null_values=[form.null],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        for batch in reader:
            yield pa.RecordBatch.from_arrays([_decoded(column) for column in batch.columns], list(wanted))

    def _parse_options(self) -> csv.ParseOptions:
        return csv.ParseOptions(
            delimiter=self._form.delimiter, quote_char=self._form.quote or False, double_quote=bool(self._form.quote)
        )

    def _header(self, file: StoredFile) -> list[str]:
        """Return what stands in a file's first line that is not empty; nothing where there is none."""
        where = join(self._source.location, file.path)
        with unreadable(where), _stream(where) as stream:
            lines = _first_lines(stream, self._form.encoding)
        if not lines:
            return []
        self._skipped[file.path] = len(lines) if self._form.has_header else 0
        return _split(lines[-1], self._parse_options())

    def _different(self, first: str, expected: list[str], path: str, names: list[str]) -> DataError:
        return DataError(
            self._source.location,
            f"expected the same header in every CSV file, to the letter, found {path} to differ from {first} "
            f"in column {first_difference(names, expected)}",
            "name files of one kind alone, or set input_schema",
        )


def _names(schema: pa.Schema | None, headers: Sequence[tuple[str, list[str]]]) -> list[str]:
    if schema is not None:
        return list(schema.names)
    return headers[0][1] if headers else []


def _distinct(names: Sequence[str], null: str) -> list[str]:
    """Name as Spark does what has no name, or one that stands twice."""
    small = [name.lower() for name in names]
    return [
        f"_c{number}" if name in ("", null) else f"{name}{number}" if small.count(name.lower()) > 1 else name
        for number, name in enumerate(names)
    ]


def _split(line: str, options: csv.ParseOptions) -> list[str]:
    read = csv.ReadOptions(autogenerate_column_names=True)
    texts = csv.ConvertOptions(strings_can_be_null=False, column_types={f"f{i}": pa.string() for i in range(10_000)})
    row = csv.read_csv(pa.BufferReader(f"{line}\n".encode()), read, options, texts)
    return [column[0].as_py() for column in row.columns]


def _first_lines(stream: pa.NativeFile, encoding: str) -> list[str]:
    """Return the lines up to the first with something on it; none where there is none."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    text = ""
    while more := stream.read(_BLOCK):
        text += decoder.decode(more)
        lines = text.removeprefix("\ufeff").splitlines()
        written = next((number for number, line in enumerate(lines[:-1]) if line.strip()), None)
        if written is not None:
            return lines[: written + 1]
    lines = (text + decoder.decode(b"", final=True)).removeprefix("\ufeff").splitlines()
    written = next((number for number, line in enumerate(lines) if line.strip()), None)
    return [] if written is None else lines[: written + 1]


def _stream(where: str) -> pa.NativeFile:
    filesystem, path = opened(where)
    return filesystem.open_input_stream(path, compression="gzip" if path.lower().endswith(".gz") else None)


def _decoded(column: pa.Array) -> pa.Array:
    """Return bytes as texts, with U+FFFD where they are no UTF-8."""
    try:
        return pc.cast(column, pa.string())
    except pa.ArrowInvalid:
        texts = [None if each is None else each.decode("utf-8", "replace") for each in column.to_pylist()]
        return pa.array(texts, pa.string())


def _malformed(where: str, error: pa.ArrowInvalid) -> DataError:
    if "CSV parse error" not in str(error):
        return corrupt(where)
    return DataError(
        where,
        "expected every record to be one line that fits the columns' types, found one that does not",
        "set input_schema to types that all records fit (string fits all), and convert under columns",
    )


def _codec(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        problem = f"expected the name of a character set, found {shortened(name)}"
        raise ConfigurationError("csv_encoding", problem, "such as UTF-8, UTF-16LE or ISO-8859-1") from error


def _refused(setting: str, expected: str, found: str) -> UnfitError:
    return UnfitError(
        setting, f"expected {expected} where engine is arrow, found {shortened(found)}", "set engine: spark"
    )
