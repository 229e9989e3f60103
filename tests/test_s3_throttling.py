"""A store that is too busy: whatever request it refuses, readers keep a whole output, and the next run repairs."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from moto.s3.responses import S3Response

from obs2seq.aws.s3 import s3_client
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import InputSummary, Manifest, WrittenFile
from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.ports import Storage
from obs2seq.publishing import PublishedDataset, resolve
from obs2seq.storage.routing import RoutedStorage
from tests.s3_answers import Answer, answer_instead, refusal

SLOW_DOWN = refusal(503, "SlowDown")
FIRST, SECOND = "a" * 16, "b" * 16


class BusyStore:
    """Counts the requests that reach the stand-in, and refuses those that it is told to."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.is_refused: Callable[[list[str]], bool] = lambda _: False

    def begin(self, is_refused: Callable[[list[str]], bool] = lambda _: False) -> None:
        """Forget the requests so far; from now on refuse those of which this is so, being told all with the newest."""
        self.requests.clear()
        self.is_refused = is_refused


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For how long the client would have slept, in seconds."""
    slept: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=slept.append))
    return slept


@pytest.fixture
def store(s3_endpoint: str, pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> BusyStore:
    busy = BusyStore()

    def choose(request: Any) -> Answer | None:
        busy.requests.append(request.method)
        return SLOW_DOWN if busy.is_refused(busy.requests) else None

    answer_instead(monkeypatch, choose)
    return busy


@pytest.mark.parametrize(("given", "attempts"), [(None, 3), ("7", 7)])
def test_a_busy_store_is_asked_again_after_growing_pauses(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float], store: BusyStore, given: str | None, attempts: int
) -> None:
    if given:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", given)
    store.begin(is_refused=lambda _: True)

    with pytest.raises(StorageError) as error:
        RoutedStorage().write_text("s3://bucket/key", "text")

    assert store.requests == ["PUT"] * attempts
    assert len(pauses) == attempts - 1
    assert all(0 <= pause <= longest for pause, longest in zip(pauses, [1, 2, 4, 8, 16, 20], strict=False))
    assert str(error.value) == (
        "s3://bucket/key: expected S3 to answer PutObject, found too many requests (SlowDown). "
        "Hint: run again later, with fewer jobs at a time, or with AWS_MAX_ATTEMPTS=10."
    )
    assert error.value.exit_code == 3


@pytest.mark.parametrize("given", ["0", "-1", "many", "2.5"])
def test_a_number_of_attempts_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", given)

    with pytest.raises(ConfigurationError) as error:
        s3_client()

    assert str(error.value) == f"AWS_MAX_ATTEMPTS: expected a whole number from 1, found '{given}'."


def test_a_store_that_is_busy_for_a_moment_goes_unnoticed(bucket: str, store: BusyStore) -> None:
    storage, location = RoutedStorage(), f"s3://{bucket}/train"
    store.begin(is_refused=lambda requests: len(requests) % 3 == 1)

    publish(storage, location, FIRST)

    assert published(storage, location) == whole(FIRST)


def test_from_whatever_change_on_the_store_is_busy_readers_keep_a_whole_output(bucket: str, store: BusyStore) -> None:
    storage = RoutedStorage()
    publish(storage, f"s3://{bucket}/undisturbed", FIRST)
    store.begin()
    publish(storage, f"s3://{bucket}/undisturbed", SECOND)
    outcomes = []
    for n in range(changes(store.requests)):
        location = f"s3://{bucket}/busy-after-{n}"
        store.begin()
        publish(storage, location, FIRST)
        store.begin(is_refused=lambda requests, n=n: changes(requests) > n)  # type: ignore[misc]
        said = why_refused(lambda location=location: publish(storage, location, SECOND))  # type: ignore[misc]
        store.begin()
        outcomes.append((published(storage, location), "too many requests (SlowDown)" in said))
        publish(storage, location, SECOND)
        assert published(storage, location) == whole(SECOND)

    kept = outcomes.count((whole(FIRST), True))
    assert outcomes[:kept] == [(whole(FIRST), True)] * kept
    assert [output for output, _ in outcomes[kept:]] == [whole(SECOND)] * (len(outcomes) - kept)
    assert 4 < kept < len(outcomes)


def test_an_answer_that_is_lost_after_the_write_is_no_conflict(
    bucket: str, store: BusyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, location = RoutedStorage(), f"s3://{bucket}/train"
    put_object, lost = S3Response.put_object, list[str]()

    def write_and_lose_the_answer(self: S3Response) -> Any:
        answer = put_object(self)
        key = self.parse_key_name()
        if key in lost:
            return answer
        lost.append(key)
        return SLOW_DOWN

    monkeypatch.setattr(S3Response, "put_object", write_and_lose_the_answer)

    publish(storage, location, FIRST)

    assert published(storage, location) == whole(FIRST)
    assert [key.rpartition("/")[2] for key in lost] == ["_STARTED.json", "part-0", "_MANIFEST.json", "_CURRENT.json"]


def publish(storage: Storage, location: str, fingerprint: str) -> None:
    """Publish as a job does, step by step."""
    dataset = PublishedDataset(storage, location)
    before = dataset.current()
    run_id = dataset.run_for(fingerprint)
    dataset.clear_leftovers(run_id)
    if not dataset.is_finished(run_id):
        dataset.start(run_id)
        storage.write_text(f"{dataset.run_location(run_id)}/part-0", f"data of {fingerprint}")
        dataset.seal(manifest(run_id, f"data of {fingerprint}"))
    dataset.make_current(run_id, before)
    dataset.remove_old_runs(keep_runs=1)


def published(storage: Storage, location: str) -> tuple[str, dict[str, str]]:
    """Read what is published as a reader does: the fingerprint, and the content of every file of the manifest."""
    found, folder = resolve(storage, location)
    stored = {file.path: storage.read_text(f"{folder}/{file.path}") for file in found.files}
    return found.run_id.partition("-")[0], {path: text.text for path, text in stored.items() if text}


def whole(fingerprint: str) -> tuple[str, dict[str, str]]:
    """What readers find of a run that is published."""
    return fingerprint, {"part-0": f"data of {fingerprint}"}


def changes(requests: list[str]) -> int:
    return sum(method != "GET" for method in requests)


def why_refused(act: Callable[[], None]) -> str:
    """Return why the storage refused; empty where it did not."""
    try:
        act()
    except StorageError as error:
        return str(error)
    return ""


def manifest(run_id: str, content: str) -> Manifest:
    return Manifest(
        run_id=run_id,
        dataset="train",
        subset="train",
        kind="sequences",
        format="parquet",
        rows=1,
        files=(WrittenFile("part-0", len(content), 1),),
        columns={"pupilid": "string"},
        settings={},
        ledger=Ledger(1, 1, {}, {}),
        input=InputSummary(location="in", format="csv", files=1, bytes=1, files_digest="00"),
        versions={},
        published_at="2026-01-01T00:00:00+00:00",
    )
