from collections.abc import Callable

import pytest

from obs2seq.domain.files import WrittenFile
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import CurrentRun, InputSummary, Manifest
from obs2seq.errors import ConfigurationError, ConflictError, DataNotFoundError, LedgerError, StorageError
from obs2seq.ports import Storage, VersionedText
from obs2seq.publishing import PublishedDataset, resolve
from obs2seq.storage.texts import changed_meanwhile
from obs2seq.warehouses.athena.datasets import EmptyFolderDataset
from tests.fakes import DyingStorage, InMemoryStorage, KilledError

OUTPUT = "s3://bucket/output"
LOCATION = f"{OUTPUT}/train_sequenced_100"
A, B, C = "a" * 16, "b" * 16, "c" * 16
PARTS = {"part-0.parquet": "12345", "part-1.parquet": "123"}


def a_manifest(run_id: str, minute: int = 0, **changes: object) -> Manifest:
    values: dict[str, object] = {
        "run_id": run_id,
        "dataset": "train_sequenced_100",
        "subset": "train",
        "kind": "sequences",
        "format": "parquet",
        "rows": 2,
        "files": (WrittenFile("part-0.parquet", 5, 1), WrittenFile("part-1.parquet", 3, 1)),
        "columns": {"pupilid": "string"},
        "settings": {},
        "ledger": Ledger(2, 2, {}, {}),
        "input": InputSummary(location="in", format="csv", files=1, bytes=1, files_digest="00"),
        "versions": {},
        "published_at": f"2026-01-01T00:{minute:02}:00+00:00",
    }
    return Manifest.model_validate(values | changes)


def write_data(storage: Storage, run_id: str) -> None:
    for name, content in PARTS.items():
        storage.write_text(f"{LOCATION}/run_id={run_id}/{name}", content)
    storage.write_text(f"{LOCATION}/run_id={run_id}/_SUCCESS", "")


def publish(storage: Storage, fingerprint: str, minute: int = 0, keep_runs: int = 2, force: bool = False) -> str:
    """Publish as a job does, step by step."""
    dataset = PublishedDataset(storage, LOCATION)
    before = dataset.current()
    run_id = dataset.run_for(fingerprint, force=force)
    dataset.clear_leftovers(run_id)
    if not dataset.is_finished(run_id):
        write_data(storage, run_id)
        dataset.seal(a_manifest(run_id, minute))
    dataset.make_current(run_id, before)
    dataset.remove_old_runs(keep_runs)
    return run_id


def published_parts(storage: Storage) -> tuple[str, dict[str, str]]:
    """Read what is published as a reader does: run and content of every file of the manifest."""
    manifest, location = resolve(storage, LOCATION)
    stored = {file.path: storage.read_text(f"{location}/{file.path}") for file in manifest.files}
    return manifest.run_id, {path: text.text for path, text in stored.items() if text}


def folders(storage: Storage) -> set[str]:
    return {file.path.partition("/")[0] for file in storage.list_files(LOCATION)}


