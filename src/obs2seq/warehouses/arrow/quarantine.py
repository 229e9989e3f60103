"""The rows that quality rules put aside, written in the run's own pass."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor

import pyarrow as pa

from obs2seq.domain.files import WrittenFile
from obs2seq.domain.job import Job
from obs2seq.domain.locations import join
from obs2seq.domain.manifest import Quarantine
from obs2seq.domain.rule_sets import columns_read, pupil_rules, with_severity
from obs2seq.domain.runs import QUARANTINE
from obs2seq.ports import Storage
from obs2seq.warehouses.arrow.accounts import Account
from obs2seq.warehouses.arrow.making import Made, Maker, MakerAround
from obs2seq.warehouses.arrow.quality import PupilChecks, RowChecks, quarantine_schema
from obs2seq.warehouses.arrow.writing import FileWriters


class Aside:
    """Takes quarantined rows from several threads, and writes them to files of their own.

    Args:
        location: The run's folder.
        compression: snappy, zstd, gzip or none.
        schema: Of whole rows, without the names of rules.
    """

    def __init__(self, location: str, compression: str, schema: pa.Schema) -> None:
        self._location = location
        self._writers = FileWriters(join(location, QUARANTINE), compression, quarantine_schema(_plain(schema)), 1)

    def take(self, rows: pa.Table) -> None:
        """Write rows, if there are any."""
        if len(rows):
            self._writers.write(rows.cast(self._writers.schema).combine_chunks().to_batches())

    def finished(self, storage: Storage) -> Quarantine:
        """Finish the files; return what they are."""
        self._writers.close()
        sizes = {file.path: file.size for file in storage.list_files(join(self._location, QUARANTINE))}
        files = [
            WrittenFile(join(QUARANTINE, name), sizes.get(name, 0), n) for name, n in sorted(self._writers.rows.items())
        ]
        return Quarantine(rows=sum(file.rows for file in files), files=tuple(files))


class CheckedMaker(MakerAround):
    """Tries the rules over pupils on observations, before another maker makes what it makes of what is left.

    Args:
        maker: The other.
        checks: Tell which rules over single rows have noted a row before; try those over pupils.
        account: Counts the rows that break them.
        aside: Takes those that are quarantined.
    """

    def __init__(
        self, maker: Maker, checks: tuple[RowChecks, PupilChecks], account: Account, aside: Callable[[pa.Table], None]
    ) -> None:
        super().__init__(maker)
        (self._row_checks, self._checks), self._account, self._aside = checks, account, aside

    def writers(self, location: str, compression: str, name: str = "part") -> FileWriters:
        return self._maker.writers(location, compression, name)

    def make(self, observations: pa.Table, pool: Executor) -> Made:
        checked = self._checks.check(observations)
        self._account.add_checked(checked.counts)
        if checked.is_left_out is None:
            return self._maker.make(observations, pool)
        rows = observations.filter(pa.array(checked.is_aside))
        self._aside(checked.with_names(rows, self._row_checks.noted(rows)))
        return self._maker.make(observations.filter(pa.array(~checked.is_left_out)), pool)


def aside_for(job: Job, location: str, schema: pa.Schema) -> Aside | None:
    """Return what takes quarantined rows; None where no rule puts any aside."""
    return Aside(location, job.compression, schema) if with_severity(job.rules, "quarantine") else None


def maker_with_checks(
    maker: Maker, checks: tuple[RowChecks | None, PupilChecks | None], account: Account, aside: Aside | None
) -> Maker:
    """Return a maker that tries the rules over pupils first, where there are some."""
    by_row, by_pupil = checks
    if by_row is None or by_pupil is None:
        return maker
    return CheckedMaker(maker, (by_row, by_pupil), account, aside.take if aside else _pass_over)


def columns_to_keep(job: Job, names: tuple[str, ...], mapped: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns that observations keep when they are read: whole rows, if those may go aside by their pupil.

    Args:
        job: Has the rules.
        names: What is made of observations needs these.
        mapped: All columns.
    """
    rules = pupil_rules(job.rules)
    if with_severity(rules, "quarantine"):
        return mapped
    known = {name.lower() for name in names}
    return (*names, *sorted(name for name in columns_read(rules) if name.lower() not in known))


def _pass_over(_: pa.Table) -> None:
    """Take rows that nobody asked for: none go aside."""


def _plain(schema: pa.Schema) -> pa.Schema:
    """Coded texts as texts: one part of the rows may be coded, and another not."""
    types = [type_.value_type if pa.types.is_dictionary(type_) else type_ for type_ in schema.types]
    return pa.schema(list(zip(schema.names, types, strict=True)))
