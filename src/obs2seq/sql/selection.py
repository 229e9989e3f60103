"""From a table to the observations of one subset: columns mapped, and each row judged by the first rule it breaks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.splits import ColumnValue, Everything, Share
from obs2seq.sql.column_types import ColumnType
from obs2seq.sql.histories import may_be_float
from obs2seq.sql.identifiers import quoted, table_reference
from obs2seq.sql.mapping import MappedColumns
from obs2seq.sql.row_rules import row_rules
from obs2seq.sql.statement import Select
from obs2seq.sql.windows import Step

VERDICT = "left_out_by"
"""The column with the rule that leaves a row out; null where none does."""


@dataclass(frozen=True)
class TableSelection:
    """Which rows of a table to take, and under which names."""

    table: str
    """As `athena_select` takes it."""
    types: Mapping[str, str] | None = None
    """All columns of the table, in order, with the catalogue's types; None: not known."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Name → the name of a column of the table, or a Spark SQL expression over them."""
    row_filter: str | None = None
    """A Spark SQL predicate over the mapped columns; rows where it is not true are left out."""
    share: Share = field(default_factory=Everything)
    """Which rows belong to the subset."""
    duplicates: Literal["keep", "drop"] = "keep"
    is_text_input: bool = False
    """Whether the rows are decoded from text, so that U+FFFD means bytes that are not UTF-8."""


@dataclass(frozen=True)
class Selected:
    """The first steps of a statement, and what is known of the columns that they give."""

    steps: tuple[Step, ...]
    """`mapped`, and `judged`: the columns that are read under internal names, and `left_out_by`."""
    types: Mapping[str, ColumnType]
    """Of the columns that are read, by their names, as far as they are known."""
    floats: frozenset[str]
    """The internal names of those that may hold NaN and -0.0."""


def selected(selection: TableSelection, spec: SequenceSpec, mapped: MappedColumns, keys: Mapping[str, str]) -> Selected:
    """Return the steps that map columns and judge rows; the table is read once.

    Args:
        selection: What to take.
        spec: Names the pupil, the time, and the texts that are judged.
        mapped: The table's columns and those of the settings.
        keys: The columns to pass on, by name, and their internal names.

    Raises:
        ConfigurationError: An expression cannot be used; it is named.
        DataError: A column is missing or no scalar, or the time is no time.
        SpecificationError: Pupils of this type cannot be split by their hash.
    """
    share_column = (selection.share.column,) if isinstance(selection.share, ColumnValue) else ()
    mapped.require((*spec.columns, *share_column))
    types = mapped.types(tuple(keys), scalars=spec.columns)
    keep, read = mapped.condition("row_filter", selection.row_filter)
    rules = row_rules(spec, mapped, keep, selection.share, is_text_input=selection.is_text_input)
    wanted = {name.lower(): name for name in (*keys, *read, *share_column)}
    columns = tuple(f"{mapped.expression(name)} AS {quoted(name)}" for name in wanted.values())
    named = (f"{quoted(name)} AS {key}" for name, key in keys.items())
    verdict = " ".join(f"WHEN {condition} THEN '{rule}'" for rule, condition in rules.items())
    steps = (
        ("mapped", Select(columns, table_reference(selection.table))),
        ("judged", Select((*named, f"CASE {verdict} END AS {VERDICT}"), "mapped")),
    )
    floats = {
        key
        for name, key in keys.items()
        if (may_be_float(name, spec, types) if name in spec.columns else mapped.kind(name) == "float")
    }
    return Selected(steps, types, frozenset(floats))