class TestPublish:
    def test_the_first_run_becomes_current(self) -> None:
        storage = InMemoryStorage()

        publish(storage, A)

        assert published_parts(storage) == (A, PARTS)
        assert sorted(storage.files) == [
            f"{LOCATION}/_CURRENT.json",
            f"{LOCATION}/run_id={A}/_MANIFEST.json",
            f"{LOCATION}/run_id={A}/_SUCCESS",
            f"{LOCATION}/run_id={A}/part-0.parquet",
            f"{LOCATION}/run_id={A}/part-1.parquet",
        ]

    def test_the_pointer_names_the_run_its_manifest_and_the_run_before(self) -> None:
        storage = InMemoryStorage()

        publish(storage, A, minute=1)
        publish(storage, B, minute=2)

        assert PublishedDataset(storage, LOCATION).current() == CurrentRun(
            run_id=B,
            manifest=f"run_id={B}/_MANIFEST.json",
            previous_run_id=A,
            published_at="2026-01-01T00:02:00+00:00",
        )

    def test_the_same_run_again_changes_nothing(self) -> None:
        storage = InMemoryStorage()
        publish(storage, A, minute=1)
        before = dict(storage.files)

        publish(storage, A, minute=2)

        assert storage.files == before

    def test_a_former_run_becomes_current_again_without_being_written(self) -> None:
        storage = InMemoryStorage()
        publish(storage, A, minute=1)
        publish(storage, B, minute=2)
        data = storage.files[f"{LOCATION}/run_id={A}/part-0.parquet"]

        publish(storage, A, minute=3)

        assert published_parts(storage) == (A, PARTS)
        assert storage.files[f"{LOCATION}/run_id={A}/part-0.parquet"] == data

    def test_a_forced_rerun_gets_a_folder_of_its_own(self) -> None:
        storage = InMemoryStorage()
        publish(storage, A, minute=1)

        runs = [publish(storage, A, minute=2, force=True), publish(storage, A, minute=3, force=True)]

        assert runs == [f"{A}-2", f"{A}-3"]
        assert published_parts(storage) == (f"{A}-3", PARTS)
        assert folders(storage) == {"_CURRENT.json", f"run_id={A}-2", f"run_id={A}-3"}

    @pytest.mark.parametrize(("unfinished", "force", "chosen"), [(f"{A}-2", True, f"{A}-3"), (B, False, f"{B}-2")])
    def test_the_folder_of_a_run_that_did_not_finish_is_not_used_again(
        self, unfinished: str, force: bool, chosen: str
    ) -> None:
        storage = InMemoryStorage()
        publish(storage, A, minute=1)
        write_data(storage, unfinished)

        run_id = publish(storage, unfinished[:16], minute=2, force=force)

        assert run_id == chosen
        assert folders(storage) == {"_CURRENT.json", f"run_id={A}", f"run_id={chosen}"}

    def test_a_run_finished_by_force_is_found_without_force(self) -> None:
        storage = InMemoryStorage()
        publish(storage, A, minute=1)
        publish(storage, A, minute=2, force=True)

        assert publish(storage, A, minute=3) == f"{A}-2"

    def test_during_a_forced_rerun_the_current_run_stays_whole(self) -> None:
        storage = InMemoryStorage()
        publish(storage, A)
        dataset = PublishedDataset(storage, LOCATION)

        run_id = dataset.run_for(A, force=True)
        dataset.clear_leftovers(run_id)
        write_data(storage, run_id)

        assert published_parts(storage) == (A, PARTS)


class TestLeftovers:
    def test_unfinished_runs_are_removed_and_nothing_else(self) -> None:
        storage = InMemoryStorage()
        publish(storage, A)
        write_data(storage, B)
        write_data(storage, f"{A}-2")
        others = ["train_sequenced_100/run_id=mine/x", "train_sequenced_100/notes.txt", f"test_prepared/run_id={B}/x"]
        for name in others:
            storage.write_text(f"{OUTPUT}/{name}", "x")

        PublishedDataset(storage, LOCATION).clear_leftovers(C)

        assert folders(storage) == {"_CURRENT.json", f"run_id={A}", "run_id=mine", "notes.txt"}
        assert all(f"{OUTPUT}/{name}" in storage.files for name in others)

    def test_a_finished_run_that_is_not_current_stays(self) -> None:
        storage = InMemoryStorage()
        write_data(storage, A)
        PublishedDataset(storage, LOCATION).seal(a_manifest(A))

        publish(storage, A, minute=5)

        assert resolve(storage, LOCATION)[0] == a_manifest(A)


class TestClaimsBesideTheFolders:
    def test_a_run_folder_stays_empty_until_its_data_comes(self) -> None:
        storage = InMemoryStorage()
        dataset = EmptyFolderDataset(storage, LOCATION)

        dataset.start(A)
        claimed = [*storage.files]
        write_data(storage, A)
        dataset.seal(a_manifest(A))

        assert claimed == [f"{LOCATION}/_STARTED/run_id={A}.json"]
        assert folders(storage) == {f"run_id={A}"}

    @pytest.mark.parametrize("kind", [EmptyFolderDataset, PublishedDataset])
    def test_a_run_of_which_there_is_a_claim_alone_did_not_finish(self, kind: type[PublishedDataset]) -> None:
        storage = InMemoryStorage()
        publish(storage, A)
        EmptyFolderDataset(storage, LOCATION).start(B)
        dataset = kind(storage, LOCATION)

        with pytest.raises(ConflictError):
            EmptyFolderDataset(storage, LOCATION).start(B)
        run_id = dataset.run_for(B)
        dataset.clear_leftovers(run_id)

        assert run_id == f"{B}-2"
        assert folders(storage) == {"_CURRENT.json", f"run_id={A}"}

    def test_the_claim_goes_last(self) -> None:
        storage = DyingStorage()
        dataset = EmptyFolderDataset(storage, LOCATION)
        dataset.start(A)
        write_data(storage, A)
        storage.changes_left = 1

        with pytest.raises(KilledError):
            dataset.remove_unfinished(A)

        assert f"{LOCATION}/_STARTED/run_id={A}.json" in storage.files


