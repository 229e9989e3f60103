"""Expressions of the settings, which are Spark SQL, as Athena's engine computes them.

sqlglot reads them. What they become is written here and in `operations`, for a translation that is merely accepted is
no translation: Trino rounds where Spark cuts off, calls no NaN equal to another, and takes other texts for times. What
is not known to mean the same is refused by its name.
"""

from collections.abc import Iterable, Mapping

from sqlglot import exp

from obs2seq.domain.validation import nearest
from obs2seq.errors import ConfigurationError
from obs2seq.sql.column_types import ColumnType
from obs2seq.sql.identifiers import quoted
from obs2seq.sql.operations import OPERATIONS, UntranslatableError
from obs2seq.sql.parsing import parsed
from obs2seq.sql.terms import Term, kind_of

_HINT = "compute it in a view, and name the view as athena_table"

Columns = Mapping[str, ColumnType | None]
"""The columns that an expression may read: for each name its type, None where it is not known, or no scalar."""


class _Translation:
    """One expression on its way.

    Args:
        setting: Where the expression stands.
        columns: By their names in small letters; None: any name may be read, and no type is known.
    """

    def __init__(self, setting: str, columns: Columns | None) -> None:
        self._setting, self._columns = setting, columns
        self.read: set[str] = set()

    def term(self, node: exp.Expr) -> Term:
        """Translate a node and all below it."""
        if isinstance(node, exp.Column):
            return self._column(node)
        arguments, translate = OPERATIONS.get(type(node), ((), None))
        given = {name for name, value in node.args.items() if value not in (None, False, [])}
        if translate is None or not given <= set(arguments):
            raise self._unknown(_name(node))
        try:
            return translate(node, self.term)
        except UntranslatableError as error:
            raise self._unknown(str(error)) from None

    def _column(self, node: exp.Column) -> Term:
        """Take a column, or a field of one that is a record."""
        parts = [part.name for part in node.parts if not isinstance(part, exp.Star)]
        if len(parts) < len(node.parts):
            raise self._unknown("*")
        name = parts[0]
        if self._columns is not None and name.lower() not in self._columns:
            found = f"no column '{name}' ({nearest(name, self._columns)})"
            raise ConfigurationError(
                self._setting, f"expected a column or a Spark SQL expression over the input, found {found}"
            )
        self.read.add(name)
        type_ = self._columns[name.lower()] if self._columns is not None and len(parts) == 1 else None
        return Term(".".join(map(quoted, parts)), kind_of(type_), type_)

    def _unknown(self, found: str) -> ConfigurationError:
        return ConfigurationError(
            self._setting, f"expected an expression that Athena can compute as Spark does, found {found}", _HINT
        )


def translated(setting: str, text: str, columns: Columns | None) -> tuple[Term, set[str]]:
    """Translate a Spark SQL expression into Trino's.

    Names and texts come out quoted. The value is the same as under Spark with ANSI on, with these differences: times
    are kept to the millisecond, a time is in UTC, and a text with a `T` in its middle is no time.

    Args:
        setting: Where the expression stands, for messages.
        text: The expression.
        columns: What it may read, by name in small letters; None: anything.

    Returns:
        The term, and the names that it reads.

    Raises:
        ConfigurationError: The text is no expression, reads a column that is not there, or holds what is not known to
            mean the same in Athena; that is named.
    """
    translation = _Translation(setting, columns)
    return translation.term(parsed(setting, text)), translation.read


def known_columns(names: Iterable[str], types: Mapping[str, ColumnType]) -> dict[str, ColumnType | None]:
    """Return what `translated` needs to know of a table's columns."""
    return {name.lower(): types.get(name.lower()) for name in names}


def _name(node: exp.Expr) -> str:
    """Name what stands in an expression as its writer would."""
    if isinstance(node, exp.Anonymous):
        return f"{node.name}()"
    if isinstance(node, exp.Subquery | exp.Query):
        return "a query of its own"
    if isinstance(node, exp.Func):
        return f"{node.sql_name().lower()}()"
    return f"'{node.sql('spark')}'"
