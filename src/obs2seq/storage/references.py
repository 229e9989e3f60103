"""Sets of known values that quality rules name: small files, read once before a run begins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from obs2seq.domain.quality import Known, PupilRule, RowRule
from obs2seq.domain.validation import nearest
from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.storage.filesystems import opened

if TYPE_CHECKING:
    import pyarrow as pa

MOST_VALUES = 100_000
"""More belong into a join before the run: the set goes to every task, within the run's expressions."""


def references(rules: Iterable[RowRule | PupilRule]) -> dict[str, tuple[Any, ...]]:
    """Return the values of each rule that names a file: each once, in order, without nulls.

    Raises:
        ConfigurationError: The file lacks the column, or holds nothing or too much.
        StorageError: It cannot be read.
    """
    return {rule.name: _values(rule, rule.file) for rule in rules if isinstance(rule, Known) and rule.file}


def _values(rule: Known, file: str) -> tuple[Any, ...]:
    import pyarrow.compute as pc

    found = pc.unique(_column(rule, file)).drop_null()
    values = sorted(each.isoformat() if hasattr(each, "isoformat") else each for each in found.to_pylist())
    if not 1 <= len(values) <= MOST_VALUES:
        problem = f"expected 1 to {MOST_VALUES:,} values in {file}, found {len(values):,}"
        raise ConfigurationError(rule.setting, problem, "join a larger set to the observations before the run")
    return tuple(values)


def _column(rule: Known, file: str) -> pa.ChunkedArray:
    """Read one column. Of a CSV file, values that look like numbers are numbers, and `Spark SQL` compares as such."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        filesystem, path = opened(file)
        with filesystem.open_input_file(path) as source:
            table = parquet.read_table(source) if file.lower().endswith(".parquet") else csv.read_csv(source)
    except (OSError, pa.ArrowException) as error:
        problem = f"expected a CSV or a Parquet file at {file}, found none that can be read"
        raise StorageError(rule.setting, problem, "check file") from error
    name = rule.file_column or rule.column
    if name not in table.column_names:
        problem = f"expected column '{name}' in {file}, found {table.column_names}"
        raise ConfigurationError(rule.setting, problem, nearest(name, table.column_names))
    return table.column(name)