@pytest.mark.parametrize("kind", [EmptyFolderDataset, PublishedDataset])
class TestTakeBack:
    def test_nothing_stays_of_a_run_that_failed(self, kind: type[PublishedDataset]) -> None:
        storage = InMemoryStorage()
        publish(storage, A)
        before = dict(storage.files)
        dataset = kind(storage, LOCATION)
        claim = dataset.start(B)
        write_data(storage, B)

        dataset.take_back(B, claim)

        assert storage.files == before

    def test_a_folder_that_another_has_claimed_since_stays(self, kind: type[PublishedDataset]) -> None:
        storage = InMemoryStorage()
        overtaken, other = kind(storage, LOCATION), kind(storage, LOCATION)
        claim = overtaken.start(A)
        other.clear_leftovers(B)
        other.start(A)
        write_data(storage, A)
        before = dict(storage.files)

        overtaken.take_back(A, claim)

        assert storage.files == before

    def test_what_another_has_finished_since_stays(self, kind: type[PublishedDataset]) -> None:
        storage = InMemoryStorage()
        overtaken, other = kind(storage, LOCATION), kind(storage, LOCATION)
        claim = overtaken.start(A)
        other.clear_leftovers(B)
        other.start(A)
        write_data(storage, A)
        other.seal(a_manifest(A))
        before = dict(storage.files)

        overtaken.take_back(A, claim)

        assert storage.files == before

    def test_a_run_that_is_finished_but_for_its_claim_stays(self, kind: type[PublishedDataset]) -> None:
        storage = DyingStorage()
        dataset = kind(storage, LOCATION)
        claim = dataset.start(A)
        write_data(storage, A)
        storage.changes_left = 1
        with pytest.raises(KilledError):
            dataset.seal(a_manifest(A))
        storage.changes_left = None

        dataset.take_back(A, claim)

        assert dataset.manifest(A) == a_manifest(A)


class TestStart:
    def test_of_two_that_start_the_same_run_one_is_refused(self) -> None:
        storage = InMemoryStorage()
        first, second = PublishedDataset(storage, LOCATION), PublishedDataset(storage, LOCATION)
        assert first.run_for(A) == second.run_for(A) == A
        first.start(A)
        second.clear_leftovers(A)

        with pytest.raises(ConflictError):
            second.start(A)

        assert second.run_for(A) == f"{A}-2"

    def test_the_claim_goes_when_the_run_is_finished(self) -> None:
        storage = InMemoryStorage()
        dataset = PublishedDataset(storage, LOCATION)
        dataset.start(A)
        write_data(storage, A)

        dataset.seal(a_manifest(A))

        assert [path for path in storage.files if "STARTED" in path] == []

    def test_a_run_that_died_before_it_wrote_is_cleared(self) -> None:
        storage = InMemoryStorage()
        PublishedDataset(storage, LOCATION).start(A)

        publish(storage, B)

        assert folders(storage) == {"_CURRENT.json", f"run_id={B}"}

    def test_a_delta_table_is_no_place_for_it(self) -> None:
        storage = InMemoryStorage()
        storage.write_text(f"{LOCATION}/_delta_log/00000000000000000000.json", "{}")

        with pytest.raises(ConfigurationError, match="found a Delta table"):
            PublishedDataset(storage, LOCATION).run_for(A)


