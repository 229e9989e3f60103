"""The columns that expressions read."""

import pyarrow as pa


class Columns:
    """A table's columns, each in one piece, and texts as texts; what is asked for again is there."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._known: dict[str, pa.Array] = {}

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, name: str) -> pa.Array:
        if name not in self._known:
            column = self._table.column(name)
            plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
            chunks = plain.chunks or [pa.array([], plain.type)]
            self._known[name] = chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
        return self._known[name]
