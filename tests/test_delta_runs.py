"""Runs whose output is a Delta table: one transaction each, with the run before in the table's history."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from obs2seq.bootstrap import run, warehouse
from obs2seq.domain.manifest import Manifest
from obs2seq.errors import ConfigurationError, ConflictError, StorageError
from obs2seq.orchestrator import DataSequencingOrchestrator
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage
from obs2seq.warehouses.delta import DeltaDataset
from obs2seq.warehouses.writers import ParquetWriter
from tests.fakes import KilledError
from tests.small_jobs import CORRECT, answers, files_at, folders_at, get, put_answers, settings_for
from tests.test_publish_runs import BOTH, FIRST, add_a_pupil, spark_not_needed

TRAIN = "train_sequenced_3"


@pytest.fixture(params=["local"])
def root(request: pytest.FixtureRequest) -> str:
    """A place with four answers of one pupil."""
    local = request.param == "local"
    place = str(request.getfixturevalue("tmp_path")) if local else f"s3://{request.getfixturevalue('bucket')}/deep"
    put_answers(f"{place}/in/part-0.parquet", answers(1, [1, 0, 1, 1]))
    return place


def settings_at(root: str, **changes: object) -> Settings:
    return settings_for(f"{root}/in", f"{root}/out", **({"output_format": "delta"} | changes))


def publish(settings: Settings, storage: RoutedStorage | None = None) -> None:
    DataSequencingOrchestrator(warehouse(settings, storage)).orchestrate(settings)


def sequences(spark: SparkSession, root: str, version: int | None = None, name: str = TRAIN) -> list[Any]:
    reader = spark.read.format("delta")
    table = (reader if version is None else reader.option("versionAsOf", version)).load(f"{root}/out/{name}")
    return sorted((row["pupilid"], row["correct_sequence"]) for row in table.collect())


def commits(root: str, name: str = TRAIN) -> list[Manifest | None]:
    """Return the manifest in each transaction of the table, from the first."""
    location = f"{root}/out/{name}"
    logs = [path for path in files_at(location) if path.startswith("_delta_log/0") and path.endswith(".json")]
    return [_manifest(f"{location}/{log}") for log in logs]


def _manifest(log: str) -> Manifest | None:
    actions = [json.loads(line) for line in get(log).decode().splitlines()]
    (commit,) = (action["commitInfo"] for action in actions if "commitInfo" in action)
    return Manifest.from_text(commit["userMetadata"], log) if "userMetadata" in commit else None


def run_ids(root: str, name: str = TRAIN) -> list[str | None]:
    return [manifest.run_id if manifest else None for manifest in commits(root, name)]


def staged(root: str) -> set[str]:
    return {folder for folder in folders_at(f"{root}/out/{TRAIN}") if folder.startswith("run_id=")}


class TestRuns:
    @pytest.mark.parametrize("root", ["local", "S3"], indirect=True)
    def test_each_is_one_transaction_that_holds_its_manifest(self, spark: SparkSession, root: str) -> None:
        ((first, _),) = run(settings_at(root)).values()
        add_a_pupil(f"{root}/in")
        ((second, location),) = run(settings_at(root)).values()
        before = files_at(f"{root}/out")
        with spark_not_needed():
            again = run(settings_at(root))

        assert commits(root) == [first, second]
        assert first.run_id != second.run_id
        assert (second.rows, second.files, second.ledger.rows_in, second.format) == (3, (), 6, "delta")
        assert sequences(spark, root) == BOTH
        assert sequences(spark, root, version=0) == FIRST
        assert staged(root) == set()
        assert again == {"train": (second, location)}
        assert files_at(f"{root}/out") == before

    def test_one_by_force_and_one_of_former_settings_are_further_transactions(
        self, spark: SparkSession, root: str
    ) -> None:
        for stride, force in ((3, False), (3, True), (1, False), (3, False)):
            publish(settings_at(root, stride=stride, force=force))

        first, forced, second, third = run_ids(root)
        assert forced == f"{first}-2"
        assert first == third != second
        assert sequences(spark, root, version=2) == [(1, [0, 1, 1]), (1, [1, 0, 1])]
        assert sequences(spark, root) == FIRST

    def test_others_transactions_in_between_do_no_harm(self, spark: SparkSession, root: str) -> None:
        publish(settings_at(root))
        spark.sql(f"ALTER TABLE delta.`{root}/out/{TRAIN}` SET TBLPROPERTIES ('of' = 'others')")
        with spark_not_needed():
            publish(settings_at(root))
        add_a_pupil(f"{root}/in")
        publish(settings_at(root))

        first, between, second = run_ids(root)
        assert between is None
        assert first != second
        assert sequences(spark, root) == BOTH


class TestColumns:
    def test_names_that_delta_has_to_map_may_come_and_go(self, spark: SparkSession, root: str) -> None:
        name = "was it (right), {really}=\tso;"
        features = {"plain": (CORRECT,), "mapped": (CORRECT, {"name": name, "column": "correct", "pad": 7})}
        for kind, stride in (("plain", 3), ("mapped", 1), ("mapped", 3), ("plain", 3)):
            publish(settings_at(root, features=features[kind], stride=stride))

        assert sequences(spark, root) == FIRST
        assert [manifest and tuple(manifest.columns)[-1] for manifest in commits(root)] == [
            "correct_sequence",
            None,
            f"{name}_sequence",
            f"{name}_sequence",
            "correct_sequence",
        ]
        former = spark.read.format("delta").option("versionAsOf", 3).load(f"{root}/out/{TRAIN}")
        assert sorted(row[f"{name}_sequence"] for row in former.collect()) == [[1, 0, 1], [1, 7, 7]]
        assert sequences(spark, root, version=0) == FIRST

    def test_a_table_may_begin_with_mapped_names(self, spark: SparkSession, root: str) -> None:
        publish(settings_at(root, features=({"name": "is right", "column": "correct", "pad": 7},)))

        table = spark.read.format("delta").load(f"{root}/out/{TRAIN}")
        assert sorted(row["is right_sequence"] for row in table.collect()) == [[1, 0, 1], [1, 7, 7]]
        assert len(run_ids(root)) == 1


class TestCrash:
    def crash(self, monkeypatch: pytest.MonkeyPatch, method: str, root: str) -> None:
        """Run, and die where the method would be called."""

        def die(*_: object) -> None:
            raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr(DeltaDataset, method, die)
            with pytest.raises(KilledError):
                publish(settings_at(root))

    @pytest.fixture
    def nothing_written(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
        return lambda: monkeypatch.setattr(ParquetWriter, "write", lambda *_: pytest.fail("wrote the run again"))

    def test_between_staging_and_transaction_loses_nothing(
        self, spark: SparkSession, root: str, monkeypatch: pytest.MonkeyPatch, nothing_written: Callable[[], None]
    ) -> None:
        publish(settings_at(root))
        add_a_pupil(f"{root}/in")
        self.crash(monkeypatch, "_commit", root)
        after_the_crash = sequences(spark, root)
        nothing_written()

        publish(settings_at(root))

        assert after_the_crash == FIRST
        assert sequences(spark, root) == BOTH
        assert len(run_ids(root)) == 2
        assert staged(root) == set()

    def test_between_transaction_and_clearing_up_leaves_nothing(
        self, spark: SparkSession, root: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.crash(monkeypatch, "_remove", root)
        after_the_crash = sequences(spark, root)

        with spark_not_needed():
            publish(settings_at(root))

        assert after_the_crash == sequences(spark, root) == FIRST
        assert len(run_ids(root)) == 1
        assert staged(root) == set()

    def test_in_the_middle_of_clearing_up_leaves_nothing(
        self, root: str, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        remove = RoutedStorage.remove

        def remove_and_die(self: RoutedStorage, location: str) -> None:
            remove(self, location)
            if location.endswith("_MANIFEST.json"):
                raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr(RoutedStorage, "remove", remove_and_die)
            with pytest.raises(KilledError):
                publish(settings_at(root))
        left = staged(root)

        with spark_not_needed():
            publish(settings_at(root))

        assert len(left) == 1
        assert staged(root) == set()
        assert sequences(spark, root) == FIRST

    def test_what_was_staged_for_other_data_goes_with_the_next_run(
        self, spark: SparkSession, root: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.crash(monkeypatch, "_commit", root)
        add_a_pupil(f"{root}/in")

        publish(settings_at(root))

        assert sequences(spark, root) == BOTH
        assert staged(root) == set()


class TestSubsets:
    @pytest.fixture
    def settings(self, root: str) -> Settings:
        put_answers(f"{root}/in/train/part-0.parquet", answers(1, [1, 0, 1, 1]))
        put_answers(f"{root}/in/test/part-0.parquet", answers(2, [0, 0]))
        Path(f"{root}/in/part-0.parquet").unlink()
        return settings_at(root, subsets={"train": 0.5, "test": 0.5})

    @pytest.mark.parametrize("has_former", [True, False])
    def test_where_one_cannot_be_published_the_others_are_taken_back(
        self, spark: SparkSession, settings: Settings, root: str, has_former: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if has_former:
            publish(settings)
            put_answers(f"{root}/in/train/part-1.parquet", answers(3, [1]))
            put_answers(f"{root}/in/test/part-1.parquet", answers(4, [1]))
        commit, former = DeltaDataset._commit, run_ids(root) if has_former else []

        def commit_train_alone(self: DeltaDataset, frame: DataFrame, manifest: Manifest) -> None:
            if manifest.subset == "test":
                raise StorageError("test", "expected the right to write here, found it denied")
            commit(self, frame, manifest)

        with monkeypatch.context() as patch:
            patch.setattr(DeltaDataset, "_commit", commit_train_alone)
            with pytest.raises(StorageError, match="denied"):
                publish(settings)
        if not has_former:
            assert not [path for path in files_at(f"{root}/out") if "_delta_log" in path]
            return
        first, second, third = run_ids(root)
        assert [first] == [third] == former != [second]
        assert sequences(spark, root) == FIRST
        assert sequences(spark, root, name="test_sequenced_3") == [(2, [0, 0, -1])]

        publish(settings)

        assert sequences(spark, root) == [*FIRST, (3, [1, -1, -1])]


class TestConflicts:
    @pytest.mark.parametrize("formats", [("parquet", "delta"), ("delta", "parquet")])
    def test_one_place_takes_one_format(self, spark: SparkSession, root: str, formats: tuple[str, str]) -> None:
        first, second = formats
        publish(settings_at(root, output_format=first))
        before = RoutedStorage().list_files(f"{root}/out")

        found = {"parquet": "published Parquet", "delta": "a Delta table"}[first]
        with pytest.raises(ConfigurationError, match=f"found {found}.*set output_format: {first}"):
            publish(settings_at(root, output_format=second))

        assert RoutedStorage().list_files(f"{root}/out") == before

    def test_another_runs_transaction_meanwhile_is_a_conflict(
        self, spark: SparkSession, root: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seal = DeltaDataset.seal

        def seal_too_late(self: DeltaDataset, manifest: Manifest) -> None:
            monkeypatch.setattr(DeltaDataset, "seal", seal)
            seal(self, manifest)
            add_a_pupil(f"{root}/in")
            publish(settings_at(root))

        monkeypatch.setattr(DeltaDataset, "seal", seal_too_late)

        with pytest.raises(ConflictError, match="another run published meanwhile"):
            publish(settings_at(root))

        assert sequences(spark, root) == BOTH
        assert len(run_ids(root)) == 1

    def test_a_transaction_that_another_replaced_is_a_conflict(
        self, spark: SparkSession, root: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        commit = DeltaDataset._commit

        def commit_as_another(self: DeltaDataset, frame: DataFrame, manifest: Manifest) -> None:
            commit(self, frame, manifest.model_copy(update={"run_id": "0" * 16}))

        monkeypatch.setattr(DeltaDataset, "_commit", commit_as_another)

        with pytest.raises(ConflictError, match="found another in its place"):
            publish(settings_at(root))
