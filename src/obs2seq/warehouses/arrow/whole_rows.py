"""Whole rows of a piece that was read in the columns that a run needs: those that quality rules put aside."""

from collections.abc import Callable

import pyarrow as pa

from obs2seq.kernel.columns import Array
from obs2seq.warehouses.arrow.mapping import Mapping


class WholeRows:
    """Puts the columns that were read and those that waited together, in the order of the input.

    Args:
        mapping: Has made the settings' columns.
        rest: The columns that may have waited.
    """

    def __init__(self, mapping: Mapping, rest: pa.Schema) -> None:
        types = {field.name: field.type for field in (*rest, *mapping.schema)}
        self.schema = pa.schema([(name, types[name]) for name in mapping.names if name in types])
        read = set(mapping.schema.names)
        self._later = [name for name in rest.names if name in self.schema.names and name not in read]

    def of(self, mapped: pa.Table, raw: pa.Table, is_meant: Array, rest: Callable[[], pa.Table] | None) -> pa.Table:
        """Return some rows.

        Args:
            mapped: The piece's rows, mapped.
            raw: The same as they were read.
            is_meant: Which rows.
            rest: Reads the columns that have waited; None: none has.
        """
        rows = pa.array(is_meant)
        found = mapped.filter(rows)
        if not self._later:
            return found
        later = (rest() if rest else raw).select(self._later).filter(rows)
        columns = {name: later.column(name) for name in self._later} | {n: found.column(n) for n in found.column_names}
        return pa.Table.from_arrays([columns[name] for name in self.schema.names], schema=self.schema)