class TestSeal:
    @pytest.mark.parametrize(
        ("spoil", "problem"),
        [
            (
                lambda s, run: s.remove(f"{run}/part-0.parquet"),
                r"2 files .* found 1 missing \(such as part-0.parquet\)",
            ),
            (lambda s, run: s.write_text(f"{run}/part-0.parquet", "1234"), "1 of another size"),
            (lambda s, run: s.write_text(f"{run}/deep/part-9", "x"), r"1 unexpected \(such as deep/part-9\)"),
        ],
        ids=["missing", "size", "unexpected"],
    )
    def test_other_files_than_the_manifest_names_are_refused(
        self, spoil: Callable[[Storage, str], None], problem: str
    ) -> None:
        storage = InMemoryStorage()
        write_data(storage, A)
        spoil(storage, f"{LOCATION}/run_id={A}")

        with pytest.raises(StorageError, match=problem):
            PublishedDataset(storage, LOCATION).seal(a_manifest(A))

        assert not PublishedDataset(storage, LOCATION).is_finished(A)

    def test_hidden_files_do_not_count(self) -> None:
        storage = InMemoryStorage()
        write_data(storage, A)
        for name in (".part-0.parquet.crc", "_temporary/0/part-7"):
            storage.write_text(f"{LOCATION}/run_id={A}/{name}", "x")

        PublishedDataset(storage, LOCATION).seal(a_manifest(A))

        assert PublishedDataset(storage, LOCATION).manifest(A) == a_manifest(A)

    def test_a_run_without_rows_may_have_no_files(self) -> None:
        storage = InMemoryStorage()

        PublishedDataset(storage, LOCATION).seal(a_manifest(A, rows=0, files=()))

        assert PublishedDataset(storage, LOCATION).is_finished(A)

    def test_a_ledger_that_does_not_balance_is_refused(self) -> None:
        storage = InMemoryStorage()
        write_data(storage, A)

        with pytest.raises(LedgerError, match=r"^train_sequenced_100: "):
            PublishedDataset(storage, LOCATION).seal(a_manifest(A, ledger=Ledger(3, 2, {}, {})))

        assert not PublishedDataset(storage, LOCATION).is_finished(A)

    def test_a_run_that_another_process_finished_is_a_conflict(self) -> None:
        storage = InMemoryStorage()
        write_data(storage, A)
        PublishedDataset(storage, LOCATION).seal(a_manifest(A, minute=1))

        with pytest.raises(ConflictError):
            PublishedDataset(storage, LOCATION).seal(a_manifest(A, minute=2))

        assert PublishedDataset(storage, LOCATION).manifest(A) == a_manifest(A, minute=1)


