"""The statements of a run, by what its settings say."""

from collections.abc import Mapping
from dataclasses import dataclass

from obs2seq.domain.fingerprint import fingerprint
from obs2seq.domain.locations import join
from obs2seq.sql.runs import RunStatements, run_statements
from obs2seq.sql.selection import TableSelection
from obs2seq.warehouses.engine import Order
from obs2seq.warehouses.subsets import share_of


@dataclass(frozen=True)
class InputTable:
    """What is to be read."""

    reference: str
    """The name of the table or view, as `athena_select` takes it."""
    types: Mapping[str, str] | None
    """All of its columns, with their types; None: not known."""
    is_text: bool = False
    """Whether its rows are decoded from text."""
    has_subset_alone: bool = False
    """Whether it holds the rows of one subset, and no others."""


def registered_name(location: str) -> str:
    """Return the name of the table over a location."""
    return f"obs2seq_{fingerprint(location.rstrip('/'))}"


def registered_table(data_location: str, subset: str, *, has_own_folder: bool) -> tuple[str, str]:
    """Return the name of the table that a run registers for a subset, and the location that it lies over."""
    location = join(data_location, subset) if has_own_folder else data_location.rstrip("/")
    return registered_name(location), location


def statements_of(order: Order, table: InputTable) -> RunStatements:
    """Return what Athena is asked for one run; nothing is asked here.

    Raises:
        ConfigurationError: The settings do not fit the table, or Athena cannot do what they ask for.
        DataError: The table's columns cannot be used.
    """
    job = order.job
    names = [*(table.types or ()), *job.columns]
    selection = TableSelection(
        table=table.reference,
        types=table.types,
        columns=job.columns,
        row_filter=job.row_filter,
        share=share_of(job, order.subset, names, has_own_folder=table.has_subset_alone),
        duplicates=job.duplicates,
        is_text_input=table.is_text,
    )
    return run_statements(selection, job.spec, order.kind)
