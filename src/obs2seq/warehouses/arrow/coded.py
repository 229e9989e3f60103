"""Conditions over one coded text: computed once for each text, and not for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from obs2seq.errors import DataError
from obs2seq.kernel.columns import Array

if TYPE_CHECKING:
    from obs2seq.warehouses.arrow.expressions.expression import Expression

_WORTH = 4
"""So many rows have to share a text, in the mean."""


def by_text(condition: Expression, table: pa.Table, *, if_null: bool) -> Array | None:
    """Return for which rows a condition is true; None where it reads more than a coded text, or each row has its own.

    Args:
        condition: Reads columns of the table.
        table: The rows.
        if_null: What a row is that the condition is null for.
    """
    names = list(condition.columns)
    if len(names) != 1 or not pa.types.is_dictionary(table.schema.field(names[0]).type):
        return None
    chunks = table.column(names[0]).chunks
    if not chunks or sum(len(chunk.dictionary) for chunk in chunks) * _WORTH > len(table):
        return None
    try:
        return np.concatenate([_by_text(condition, names[0], chunk, if_null) for chunk in chunks])
    except DataError:  # a text that no row has may have no value
        return None


def _by_text(condition: Expression, name: str, chunk: pa.DictionaryArray, if_null: bool) -> Array:
    none = pa.nulls(1, chunk.dictionary.type)
    found = condition.values(pa.table({name: pa.concat_arrays([chunk.dictionary, none])}))
    is_true: Array = found.cast(pa.bool_()).fill_null(if_null).to_numpy(zero_copy_only=False).astype(bool)
    codes = chunk.indices.fill_null(len(chunk.dictionary)) if chunk.null_count else chunk.indices
    is_kept: Array = is_true[codes.to_numpy()]
    return is_kept