class TestMakeCurrent:
    def sealed(self, *runs: str) -> tuple[InMemoryStorage, PublishedDataset]:
        storage = InMemoryStorage()
        dataset = PublishedDataset(storage, LOCATION)
        for run_id in runs:
            write_data(storage, run_id)
            dataset.seal(a_manifest(run_id))
        return storage, dataset

    @pytest.mark.parametrize("is_first", [True, False])
    def test_a_run_published_meanwhile_is_a_conflict(self, is_first: bool) -> None:
        storage, dataset = self.sealed(A, B, C)
        if not is_first:
            dataset.make_current(C, None)
        before = dataset.current()
        dataset.make_current(A, before)

        with pytest.raises(ConflictError, match=f"found run {A}: another run published meanwhile"):
            dataset.make_current(B, before)

        assert published_parts(storage) == (A, PARTS)

    def test_the_same_run_published_meanwhile_is_none(self) -> None:
        storage, dataset = self.sealed(A)
        dataset.make_current(A, None)

        dataset.make_current(A, None)

        assert published_parts(storage) == (A, PARTS)

    @pytest.mark.parametrize("moment", ["list_files", "replace_text"])
    def test_a_run_published_at_the_last_instant_is_a_conflict(
        self, moment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        storage, dataset = self.sealed(A, B)
        slow = InMemoryStorage()
        slow.files = storage.files
        act = getattr(slow, moment)

        def act_too_late(*arguments: object) -> object:
            dataset.make_current(A, None)
            return act(*arguments)

        monkeypatch.setattr(slow, moment, act_too_late)

        with pytest.raises(ConflictError):
            PublishedDataset(slow, LOCATION).make_current(B, None)

        assert published_parts(storage) == (A, PARTS)

    def test_a_request_that_arrived_twice_is_no_conflict(self) -> None:
        storage, _ = self.sealed(A)

        class Retrying(InMemoryStorage):
            def replace_text(self, location: str, text: str, expected: VersionedText | None) -> None:
                super().replace_text(location, text, expected)
                raise changed_meanwhile(location)

        retrying = Retrying()
        retrying.files = storage.files

        PublishedDataset(retrying, LOCATION).make_current(A, None)

        assert published_parts(storage) == (A, PARTS)

    def test_an_unfinished_run_is_refused(self) -> None:
        storage, dataset = self.sealed()
        write_data(storage, A)

        with pytest.raises(StorageError, match="manifest of a finished run, found none"):
            dataset.make_current(A, None)

        assert dataset.current() is None

    def test_a_damaged_run_is_refused_and_force_replaces_it(self) -> None:
        storage, dataset = self.sealed(A)
        dataset.make_current(A, None)
        storage.remove(f"{LOCATION}/run_id={A}/part-0.parquet")

        with pytest.raises(StorageError, match=r"1 missing .*with force"):
            publish(storage, A)
        publish(storage, A, minute=1, force=True)

        assert published_parts(storage) == (f"{A}-2", PARTS)


class TestWithdraw:
    @pytest.mark.parametrize("formers", [(), (A,), (A, B)])
    def test_readers_find_again_what_they_found_before(self, formers: tuple[str, ...]) -> None:
        storage = InMemoryStorage()
        for minute, former in enumerate(formers):
            publish(storage, former, minute)
        dataset = PublishedDataset(storage, LOCATION)
        before = dataset.current()
        publish(storage, C, minute=9, keep_runs=9)

        dataset.withdraw(C, before)

        assert dataset.current() == before
        assert dataset.is_finished(C)

    def test_a_run_that_another_published_meanwhile_stays(self) -> None:
        storage = InMemoryStorage()
        for run_id in (A, B, C):
            publish(storage, run_id, keep_runs=9)

        PublishedDataset(storage, LOCATION).withdraw(B, None)

        assert published_parts(storage) == (C, PARTS)

    def test_a_run_that_was_current_before_stays(self) -> None:
        storage = InMemoryStorage()
        publish(storage, A)
        dataset = PublishedDataset(storage, LOCATION)

        dataset.withdraw(A, dataset.current())

        assert published_parts(storage) == (A, PARTS)

    def test_what_cannot_be_published_is_known_before_anything_changes(self) -> None:
        storage = InMemoryStorage()
        publish(storage, A)
        write_data(storage, B)
        dataset = PublishedDataset(storage, LOCATION)
        dataset.seal(a_manifest(B))
        before = dict(storage.files)

        with pytest.raises(ConflictError):
            dataset.require_publishable(B, None)
        dataset.require_publishable(B, dataset.current())
        assert storage.files == before

        storage.remove(f"{LOCATION}/run_id={B}/part-0.parquet")
        with pytest.raises(StorageError, match="1 missing"):
            dataset.require_publishable(B, dataset.current())


class TestRemoveOldRuns:
    def test_the_run_that_readers_had_before_outlives_those_that_they_never_had(self) -> None:
        storage = InMemoryStorage()
        dataset = PublishedDataset(storage, LOCATION)
        publish(storage, A, minute=1)
        write_data(storage, B)
        dataset.seal(a_manifest(B, minute=2))

        publish(storage, C, minute=3, keep_runs=2)

        assert folders(storage) == {"_CURRENT.json", f"run_id={A}", f"run_id={C}"}

    @pytest.mark.parametrize(
        ("keep_runs", "kept"),
        [(1, {B}), (2, {B, f"{A}-10"}), (3, {B, f"{A}-10", f"{A}-9"}), (9, {A, B, C, f"{A}-9", f"{A}-10"})],
    )
    def test_the_newest_stay_and_always_the_current(self, keep_runs: int, kept: set[str]) -> None:
        storage = InMemoryStorage()
        dataset = PublishedDataset(storage, LOCATION)
        for run_id, minute in ((f"{A}-10", 4), (C, 2), (B, 1), (A, 3), (f"{A}-9", 4)):
            write_data(storage, run_id)
            dataset.seal(a_manifest(run_id, minute))
        dataset.make_current(B, None)

        dataset.remove_old_runs(keep_runs)

        left = {name.removeprefix("run_id=") for name in folders(storage)} - {"_CURRENT.json"}
        assert left == kept

    def test_instants_are_compared_not_texts(self) -> None:
        storage = InMemoryStorage()
        dataset = PublishedDataset(storage, LOCATION)
        times = {A: "2026-01-01T12:00:00+00:00", B: "2026-01-01T13:00:00+05:00", C: "2026-01-01T00:00:00Z"}
        for run_id, published_at in times.items():
            write_data(storage, run_id)
            dataset.seal(a_manifest(run_id, published_at=published_at))
        dataset.make_current(C, None)

        dataset.remove_old_runs(2)

        assert folders(storage) == {"_CURRENT.json", f"run_id={A}", f"run_id={C}"}

    def test_a_run_that_cannot_be_judged_stays(self) -> None:
        storage = InMemoryStorage()
        storage.write_text(f"{LOCATION}/run_id={B}/_MANIFEST.json", '{"manifest_version": 2}')

        publish(storage, A, keep_runs=1)

        assert f"run_id={B}" in folders(storage)

    def test_nothing_is_removed_where_nothing_is_current(self) -> None:
        storage = InMemoryStorage()
        write_data(storage, A)
        PublishedDataset(storage, LOCATION).seal(a_manifest(A))

        PublishedDataset(storage, LOCATION).remove_old_runs(1)

        assert folders(storage) == {f"run_id={A}"}

    def test_keeping_no_run_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="expected 1 or more, found 0"):
            PublishedDataset(InMemoryStorage(), LOCATION).remove_old_runs(0)


