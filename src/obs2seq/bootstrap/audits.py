"""Audits of what is published, and of what the settings would make of coin flips."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from obs2seq.audit.auditing import audit
from obs2seq.audit.canary import predictability
from obs2seq.audit.coin_flips import answer_column, first_rows, flipped, raw_columns, readers
from obs2seq.audit.future import features_that_read_ahead
from obs2seq.audit.other_words import answer_in_other_words
from obs2seq.audit.periods import periods_of
from obs2seq.audit.stored import stored_audit
from obs2seq.bootstrap.jobs import job, s3_access
from obs2seq.domain.audit import Audit, Finding, Predictability
from obs2seq.domain.locations import join
from obs2seq.domain.source import source_at
from obs2seq.errors import DataNotFoundError
from obs2seq.loading.data import SequenceData
from obs2seq.loading.opening import load
from obs2seq.loading.outputs import subsets_at
from obs2seq.ports import Storage, all_columns
from obs2seq.publishing import resolve
from obs2seq.storage.routing import RoutedStorage
from obs2seq.warehouses.arrow.reading import read_observations

if TYPE_CHECKING:
    import pyarrow as pa

    from obs2seq.settings import Settings

_MOST_ROWS = 1_000_000
_PIECE = 1 << 17
_KINDS_OF_PRESENCE = ("required", "not_null", "type")
"""Rules that choose no rows by which of its values the answer has."""
_UNSPLIT = {
    "subset_method": "hash",
    "split_times": {},
    "split_context": False,
    "split_assignment": None,
    "folds": None,
}
"""What makes one subset of everything, however the settings divide it."""


def audit_published(location: str, settings: Settings, sequence_length: int | None = None) -> Audit:
    """Audit the subsets that are published at an output; a model learns from the first.

    Args:
        location: The folder that a job had as `output_s3_location`.
        settings: Name subsets and targets; what they do not say is as the last run was told.
        sequence_length: L, where subsets have been sequenced with several.

    Raises:
        DataNotFoundError: A subset is not published there.
        ConfigurationError: The location is that of one dataset, and more subsets are asked for.
        StorageError: What is published cannot be read.
    """
    storage = RoutedStorage()
    asked = list(settings.subsets) if settings.says("subsets") else None
    names = subsets_at(storage, location, asked, sequence_length)
    subsets = {name: load(location, name, sequence_length=sequence_length) for name in names}
    first = subsets[names[0]]
    targets = settings.targets if settings.says("targets") else _targets(storage, first)
    return audit(subsets, targets, periods_of(first))


def canary(settings: Settings, answer: str) -> Predictability:
    """Make sequences of observations whose answers are coin flips, and return how well they can be predicted.

    The first million rows of the input are taken, in the order of its files. Where the outcome is no chance, a second
    draw decides: chance alone would have it so in 1 of 10,000 cases.

    Args:
        settings: What makes the sequences; nothing is published.
        answer: The feature that holds the answers.
    """
    column = answer_column(settings.spec, answer)
    observations = _raw(settings)
    columns = raw_columns(column, dict(settings.columns), observations.column_names)
    for seed in (1, 2):
        outcome = _predicted(settings, flipped(observations, columns, seed), answer)
        if outcome.is_chance:
            return outcome
    return replace(outcome, readers=_readers(settings, column, columns))


def prepared(settings: Settings) -> pa.Table:
    """Return the observations that sequences are made of, each pupil's together and in order.

    The first million rows of the input are taken, in the order of its files.

    Args:
        settings: What makes the sequences; nothing is published.
    """
    import pyarrow as pa

    with _made(settings, _raw(settings), "observations") as output:
        manifest, location = resolve(RoutedStorage(), str(output / "canary_prepared"))
        return pa.concat_tables([pq.read_table(join(location, file.path)) for file in manifest.files])


def changed_future(settings: Settings, observations: pa.Table) -> list[Finding]:
    """Return the features whose values change when pupils' later observations, as prepared, are taken away."""
    return list(features_that_read_ahead(observations, settings.spec, settings.targets))


def in_other_words(settings: Settings, observations: pa.Table, answer: str) -> list[str]:
    """Return the features that foretell the answers of prepared observations almost perfectly, each by itself."""
    return list(answer_in_other_words(observations, settings.spec, answer, settings.targets))


def _readers(settings: Settings, column: str, columns: Sequence[str]) -> list[str]:
    """Return the settings that read the answer's columns of the input, but for the answer itself."""
    made = {name: text for name, text in settings.columns.items() if name != column}
    conditions = {"row_filter": settings.row_filter or ""}
    for rule in settings.rules:
        if rule.severity == "quarantine" and rule.kind not in _KINDS_OF_PRESENCE:
            told = rule.model_dump(include={"column", "columns", "predicate", "clock"})
            conditions[rule.setting] = str(list(told.values()))
    return readers({*columns, column}, made, conditions)


def _targets(storage: Storage, data: SequenceData) -> Sequence[str]:
    """Return the targets that a run was told, if it was audited."""
    known = stored_audit(storage, data.location)
    return known.targets if known else ()


def _raw(settings: Settings) -> pa.Table:
    storage = RoutedStorage(s3_access(settings))
    location = settings.s3_data_location
    source = source_at(location, storage.list_files(location), settings.input_format)
    with ThreadPoolExecutor() as pool:
        observations = read_observations(source, job(settings), all_columns, pool)
        tables = (table for piece in observations.cut(_PIECE) for table, _ in piece.read())
        table = first_rows(chain([observations.schema.empty_table()], tables), _MOST_ROWS)
    if not len(table):
        raise DataNotFoundError(location, "expected observations, found none")
    return table


def _predicted(settings: Settings, observations: pa.Table, answer: str) -> Predictability:
    with _made(settings, observations, "sequences") as output:
        return predictability(load(output, "canary"), answer, settings.targets)


@contextmanager
def _made(settings: Settings, observations: pa.Table, kind: str) -> Iterator[Path]:
    """Run the job over raw observations, as one subset, and lend its output."""
    from obs2seq.bootstrap import run

    with TemporaryDirectory(prefix="obs2seq-canary-") as folder:
        data, output = Path(folder) / "observations", Path(folder) / "sequences"
        data.mkdir()
        pq.write_table(observations, data / "part-0.parquet")
        changes = {
            "s3_data_location": str(data),
            "output_s3_location": str(output),
            "input_format": "parquet",
            "mode": "local",
            "output": kind,
            "output_format": "parquet",
            "subsets": {"canary": 1.0},
            **_UNSPLIT,
            "layout": "expanded",
            "vocabularies": {},
            "vocabulary_location": None,
            "audit": "off",
        }
        with _quiet():
            run(type(settings)(**(settings.model_dump() | changes)))
        yield output


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep a run within a run out of the log."""
    logger = logging.getLogger("obs2seq")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
