"""What every warehouse does alike: it finds a subset's data, lets an engine compute, and publishes."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from obs2seq.domain.job import Job
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.locations import join
from obs2seq.domain.manifest import CurrentRun, Manifest
from obs2seq.domain.validation import nearest
from obs2seq.domain.vocabularies import encoded_columns
from obs2seq.errors import ConfigurationError, DataNotFoundError, Obs2SeqError, StorageError
from obs2seq.ports import FinishedRun, Inspection, Storage, WarehouseServiceInterface
from obs2seq.publishing import PublishedDataset
from obs2seq.storage.vocabularies import VOCABULARIES
from obs2seq.warehouses.assignments import FOLDER, assigned
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.locations import published_path, require_apart
from obs2seq.warehouses.runs import make
from obs2seq.warehouses.subsets import SubsetSource, subset_source
from obs2seq.warehouses.vocabularies import (
    Fit,
    encoded,
    fitted_columns,
    fitting_order,
    require_one_vocabulary,
    require_pinned,
)

if TYPE_CHECKING:
    from obs2seq.ports import PublishedPath

Datasets = Callable[[str], PublishedDataset]
"""Gives what is published, or is to be, at a location."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Made:
    """A finished run that waits to be published."""

    dataset: PublishedDataset
    run_id: str
    former: CurrentRun | None
    """What was current when the run began."""
    keep_runs: int

    @property
    def finished(self) -> FinishedRun:
        """What there is to look at."""
        return FinishedRun(
            self.dataset.finished_manifest(self.run_id), self.dataset.run_location(self.run_id), self._previous
        )

    @property
    def _previous(self) -> Manifest | None:
        if self.former is None or self.former.run_id == self.run_id:
            return None
        with suppress(StorageError):  # another version's, or damaged: no reason to stop this run
            return self.dataset.manifest(self.former.run_id)
        return None


class WarehouseService(WarehouseServiceInterface):
    """Makes subsets ready. A run that is finished already costs a look at the files, and starts no engine.

    Args:
        job: What to make of the data.
        engine: Computes it.
        storage: The files beside the data.
        datasets: What is published.

    Attributes:
        inspections: What looks at all subsets of a run before they are published.
    """

    def __init__(self, job: Job, engine: Engine, storage: Storage, datasets: Datasets) -> None:
        self._job = job
        self._engine = engine
        self._storage = storage
        self._datasets = datasets
        self.inspections: Sequence[Inspection] = ()
        self._held_back: list[_Made] | None = None

    @abstractmethod
    def checked_location(self, location: str) -> str:
        """Return the location as engine and storage are to know it; `ConfigurationError` where it is not allowed."""

    def found(self, location: str, job: Job, subset: str) -> SubsetSource:
        """Return where the subset's rows are."""
        return subset_source(self._storage, location, job, subset)

    def sequence_dataset(
        self, s3_data_location: str, sequence_length: int, output_s3_location: str, subset_name: str
    ) -> PublishedPath:
        """Publish the subset's sequences below `<output>/<subset>_sequenced_<L>`; return that location."""
        order = Order.of(self._job.with_length(sequence_length), subset_name, "sequences")
        return self._publish(order, s3_data_location, output_s3_location)

    def prepare_dataset(self, s3_data_location: str, output_s3_location: str, subset_name: str) -> PublishedPath:
        """Publish the subset's observations, checked and in order, below `<output>/<subset>_prepared`; return that."""
        order = Order.of(self._job, subset_name, "observations")
        return self._publish(order, s3_data_location, output_s3_location)

    def check_dataset(self, s3_data_location: str, subset_name: str) -> Ledger:
        """Read every row of the subset once, without a shuffle, and return what would be left out; write nothing.

        Raises:
            DataError: What would stop a run.
        """
        order = Order(self._job, subset_name, "sequences", subset_name)
        _require_known(subset_name, self._job)
        data = self.checked_location(s3_data_location)
        return self._engine.check(order, self.found(data, self._job, subset_name))

    def published(self, location: str) -> Manifest:
        """Return the manifest of the current run at a dataset's location."""
        dataset = self._datasets(location)
        current = dataset.current()
        if current is None:
            raise DataNotFoundError(location, "expected a published dataset, found none")
        return dataset.finished_manifest(current.run_id)

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        """Hold back what is made within the block, and publish all of it at its end, or nothing after an error."""
        held_back: list[_Made] = []
        self._held_back = held_back
        try:
            yield
        finally:
            self._held_back = None
        _require_publishable(held_back)
        finished = [made.finished for made in held_back]
        require_one_vocabulary([each.manifest for each in finished])
        for inspect in self.inspections:
            inspect(finished)
        _publish_together(held_back)

    def _publish(self, order: Order, data_location: str, output_location: str) -> PublishedPath:
        data, output = self.checked_location(data_location), self.checked_location(output_location)
        require_apart(data, output)
        _require_known(order.subset, order.job)
        _require_masks(order)
        found = self.found(data, order.job, order.subset)
        if order.job.subset_method == "stratified":
            order = self._assigned(order, found, output)
        order = self._encoded(order, data, output)
        dataset = self._datasets(join(output, order.dataset))
        current = dataset.current()
        run_id = make(order, found, dataset, self._engine)
        made = _Made(dataset, run_id, current, order.job.keep_runs)
        if self._held_back is None:
            _publish_together([made])
        else:
            self._held_back.append(made)
        return published_path(dataset.location)

    def _assigned(self, order: Order, found: SubsetSource, output: str) -> Order:
        """Return the order with the assignment that tells its pupils from others."""
        location = self.checked_location(order.job.split_assignment or join(output, FOLDER))
        return replace(order, job=assigned(order, found, location, self._engine, self._storage))

    def _encoded(self, order: Order, data: str, output: str) -> Order:
        """Return the order with the vocabularies that its features are encoded by, if there are such features."""
        job = order.job
        require_pinned(job)
        if not encoded_columns(job.spec):
            return order
        location = self.checked_location(job.vocabulary_location or join(output, VOCABULARIES))
        columns = fitted_columns(job)
        fitting = fitting_order(order, columns) if columns else order
        fit = Fit(fitting, columns, self.found(data, fitting.job, fitting.subset), self._engine)
        return replace(order, job=encoded(job, location, fit, self._storage))


def _publish_together(runs: Sequence[_Made]) -> None:
    """Let readers find all of the runs; of none where one cannot be published, as far as storage still answers then."""
    _require_publishable(runs)
    try:
        for made in runs:
            made.dataset.make_current(made.run_id, made.former)
    except BaseException:
        _withdraw(runs)
        raise
    for made in runs:
        made.dataset.remove_old_runs(made.keep_runs)


def _require_publishable(runs: Sequence[_Made]) -> None:
    for made in runs:
        made.dataset.require_publishable(made.run_id, made.former)


def _withdraw(runs: Sequence[_Made]) -> None:
    for made in runs:
        try:
            made.dataset.withdraw(made.run_id, made.former)
        except Obs2SeqError as error:
            logger.error("%s: run %s stays published: %s", made.dataset.location, made.run_id, error)


def _require_masks(order: Order) -> None:
    if order.job.split_context and order.kind == "observations":
        problem = "expected false where output is observations, which no mask tells from their context, found true"
        raise ConfigurationError("split_context", problem, "set output: sequences, or split_context: false")


def _require_known(subset: str, job: Job) -> None:
    if subset not in job.subsets:
        problem = f"expected one of {', '.join(job.subsets)}, found '{subset}'"
        raise ConfigurationError("subsets", problem, nearest(subset, job.subsets))