class TestResolve:
    def test_a_location_with_a_slash_at_the_end(self) -> None:
        storage = InMemoryStorage()
        publish(storage, A)

        assert resolve(storage, f"{LOCATION}/") == (a_manifest(A), f"{LOCATION}/run_id={A}")

    def test_nothing_published_is_reported(self) -> None:
        storage = InMemoryStorage()
        write_data(storage, A)

        with pytest.raises(DataNotFoundError, match="expected a published dataset") as missing:
            resolve(storage, LOCATION)

        assert missing.value.where == LOCATION

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"run_id": "../x"}'])
    def test_a_broken_pointer_is_reported_with_its_location(self, text: str) -> None:
        storage = InMemoryStorage()
        publish(storage, A)
        storage.write_text(f"{LOCATION}/_CURRENT.json", text)

        with pytest.raises(StorageError) as broken:
            resolve(storage, LOCATION)

        assert broken.value.where == f"{LOCATION}/_CURRENT.json"

    def test_a_pointer_to_a_run_that_is_gone_is_reported(self) -> None:
        storage = InMemoryStorage()
        publish(storage, A)
        storage.remove(f"{LOCATION}/run_id={A}")

        with pytest.raises(StorageError, match="manifest of a finished run, found none"):
            resolve(storage, LOCATION)


def _published_before(*fingerprints: str) -> DyingStorage:
    storage = DyingStorage()
    for minute, fingerprint in enumerate(fingerprints):
        publish(storage, fingerprint, minute)
    write_data(storage, "e" * 16)
    return storage


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("keep_runs", [1, 2])
@pytest.mark.parametrize("next_run", ["the same", "another", "the oldest"])
def test_a_kill_at_any_moment_leaves_a_whole_output_that_the_next_run_replaces(
    next_run: str, keep_runs: int, force: bool
) -> None:
    killed, completed = 0, False
    while not completed:
        storage = _published_before(A, B)
        former, fingerprint = published_parts(storage), (B if force else C)
        storage.changes_left = killed
        try:
            new = publish(storage, fingerprint, 5, keep_runs, force)
            completed = True
        except KilledError:
            new = f"{B}-2" if force else C
        storage.changes_left = None

        assert published_parts(storage) in (former, (new, PARTS))

        following = {"the same": fingerprint, "another": "d" * 16, "the oldest": A}[next_run]
        last = publish(storage, following, 6, keep_runs, force)

        assert published_parts(storage) == (last, PARTS)
        assert len(folders(storage) - {"_CURRENT.json"}) == keep_runs
        assert all(
            PublishedDataset(storage, LOCATION).is_finished(name[7:]) for name in folders(storage) if "=" in name
        )
        killed += 1
    # Three leftovers, three new files, manifest and pointer; then four files of each old run.
    assert killed - 1 == 8 + 4 * (3 - keep_runs)
