"""The vocabularies that a run encodes by: fitted on its first subset, extended where that has grown, or pinned."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from obs2seq.domain.fingerprint import fingerprint
from obs2seq.domain.job import Job
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.rule_sets import pupil_rules
from obs2seq.domain.validation import nearest
from obs2seq.domain.vocabularies import Vocabulary, Word, encoded_columns, fitting_spec
from obs2seq.errors import ConfigurationError, ConflictError
from obs2seq.ports import Storage
from obs2seq.storage.vocabularies import VocabularyFiles, read_vocabulary
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.runs import input_state
from obs2seq.warehouses.subsets import SubsetSource

logger = logging.getLogger(__name__)

_NOT_FITTED_BY = {
    "specification",
    "vocabularies",
    "duplicates",
    "folds",
    "layout",
    "output_format",
    "compression",
}
"""What shapes a run and no vocabulary; of the specification, the pupil and the order do."""


@dataclass(frozen=True)
class Fit:
    """Looks through the first subset, once, when it is first asked.

    Args:
        order: Of `fitting_order`.
        columns: Whose values are looked for.
        found: The subset's data.
        engine: Looks.
    """

    order: Order
    columns: tuple[str, ...]
    found: SubsetSource
    engine: Engine

    @cached_property
    def values(self) -> Mapping[str, Sequence[Word]]:
        """Each value of the columns, by first appearance."""
        return self.engine.first_values(self.order, self.found, self.columns)

    def of(self, column: str) -> str:
        """Return what stands for the data and all settings that a column's values follow from."""
        job = self.order.job
        shape = {name: value for name, value in job.shape().items() if name not in _NOT_FITTED_BY}
        order = [job.spec.pupil, *job.spec.order_by, *(job.spec.tie_breakers if pupil_rules(job.rules) else ())]
        apart = [job.spec.explode_delimiter] if column == job.spec.explode else []
        return fingerprint(shape, column, order, *apart, input_state(self.found.source))


def fitted_columns(job: Job) -> tuple[str, ...]:
    """Return the columns whose vocabularies are to hold what the first subset does: those that are not pinned."""
    return tuple(column for column in encoded_columns(job.spec).values() if column not in job.vocabularies)


def fitting_order(order: Order, columns: Sequence[str]) -> Order:
    """Return the order to look through the first subset for the values of some columns."""
    spec = fitting_spec(order.job.spec, _read(order.job, columns))
    job = replace(order.job, spec=spec, vocabularies={})
    return Order.of(job, next(iter(job.subsets)), "sequences")


def _read(job: Job, columns: Sequence[str]) -> tuple[str, ...]:
    """Return what is read: where rules look at whole histories, all that orders these."""
    ties = job.spec.tie_breakers if pupil_rules(job.rules) else ()
    return tuple(dict.fromkeys((*columns, *ties)))


def encoded(job: Job, location: str, fit: Fit, storage: Storage) -> Job:
    """Return the job with the vocabularies that are to be used; those that are not pinned hold the whole first subset.

    Costs a pass over that subset, unless each vocabulary was fitted on the same data by the same settings before.

    Raises:
        DataError: The input cannot be used.
        ConfigurationError: A pinned vocabulary is not there.
        StorageError: A vocabulary cannot be read or written, is another column's, or is not what its name says.
        ConflictError: Another run has extended a vocabulary meanwhile.
    """
    names = {
        column: _pinned(name, VocabularyFiles(storage, location, column), column)
        for column, name in job.vocabularies.items()
    }
    names |= {column: _fitted(column, VocabularyFiles(storage, location, column), fit) for column in fit.columns}
    return job.with_vocabularies(location, names)


def require_pinned(job: Job) -> None:
    """Raise `ConfigurationError` where a vocabulary is pinned of a column that no feature encodes."""
    columns = set(encoded_columns(job.spec).values())
    for name in job.vocabularies:
        if name not in columns:
            hint = nearest(name, columns) if columns else "set encode: vocabulary for a feature"
            problem = f"expected columns that a feature encodes, found '{name}'"
            raise ConfigurationError("vocabularies", problem, hint)


def require_one_vocabulary(manifests: Sequence[Manifest]) -> None:
    """Raise `ConflictError` where subsets of one run are encoded by different vocabularies of a column."""
    used: dict[str, tuple[str, str]] = {}
    for manifest in manifests:
        for column, name in manifest.settings.get("vocabularies", {}).items():
            first, subset = used.setdefault(column, (name, manifest.subset))
            if name != first:
                problem = f"expected vocabulary {first} of '{column}', as for {subset}, found {name}"
                hint = "another run extended it meanwhile; run again"
                raise ConflictError(manifest.dataset, problem, hint)


def vocabulary_of(job: Job, column: str) -> Vocabulary:
    """Return the vocabulary that a job encodes a column by, read and verified; an empty one where none is named."""
    name = job.vocabularies.get(column)
    if name is None or job.vocabulary_location is None:
        return Vocabulary(column)
    return read_vocabulary(job.vocabulary_location, column, name)


def _pinned(name: str, files: VocabularyFiles, column: str) -> str:
    """Return the name of a vocabulary that is there, unchanged; what it does not hold is unknown."""
    if not files.has(name):
        current, _ = files.current()
        problem = f"expected vocabulary {name}, which is pinned, found {current.vocabulary if current else 'none'}"
        hint = "pin one that is at vocabulary_location, or none, to go on with the last"
        raise ConfigurationError(f"vocabularies.{column}", problem, hint)
    files.read(name)
    return name


def _fitted(column: str, files: VocabularyFiles, fit: Fit) -> str:
    current, text = files.current()
    former = files.read(current.vocabulary) if current else Vocabulary(column)
    fitted_on = fit.of(column)
    if current is not None and fitted_on in current.fitted_on:
        return current.vocabulary
    found = Vocabulary(column, tuple(fit.values[column]))
    if found.type is not None:
        former.require_type(found.type)
    vocabulary = former.extended(found.values)
    files.write(vocabulary)
    files.publish(vocabulary, (*(current.fitted_on if current else ()), fitted_on), text)
    grown = len(vocabulary.values) - len(former.values)
    logger.info("vocabulary %s of '%s': %d values, %d new", vocabulary.digest, column, len(vocabulary.values), grown)
    return vocabulary.digest
