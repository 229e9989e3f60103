"""The types that Spark gives the columns of CSV files: told from all values, at the cost of a pass over the files."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.errors import DataError
from obs2seq.warehouses.arrow.texts.fields import Read, reader_for
from obs2seq.warehouses.arrow.texts.values import dates
from obs2seq.warehouses.arrow.types import INSTANT

_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_WHOLE = r"^[+-]?[0-9]+$"
_UNCERTAIN = (
    r"^\s*[+-]?0[xX][0-9a-fA-F.]+[pP]"
    r"|^\s*T?[0-9]{1,2}:[0-9]{1,2}"
    r"|^\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[T ]\s*[0-9]"
)
"""What Spark may take for a number or a time, and what is not read here."""
_INT, _BIGINT, _DOUBLE, _DATE_TYPE, _BOOLEAN = pa.int32(), pa.int64(), pa.float64(), pa.date32(), pa.bool_()


class ColumnTypes:
    """Collects the types that the values of one column have.

    Args:
        where: The location and the column, for messages.
        instants_of: Reads times.
    """

    def __init__(self, where: str, name: str, instants_of: Read) -> None:
        self._where, self._name, self._instants_of = where, name, instants_of
        self._found: set[pa.DataType] = set()

    def add(self, texts: pa.Array) -> None:
        """Look at some values."""
        if self._found >= {pa.string()} or texts.null_count == len(texts):
            return
        left = texts.drop_null()
        for type_, read in self._readers():
            values = read(left)
            if values.null_count < len(left):
                self._found.add(type_)
                left = left.filter(pc.is_null(values))
        if len(left):
            self._refuse_uncertain(left)
            self._found.add(pa.string())

    @staticmethod
    def merged(columns: Iterable[ColumnTypes]) -> pa.DataType:
        """Return the type that holds all values of a column that lies in several files."""
        found = set().union(*(column._found for column in columns))
        if len(found) == 1:
            return next(iter(found))
        for known in ((_INT, _BIGINT), (_INT, _BIGINT, _DOUBLE), (_DATE_TYPE, INSTANT)):
            if found and found <= set(known):
                return known[-1]
        return pa.string()

    def _readers(self) -> Iterable[tuple[pa.DataType, Read]]:
        """Return what reads each type, in the order in which Spark tries them."""
        for type_ in (_INT, _BIGINT, _DOUBLE, _DATE_TYPE, INSTANT, _BOOLEAN):
            read = reader_for(type_, self._instants_of)
            assert read is not None, "all of these can be read"
            yield type_, self._double if type_ == _DOUBLE else _strict_dates if type_ == _DATE_TYPE else read

    def _double(self, texts: pa.Array) -> pa.Array:
        if pc.any(pc.match_substring_regex(texts, _WHOLE)).as_py():
            raise self._uncertain("whole numbers of more than 18 digits")
        read = reader_for(_DOUBLE, self._instants_of)
        assert read is not None, "doubles can be read"
        return read(texts)

    def _refuse_uncertain(self, texts: pa.Array) -> None:
        if pc.any(pc.match_substring_regex(texts, _UNCERTAIN)).as_py():
            raise self._uncertain("times of another form than 2026-01-05 08:00:00")

    def _uncertain(self, found: str) -> DataError:
        return DataError(
            self._where,
            f"expected the values in column '{self._name}' to be of a type that is certain, found {found}",
            "set input_schema",
        )


def _strict_dates(texts: pa.Array) -> pa.Array:
    is_date = pc.match_substring_regex(texts, _DATE)
    return dates(pc.if_else(is_date, texts, None))
