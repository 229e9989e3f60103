"""Observations whose answers are replaced by coin flips: nothing is left in them that could be predicted."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.domain.columns import require_columns
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.validation import nearest
from obs2seq.errors import ConfigurationError


def answer_column(spec: SequenceSpec, answer: str) -> str:
    """Return the column of the feature that holds the answers; raise `ConfigurationError` where none can be."""
    read = [feature for feature in spec.features if feature.derive is None]
    columns = {feature.name: str(feature.of) if feature.encode else feature.column for feature in read}
    hint = nearest(answer, [name for name, column in columns.items() if column != spec.explode])
    if answer not in columns and any(feature.name == answer for feature in spec.features):
        problem = f"expected a feature that reads a column, found '{answer}', which is derived"
        raise ConfigurationError("answer", problem, hint)
    if answer not in columns:
        raise ConfigurationError("answer", f"expected the name of a feature, found '{answer}'", hint)
    if columns[answer] == spec.explode:
        problem = f"expected an answer of whole observations, found the exploded column '{spec.explode}'"
        raise ConfigurationError("answer", problem)
    return columns[answer]


def raw_columns(column: str, made: dict[str, str], raw: Collection[str]) -> list[str]:
    """Return the columns of the input that the values of a column follow from.

    Args:
        column: As the specification names it.
        made: The settings' columns: a name of an input column, or a Spark SQL expression, by name.
        raw: The input's columns.
    """
    text = made.get(column, column)
    if text in raw:
        return [text]
    if column not in made:
        require_columns((column,), list(raw))
    from sqlglot import exp, parse_one

    named = {each.name.lower() for each in parse_one(text, read="spark").find_all(exp.Column)}
    return [name for name in raw if name.lower() in named]


def readers(columns: Collection[str], made: Mapping[str, str], conditions: Mapping[str, str]) -> list[str]:
    """Return the names of what reads columns, be it by the name of another that is made of them.

    Args:
        columns: Of the input.
        made: The settings' columns: an expression, by name.
        conditions: What rows are chosen by: an expression or a column, by the name of the setting.
    """
    following = [name for name, text in made.items() if _mentions(text, columns)]
    chosen_by = [name for name, text in conditions.items() if _mentions(text, [*columns, *following])]
    return [*(f"columns.{name}" for name in following), *chosen_by]


def _mentions(text: str, columns: Collection[str]) -> bool:
    words = {word.lower() for word in re.findall(r"\w+", text)}
    return any(words >= set(re.findall(r"\w+", column.lower())) for column in columns)


def first_rows(tables: Iterable[pa.Table], most: int) -> pa.Table:
    """Return the first rows of tables."""
    taken: list[pa.Table] = []
    for table in tables:
        taken.append(table.slice(0, most - sum(map(len, taken))))
        if sum(map(len, taken)) >= most:
            break
    return pa.concat_tables(taken)


def flipped(table: pa.Table, columns: Sequence[str], seed: int) -> pa.Table:
    """Return the rows with answers that follow from nothing.

    One column of two values gets fair flips of them; others get their own rows' values in random order, together.

    Args:
        table: Raw observations.
        columns: What the answers follow from.
        seed: Another seed gives other flips.
    """
    generator = np.random.default_rng(seed)
    known = _known(table, columns)
    if len(known) == 2:
        rows = pc.index_in(known, table.column(columns[0]))
        order = rows.take(pa.array(generator.integers(0, 2, len(table))))
    else:
        order = pa.array(generator.permutation(len(table)))
    for name in columns:
        place = table.column_names.index(name)
        table = table.set_column(place, table.schema.field(name), table.column(name).take(order))
    return table


def _known(table: pa.Table, columns: Sequence[str]) -> pa.Array:
    """Return the different values of a column that stands alone; none of several columns, and none of arrays."""
    alone = table.column(columns[0])
    if len(columns) > 1 or pa.types.is_nested(alone.type):
        return pa.nulls(0)
    return alone.unique().drop_null()
