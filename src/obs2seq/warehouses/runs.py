"""One run: the data of one subset, made by an engine in a folder of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from obs2seq.domain.fingerprint import files_digest, fingerprint
from obs2seq.errors import Obs2SeqError, StorageError
from obs2seq.ports import Source
from obs2seq.publishing import PublishedDataset
from obs2seq.version import __version__
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.subsets import SubsetSource

logger = logging.getLogger(__name__)


def make(order: Order, found: SubsetSource, dataset: PublishedDataset, engine: Engine) -> str:
    """Return the finished run of this order over this input, made now unless it has been made before.

    Raises:
        DataError: The input cannot be used.
        StorageError: Something refused, or the files that were written are not those that lie there.
    """
    run_id = dataset.run_for(fingerprint(_identity(order, found.source)), force=order.job.force)
    dataset.clear_leftovers(run_id)
    if dataset.is_finished(run_id):
        logger.info("%s: run %s is finished already, nothing to do (--force makes it anew)", order.dataset, run_id)
        return run_id
    with _claimed(dataset, run_id):
        files, size = len(found.source.files), found.source.size
        logger.info("%s: run %s of %d files, %d bytes", order.dataset, run_id, files, size)
        dataset.seal(engine.make(order, found, dataset.run_location(run_id), run_id))
    return run_id


@contextmanager
def _claimed(dataset: PublishedDataset, run_id: str) -> Iterator[None]:
    """Hold a new run's folder; leave nothing in it after an error or Ctrl-C: who opens the dataset would read it."""
    claim = dataset.start(run_id)
    try:
        yield
    except (Obs2SeqError, KeyboardInterrupt):
        with suppress(StorageError):
            dataset.take_back(run_id, claim)
        raise


def input_state(source: Source) -> list[object]:
    """Return what the input is, as JSON values: something else where it has changed."""
    state: object = files_digest(source.files)
    if source.table_commit is not None:
        # A table that was made anew begins again at version 0.
        state = [source.table_version, files_digest([source.table_commit])]
    return [source.location, source.format, state]


def _identity(order: Order, source: Source) -> dict[str, object]:
    """Everything that the result depends on, as JSON values."""
    return {
        "package": __version__,
        "kind": order.kind,
        "subset": order.subset,
        "settings": order.job.shape(),
        "input": input_state(source),
    }
