"""The columns that a statement may read: those of a table, and those that the settings make of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from obs2seq.domain.columns import require_columns
from obs2seq.errors import ConfigurationError
from obs2seq.sql.column_types import ColumnType, require_scalar_type, scalar_type
from obs2seq.sql.identifiers import quoted
from obs2seq.sql.terms import Kind, Term, kind_of

if TYPE_CHECKING:
    from obs2seq.sql.expressions import Columns

_BOOLEAN: tuple[Kind | None, ...] = ("boolean", "null", None)


class MappedColumns:
    """A table's columns, and in their place or beside them those of the settings.

    Args:
        types: All columns of the table, in order, with their types; None: not known.
        columns: Name → the name of a column of the table, or a Spark SQL expression over them.

    Raises:
        ConfigurationError: An expression cannot be used; it is named.
    """

    def __init__(self, types: Mapping[str, str] | None, columns: Mapping[str, str]) -> None:
        self._raw = types
        self._types = {name.lower(): scalar_type(type_) for name, type_ in (types or {}).items()}
        self._made = {
            name.lower(): self._term(f"columns.{name}", text, self._types if types is not None else None)[0]
            for name, text in columns.items()
        }
        made = {name.lower(): name for name in columns}
        kept = [made.pop(name.lower(), name) for name in types or ()]
        self.names = (*kept, *made.values())
        """All names, in the table's order, those that the settings add at the end."""

    @property
    def is_known(self) -> bool:
        """Whether the table's columns are known."""
        return self._raw is not None

    def require(self, names: tuple[str, ...]) -> None:
        """Raise `DataError` for what is missing, where the table's columns are known."""
        if self.is_known:
            require_columns(names, self.names)

    def expression(self, name: str) -> str:
        """Return what the table is asked for to get a column."""
        made = self._made.get(name.lower())
        return made.sql if made else quoted(name)

    def kind(self, name: str) -> Kind | None:
        """Return what kind of values a column has, or None where that is not known."""
        made = self._made.get(name.lower())
        return made.kind if made else kind_of(self._types.get(name.lower()))

    def types(self, names: tuple[str, ...], scalars: tuple[str, ...]) -> dict[str, ColumnType]:
        """Return the types of columns as far as they are known; raise `DataError` for one of `scalars` that is none."""
        found = {name: self._type(name, is_required=name in scalars) for name in names}
        return {name: type_ for name, type_ in found.items() if type_ is not None}

    def type_name(self, name: str) -> str:
        """Return the table's own name of a column's type; empty where it is not known."""
        return {each.lower(): type_ for each, type_ in (self._raw or {}).items()}.get(name.lower(), "")

    def condition(self, setting: str, text: str | None) -> tuple[str | None, set[str]]:
        """Return a predicate over these columns, and the names that it reads.

        Raises:
            ConfigurationError: It cannot be used, or is no condition.
        """
        if text is None:
            return None, set()
        known = {name.lower(): self._type(name, is_required=False) for name in self.names}
        term, read = self._term(setting, text, known if self.is_known else None)
        if term.kind not in _BOOLEAN:
            raise ConfigurationError(setting, f"expected a condition, found an expression of type {term.kind}")
        return term.sql, read

    def _type(self, name: str, *, is_required: bool) -> ColumnType | None:
        made = self._made.get(name.lower())
        if made:
            return made.type
        if is_required and (type_name := self.type_name(name)):
            return require_scalar_type(name, type_name)
        return self._types.get(name.lower())

    def _term(self, setting: str, text: str, known: Columns | None) -> tuple[Term, set[str]]:
        """Read a setting as a column's name, or else as Spark SQL."""
        if known is not None and text.lower() in known:
            type_ = known[text.lower()]
            return Term(quoted(text), kind_of(type_), type_), {text}
        return _translated(setting, text, known)


def _translated(setting: str, text: str, known: Columns | None) -> tuple[Term, set[str]]:
    try:
        from obs2seq.sql.expressions import translated
    except ModuleNotFoundError as error:
        problem = f"expected what translates expressions for Athena to be installed, found no module '{error.name}'"
        raise ConfigurationError(setting, problem, "pip install 'obs2seq[athena]'") from error
    return translated(setting, text, known)
