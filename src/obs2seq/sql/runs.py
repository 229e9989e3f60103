"""The statements of one run: what it takes from a table, what it makes of that, and what it counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from obs2seq.domain import rules
from obs2seq.domain.spec import SequenceSpec
from obs2seq.errors import ConfigurationError
from obs2seq.sql.athena import sequence_steps, sequences
from obs2seq.sql.counts import HISTORY, input_counts, row_counts, sequence_counts, session_counts
from obs2seq.sql.derived import require_columns_alone
from obs2seq.sql.histories import histories, keys, order_terms, sessions
from obs2seq.sql.identifiers import quoted, text_literal
from obs2seq.sql.mapping import MappedColumns
from obs2seq.sql.selection import VERDICT, Selected, TableSelection, selected
from obs2seq.sql.statement import Select, require_statement_fits, with_steps
from obs2seq.sql.windows import Step

Kind = Literal["sequences", "observations"]

COMPRESSIONS = {"snappy": "SNAPPY", "zstd": "ZSTD", "gzip": "GZIP", "none": "NONE"}
"""By the names of the settings."""


@dataclass(frozen=True)
class RunStatements:
    """What a run asks Athena; each is one statement, ended by a line feed, without a semicolon."""

    select: str
    """Gives the data."""
    counts: str
    """Gives one row of whole numbers, by the names in `counts` and `domain.rules`: what the ledger is made of."""
    input_counts: str
    """Gives one row: the rows in, and those that each row rule leaves out. Orders nothing."""


def run_statements(selection: TableSelection, spec: SequenceSpec, kind: Kind = "sequences") -> RunStatements:
    """Write the statements that make one subset's data of a table, and that account for every row of it.

    Each reads the columns that it needs once: to count as well as to make costs two scans of them. The counts say how
    many rows the data has before any of it is written. Observations are sorted by pupil and total order; where they are
    written to several files, each file is sorted, and a pupil may be spread over files.

    Args:
        selection: Which rows to take, and under which names.
        spec: What to make; see `athena_select` for its limits here.
        kind: Sequences, or whole observations.

    Raises:
        ConfigurationError: An expression cannot be used, or observations are wanted of a table of unknown columns.
        DataError: A column is missing or no scalar, or the time is no time.
        SpecificationError: As `athena_select`; or pupils of this type cannot be split by their hash.
    """
    require_columns_alone(spec)
    mapped = MappedColumns(selection.types, selection.columns)
    names = keys(spec) if kind == "sequences" else _whole_row_keys(mapped, spec)
    found = selected(selection, spec, mapped, names)
    rows = _Rows(found, names, spec, is_whole=kind == "observations", drops=selection.duplicates == "drop")
    made = rows.sequences() if kind == "sequences" else rows.observations(mapped)
    return RunStatements(
        select=require_statement_fits(made),
        counts=require_statement_fits(rows.counts()),
        input_counts=require_statement_fits(with_steps(found.steps, input_counts())),
    )


def unload(select: str, target: str, compression: str) -> str:
    """Wrap a SELECT so that Athena writes what it gives, as Parquet without partitions, into a folder that is empty.

    Args:
        select: The statement.
        target: The folder, as `s3://…`.
        compression: snappy, zstd, gzip or none.

    Raises:
        SpecificationError: The statement is longer than Athena's limit.
    """
    options = f"format = 'PARQUET', compression = '{COMPRESSIONS[compression]}'"
    folder = text_literal(f"{target.rstrip('/')}/")
    return require_statement_fits(f"UNLOAD (\n{select})\nTO {folder}\nWITH ({options})\n")


@dataclass(frozen=True)
class _Rows:
    """Rows that are judged, on their way to what is made or counted of them."""

    selected: Selected
    keys: Mapping[str, str]
    spec: SequenceSpec
    is_whole: bool
    """Whether observations are passed on whole."""
    drops: bool
    """Whether duplicates are left out."""

    def sequences(self) -> str:
        types = self.selected.types
        return with_steps([*self._observations(), *sequence_steps(self.spec, types)], sequences(self.spec, types))

    def observations(self, mapped: MappedColumns) -> str:
        """Take whole observations under their own names, sorted by pupil and total order."""
        spelled = {name.lower(): key for name, key in self.keys.items()}
        columns = tuple(f"{spelled[name.lower()]} AS {quoted(name)}" for name in mapped.names)
        in_order = ("ORDER BY " + ", ".join(filter(None, ("pupil", self._order()))),)
        return with_steps(self._observations(), Select(columns, "observations", in_order))

    def counts(self) -> str:
        verdict = f"CASE WHEN is_duplicate = 1 THEN '{rules.DUPLICATE}' ELSE {VERDICT} END" if self.drops else VERDICT
        kept = (key for name, key in self.keys.items() if name in self.spec.columns)
        verdicts = Select((*kept, f"{verdict} AS {VERDICT}", "is_duplicate"), "marked")
        steps = [*self.selected.steps, *self._marked(), ("verdicts", verdicts)]
        if self.is_whole:
            return with_steps(steps, row_counts())
        return with_steps([*steps, *self._sessions()], sequence_counts(self.spec))

    def _observations(self) -> list[Step]:
        """Take the rows that no rule leaves out."""
        steps, conditions = [*self.selected.steps], [f"{VERDICT} IS NULL"]
        if self.drops:
            steps += self._marked()
            conditions.append("is_duplicate = 0")
        source = steps[-1][0]
        where = (f"WHERE {' AND '.join(conditions)}",)
        return [*steps, ("observations", Select(tuple(self.keys.values()), source, where))]

    def _sessions(self) -> list[Step]:
        types = self.selected.types
        if self.spec.session_gap_seconds is None:
            return session_counts(self.spec, "verdicts")
        numbered = histories(self.spec, types, HISTORY, source="verdicts")
        in_sessions = sessions(self.spec, types, HISTORY)
        return [("histories", numbered), ("sessions", in_sessions), *session_counts(self.spec, "sessions")]

    def _marked(self) -> list[Step]:
        """Equal observations stand side by side: the order of a history ends only where nothing tells them apart."""
        order = self._order() or "pupil"
        placed = Select(("*", f"row_number() OVER (PARTITION BY {HISTORY} ORDER BY {order}) AS place"), "judged")
        in_order = f"OVER (PARTITION BY {HISTORY} ORDER BY place)"
        alike = (f"{key} IS NOT DISTINCT FROM lag({key}) {in_order}" for key in self._compared())
        condition = " AND ".join((f"{VERDICT} IS NULL", "place > 1", *alike))
        marked = Select(("*", f"CASE WHEN {condition} THEN 1 ELSE 0 END AS is_duplicate"), "placed")
        return [("placed", placed), ("marked", marked)]

    def _compared(self) -> list[str]:
        return [key for key in self.keys.values() if key.startswith("key_")]

    def _order(self) -> str:
        return order_terms({key: key in self.selected.floats for key in self._compared()})


def _whole_row_keys(mapped: MappedColumns, spec: SequenceSpec) -> dict[str, str]:
    """Return the internal name of every column: `key_…` where it can be compared, `rest_…` where it cannot."""
    if not mapped.is_known:
        raise ConfigurationError(
            "output", "expected the columns of the table to be known for output: observations, found none named"
        )
    names = keys(spec)
    known = {name.lower() for name in names}
    for i, name in enumerate(sorted(name for name in mapped.names if name.lower() not in known)):
        is_compared = "map" not in mapped.type_name(name)
        names[name] = f"key_{len(names)}" if is_compared else f"rest_{i}"
    return names
