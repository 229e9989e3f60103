"""One run, from its claim to its manifest, with an engine that does as it is told."""

from collections.abc import Callable

import pytest

from obs2seq import SequenceSpec
from obs2seq.domain.job import Job
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.source import Source
from obs2seq.errors import ConfigurationError, ConflictError, DataError, LedgerError, Obs2SeqError, StorageError
from obs2seq.ports import Storage, VersionedText
from obs2seq.publishing import PublishedDataset
from obs2seq.warehouses.athena.datasets import EmptyFolderDataset
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.runs import make
from obs2seq.warehouses.subsets import SubsetSource
from tests.fakes import InMemoryStorage, KilledError
from tests.test_publishing import LOCATION, a_manifest, publish, write_data

FIELDS = {"order_by": ["t"], "sequence_length": 100, "features": [{"name": "v", "column": "v", "pad": 0}]}
ORDER = Order(Job(SequenceSpec.model_validate(FIELDS)), "train", "sequences", "train_sequenced_100")
FOUND = SubsetSource(Source("s3://bucket/in", "parquet", (), is_all=True), has_own_folder=False)
FORMER = "f" * 16


class ToldEngine(Engine):
    """Writes two files; then does what it is told, with the run's name."""

    def __init__(self, storage: Storage, then: Callable[[str], Manifest]) -> None:
        self._storage, self._then = storage, then

    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        write_data(self._storage, run_id)
        return self._then(run_id)

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        raise NotImplementedError


def _raising(error: BaseException) -> Callable[[str], Manifest]:
    def fail(run_id: str) -> Manifest:
        raise error

    return fail


class WithoutManifests(InMemoryStorage):
    """Refuses every manifest, from when it is told."""

    is_refusing = False

    def replace_text(self, location: str, text: str, expected: VersionedText | None) -> None:
        if self.is_refusing and location.endswith("_MANIFEST.json"):
            raise StorageError(location, "expected the right to write here, found it denied")
        super().replace_text(location, text, expected)


@pytest.fixture(params=[PublishedDataset, EmptyFolderDataset])
def kind(request: pytest.FixtureRequest) -> type[PublishedDataset]:
    chosen: type[PublishedDataset] = request.param
    return chosen


@pytest.mark.parametrize("error", [DataError, ConfigurationError, StorageError, ConflictError])
def test_an_error_leaves_what_there_was_and_takes_no_number(
    kind: type[PublishedDataset], error: type[Obs2SeqError]
) -> None:
    storage = InMemoryStorage()
    publish(storage, FORMER)
    before, dataset = dict(storage.files), kind(storage, LOCATION)

    with pytest.raises(error):
        make(ORDER, FOUND, dataset, ToldEngine(storage, _raising(error("rows", "expected x, found y"))))

    assert storage.files == before
    run_id = make(ORDER, FOUND, dataset, ToldEngine(storage, a_manifest))
    assert "-" not in run_id


def test_rows_that_do_not_balance_and_a_manifest_that_is_refused_leave_nothing(kind: type[PublishedDataset]) -> None:
    storage = WithoutManifests()
    publish(storage, FORMER)
    before, dataset = dict(storage.files), kind(storage, LOCATION)

    with pytest.raises(LedgerError):
        make(ORDER, FOUND, dataset, ToldEngine(storage, lambda run: a_manifest(run, ledger=Ledger(3, 2, {}, {}))))
    storage.is_refusing = True
    with pytest.raises(StorageError, match="denied"):
        make(ORDER, FOUND, dataset, ToldEngine(storage, a_manifest))

    assert storage.files == before


def test_a_run_that_is_overtaken_and_fails_leaves_the_claim_and_the_files_of_the_other(
    kind: type[PublishedDataset],
) -> None:
    storage = InMemoryStorage()
    other = kind(storage, LOCATION)

    def overtaken(run_id: str) -> Manifest:
        other.clear_leftovers(FORMER)
        other.start(run_id)
        write_data(storage, run_id)
        raise StorageError("rows", "expected x, found y")

    with pytest.raises(StorageError, match="found y"):
        make(ORDER, FOUND, kind(storage, LOCATION), ToldEngine(storage, overtaken))

    assert len(storage.files) == 4
    assert sum("_STARTED" in path for path in storage.files) == 1


def test_a_crash_leaves_the_claim_to_the_next_run(kind: type[PublishedDataset]) -> None:
    storage = InMemoryStorage()

    with pytest.raises(KilledError):
        make(ORDER, FOUND, kind(storage, LOCATION), ToldEngine(storage, _raising(KilledError())))

    assert sum("_STARTED" in path for path in storage.files) == 1
    assert make(ORDER, FOUND, kind(storage, LOCATION), ToldEngine(storage, a_manifest)).endswith("-2")
    assert not any("_STARTED" in path for path in storage.files)
