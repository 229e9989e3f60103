"""One expression of the settings: read once, and computed for each piece."""

from __future__ import annotations

import pyarrow as pa
from sqlglot import exp

from obs2seq.domain.validation import nearest
from obs2seq.errors import ConfigurationError, DataError
from obs2seq.sql.parsing import parsed
from obs2seq.warehouses.arrow.expressions.columns import Columns
from obs2seq.warehouses.arrow.expressions.functions import NAMED, OPERATIONS
from obs2seq.warehouses.arrow.expressions.rows import Rows
from obs2seq.warehouses.arrow.expressions.values import Data, RowError, UntranslatableError, Value
from obs2seq.warehouses.arrow.limits import UnfitError

_HINT = "compute it before, or set engine: spark"


class Expression:
    """An expression over the columns of tables of one schema.

    Args:
        setting: Where it stands, for messages.
        text: Spark SQL.
        schema: The columns that it may read.

    Raises:
        ConfigurationError: It is no expression, reads a column that is not there, or holds what is not known to mean
            the same as in Spark; that is named.
    """

    def __init__(self, setting: str, text: str, schema: pa.Schema) -> None:
        self._setting, self._schema = setting, schema
        self._node = parsed(setting, text)
        self._small = [name.lower() for name in schema.names]
        self.type = self._type()

    @property
    def columns(self) -> set[str]:
        """The columns that it reads, as the schema spells them; `values` takes tables that have no others, too."""
        return {self._column(node) for node in self._node.find_all(exp.Column)}

    def values(self, table: pa.Table) -> pa.Array:
        """Return a value for each row of a table.

        Raises:
            DataError: A row has none.
        """
        return self.values_of(Columns(table))

    def values_of(self, columns: Columns) -> pa.Array:
        """Return the same of a table whose columns other expressions read, too."""

        def compute(node: exp.Expr, is_active: Data | None) -> Value:
            if isinstance(node, exp.Column):
                return Value(columns[self._column(node)]).masked(is_active)
            return self._operation(node, Rows(compute, is_active))

        try:
            data = compute(self._node, None).data
        except RowError as error:
            raise DataError(
                self._setting,
                "expected every row to have a value, found one for which the expression fails",
                "use try_cast or a condition, which give null instead",
            ) from error
        return pa.array([data.as_py()] * len(columns), data.type) if isinstance(data, pa.Scalar) else data

    def _type(self) -> pa.DataType:
        try:
            return self.values(self._schema.empty_table()).type
        except DataError:  # literals that have no value even where there is no row
            return pa.null()

    def _operation(self, node: exp.Expr, rows: Rows) -> Value:
        known, operation = OPERATIONS.get(type(node), ((), None))
        if isinstance(node, exp.Anonymous):
            known, operation = ("this", "expressions"), NAMED.get(node.name.lower())
        given = {name for name, value in node.args.items() if value not in (None, False, [])}
        if operation is None or not given <= set(known):
            raise self._unknown(_name(node))
        try:
            return operation(node, rows)
        except UntranslatableError as error:
            raise self._unknown(str(error)) from None
        except pa.ArrowNotImplementedError:
            raise self._unknown(f"{_name(node)} over columns of these types") from None

    def _column(self, node: exp.Column) -> str:
        if len(node.parts) > 1:
            raise self._unknown("a field of a record")
        if self._small.count(node.name.lower()) != 1:
            found = f"no column '{node.name}' ({nearest(node.name, self._schema.names)})"
            raise ConfigurationError(
                self._setting, f"expected a column or a Spark SQL expression over the input, found: {found}"
            )
        name: str = self._schema.names[self._small.index(node.name.lower())]
        return name

    def _unknown(self, found: str) -> UnfitError:
        return UnfitError(
            self._setting, f"expected an expression that Arrow computes as Spark does, found {found}", _HINT
        )


def _name(node: exp.Expr) -> str:
    """Name what stands in an expression as its writer would."""
    if isinstance(node, exp.Anonymous):
        return f"{node.name.lower()}()"
    if isinstance(node, exp.Subquery | exp.Query):
        return "a query of its own"
    if isinstance(node, exp.Func):
        return f"{node.sql_name().lower()}()"
    return f"'{node.sql('spark')}'"
