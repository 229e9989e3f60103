"""What runs leave for readers, from settings to files: new runs, the same again, and those that fail."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession

from obs2seq.bootstrap import run, warehouse
from obs2seq.domain.manifest import Manifest
from obs2seq.errors import ConflictError, DataError, DataNotFoundError, LedgerError, Obs2SeqError, StorageError
from obs2seq.flow.tallies import Tally
from obs2seq.orchestrator import DataSequencingOrchestrator
from obs2seq.ports import VersionedText
from obs2seq.publishing import PublishedDataset
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage
from obs2seq.warehouses.writers import ParquetWriter
from tests.small_jobs import (
    CORRECT,
    answers,
    files_at,
    folders_at,
    published_rows,
    published_sequences,
    put_answers,
    settings_for,
)

pytestmark = pytest.mark.usefixtures("spark")

TRAIN = "train_sequenced_3"
FIRST = [(1, [1, -1, -1]), (1, [1, 0, 1])]
BOTH = [*FIRST, (2, [0, 0, -1])]


@pytest.fixture
def data(tmp_path: Path) -> str:
    """Four answers of one pupil."""
    put_answers(f"{tmp_path}/in/part-0.parquet", answers(1, [1, 0, 1, 1]))
    return f"{tmp_path}/in"


@pytest.fixture
def output(tmp_path: Path) -> str:
    return f"{tmp_path}/out"


def add_a_pupil(data: str) -> None:
    put_answers(f"{data}/part-1.parquet", answers(2, [0, 0]))


def publish(settings: Settings, storage: RoutedStorage | None = None) -> None:
    DataSequencingOrchestrator(warehouse(settings, storage)).orchestrate(settings)


def current_run(output: str, name: str = TRAIN) -> str | None:
    current = PublishedDataset(RoutedStorage(), f"{output}/{name}").current()
    return current.run_id if current else None


@contextmanager
def spark_not_needed() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("obs2seq.warehouses.session.local_session", lambda *_, **__: pytest.fail("Spark was started"))
        yield


class RefusingStorage(RoutedStorage):
    """Does not write the files whose location ends so."""

    def __init__(self, ending: str) -> None:
        super().__init__()
        self.ending = ending

    def replace_text(self, location: str, text: str, expected: VersionedText | None) -> None:
        if location.endswith(self.ending):
            raise StorageError(location, "expected the right to write here, found it denied")
        super().replace_text(location, text, expected)


class TestRuns:
    def test_an_unchanged_rerun_says_so_and_does_nothing(
        self, data: str, output: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, logger="obs2seq")
        settings = settings_for(data, output)
        ((manifest, location),) = run(settings).values()
        before = RoutedStorage().list_files(output)
        caplog.clear()

        with spark_not_needed():
            again = run(settings)

        assert again == {"train": (manifest, location)}
        assert RoutedStorage().list_files(output) == before
        assert f"{TRAIN}: run {manifest.run_id} is finished already, nothing to do (--force makes it anew)" in (
            caplog.messages
        )

    def test_whatever_shapes_the_result_makes_a_new_run_and_nothing_else_does(self, data: str, output: str) -> None:
        feature = {"name": "correct", "column": "correct", "pad": 9}
        runs = []
        for change in ({}, {"stride": 1}, {"features": (feature,)}, {"row_filter": "correct >= 0"}):
            publish(settings_for(data, output, **change))
            runs.append(current_run(output))
        add_a_pupil(data)
        publish(settings_for(data, output))
        runs.append(current_run(output))
        with spark_not_needed():
            publish(settings_for(data, output, keep_runs=3, shuffle_partitions=7, spark={"spark.app.name": "x"}))
            publish(settings_for(data, output, s3_kms_key="alias/pupils", s3_region="eu-west-1"))
        (Path(data) / "part-1.parquet").unlink()
        put_answers(f"{data}/part-1.parquet", answers(3, [1]))
        publish(settings_for(data, output))

        assert len({*runs, current_run(output)}) == 6
        assert published_sequences(f"{output}/{TRAIN}") == [*FIRST, (3, [1, -1, -1])]

    def test_during_a_forced_rerun_readers_get_the_run_before(
        self, data: str, output: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        publish(settings_for(data, output))
        first, within = current_run(output), []
        write = ParquetWriter.write

        def write_and_look(self: ParquetWriter, frame: DataFrame, location: str) -> object:
            files = write(self, frame, location)
            within.append((current_run(output), published_sequences(f"{output}/{TRAIN}")))
            return files

        monkeypatch.setattr(ParquetWriter, "write", write_and_look)

        publish(settings_for(data, output, force=True))

        assert within == [(first, FIRST)]
        assert current_run(output) == f"{first}-2"
        assert published_sequences(f"{output}/{TRAIN}") == FIRST
        assert folders_at(f"{output}/{TRAIN}") == {f"run_id={first}", f"run_id={first}-2"}

    def test_only_so_many_runs_stay(self, data: str, output: str) -> None:
        publish(settings_for(data, output))
        first = current_run(output)
        add_a_pupil(data)
        publish(settings_for(data, output, keep_runs=2))
        kept_two = folders_at(f"{output}/{TRAIN}")
        second = current_run(output)
        with spark_not_needed():
            publish(settings_for(data, output, keep_runs=1))

        assert kept_two == {f"run_id={first}", f"run_id={second}"}
        assert folders_at(f"{output}/{TRAIN}") == {f"run_id={second}"}
        assert published_sequences(f"{output}/{TRAIN}") == BOTH

    def test_only_parquet_manifest_and_pointer_lie_there(self, data: str, output: str) -> None:
        publish(settings_for(data, output))

        manifest, _ = published_rows(f"{output}/{TRAIN}")
        parts = [f"run_id={manifest.run_id}/{file.path}" for file in manifest.files]
        checksums = [path.replace("/part-", "/.part-") + ".crc" for path in parts]
        assert files_at(f"{output}/{TRAIN}") == sorted(
            ["_CURRENT.json", f"run_id={manifest.run_id}/_MANIFEST.json", *parts, *checksums]
        )


class TestManifest:
    def test_it_says_what_lies_there_and_where_every_row_went(self, data: str, output: str) -> None:
        nameless = [row | {"pupilid": None} for row in answers(7, [1, 1])]
        timeless = [row | {"answered_at": None} for row in answers(8, [1])]
        put_answers(f"{data}/part-1.parquet", nameless, timeless, answers(2, [5, 0, 0]), answers(3, [0, 1]))
        settings = settings_for(
            data, output, null_pupil="leave_out", null_time="leave_out", row_filter="correct < 5", min_length=2
        )

        ((manifest, location),) = run(settings).values()

        # Of pupil 1, the fourth answer alone makes no sequence of two.
        assert manifest.ledger.to_json() == {
            "rows_in": 12,
            "sequenced": 7,
            "left_out": {"filter": 1, "min_length": 1, "null_pupil": 2, "null_time": 1},
            "noted": {"duplicate": 0},
        }
        self.check_files(manifest, Path(str(location)))
        assert manifest.columns == {
            "pupilid": "bigint",
            "session_index": "int",
            "sequence_index": "int",
            "first_position": "int",
            "n_observations": "int",
            "is_pad_sequence": "array<tinyint>",
            "is_new_sequence": "array<tinyint>",
            "correct_sequence": "array<int>",
        }
        assert (manifest.dataset, manifest.subset, manifest.kind, manifest.format) == (
            TRAIN,
            "train",
            "sequences",
            "parquet",
        )
        assert manifest.settings["specification"]["sequence_length"] == 3
        assert (manifest.input.location, manifest.input.format, manifest.input.files) == (data, "parquet", 2)
        assert manifest.input.bytes == sum(path.stat().st_size for path in Path(data).iterdir())

    def check_files(self, manifest: Manifest, location: Path) -> None:
        folder = location / f"run_id={manifest.run_id}"
        footers = {path.name: pq.read_metadata(path) for path in folder.glob("*.parquet")}
        found = {(name, (folder / name).stat().st_size, footer.num_rows) for name, footer in footers.items()}
        assert {(file.path, file.size, file.rows) for file in manifest.files} == found
        assert manifest.rows == sum(footer.num_rows for footer in footers.values()) == 3
        assert {tuple(footer.schema.to_arrow_schema().names) for footer in footers.values()} == {
            tuple(manifest.columns)
        }


class TestSubsets:
    @pytest.fixture
    def settings(self, data: str, output: str) -> Settings:
        """Pupil 1 is to be trained on, pupil 2 to be tested; both are published."""
        (Path(data) / "part-0.parquet").unlink()
        put_answers(f"{data}/train/part-0.parquet", answers(1, [1, 0, 1, 1]))
        put_answers(f"{data}/test/part-0.parquet", answers(2, [0, 0]))
        settings = settings_for(data, output, subsets={"train": 0.5, "test": 0.5})
        publish(settings)
        return settings

    def published(self, output: str) -> list[list[tuple[int, list[int]]]]:
        return [published_sequences(f"{output}/{subset}_sequenced_3") for subset in ("train", "test")]

    def test_one_that_fails_leaves_all_as_they_were(self, settings: Settings, data: str, output: str) -> None:
        put_answers(f"{data}/train/part-1.parquet", answers(3, [1]))
        broken = Path(data) / "test" / "part-1.parquet"
        broken.write_bytes(b"PAR1 and no more")

        with pytest.raises(DataError, match="corrupt or half-written"):
            publish(settings)
        after_the_failure = self.published(output)
        broken.unlink()
        put_answers(str(broken), answers(4, [1]))
        publish(settings)

        assert after_the_failure == [FIRST, [(2, [0, 0, -1])]]
        assert self.published(output) == [[*FIRST, (3, [1, -1, -1])], [(2, [0, 0, -1]), (4, [1, -1, -1])]]

    def test_one_that_cannot_be_published_leaves_all_as_they_were(
        self, settings: Settings, data: str, output: str
    ) -> None:
        runs = [current_run(output, f"{subset}_sequenced_3") for subset in ("train", "test")]
        for subset, pupil in (("train", 3), ("test", 4)):
            put_answers(f"{data}/{subset}/part-1.parquet", answers(pupil, [1]))

        with pytest.raises(StorageError, match="denied"):
            publish(settings, RefusingStorage("test_sequenced_3/_CURRENT.json"))
        after_the_failure = self.published(output)
        runs_after = [current_run(output, f"{subset}_sequenced_3") for subset in ("train", "test")]
        with spark_not_needed():
            publish(settings)

        assert after_the_failure == [FIRST, [(2, [0, 0, -1])]]
        assert runs_after == runs
        assert self.published(output) == [[*FIRST, (3, [1, -1, -1])], [(2, [0, 0, -1]), (4, [1, -1, -1])]]

    def test_of_the_first_ones_none_is_published_where_one_cannot_be(self, settings: Settings, tmp_path: Path) -> None:
        elsewhere = settings.model_copy(update={"output_s3_location": f"{tmp_path}/elsewhere"})

        with pytest.raises(StorageError, match="denied"):
            publish(elsewhere, RefusingStorage("test_sequenced_3/_CURRENT.json"))

        for subset in ("train", "test"):
            with pytest.raises(DataNotFoundError):
                published_rows(f"{tmp_path}/elsewhere/{subset}_sequenced_3")


class TestLedger:
    def test_rows_that_a_repeated_stage_counted_twice_are_counted_again(
        self, data: str, output: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.miscount(monkeypatch, "input", "rows_in", lambda n: 2 * n)

        ((manifest, _),) = run(settings_for(data, output)).values()

        assert manifest.ledger.to_json() == {"rows_in": 4, "sequenced": 4, "left_out": {}, "noted": {"duplicate": 0}}

    def test_rows_that_do_not_balance_are_never_published(
        self, data: str, output: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        publish(settings_for(data, output))
        add_a_pupil(data)
        self.miscount(monkeypatch, "windows", "sequenced", lambda n: n - 1)

        with pytest.raises(LedgerError, match="found 6 rows in, and 5 in sequences = 5"):
            publish(settings_for(data, output))

        assert published_sequences(f"{output}/{TRAIN}") == FIRST

    def test_files_with_other_rows_than_were_counted_are_never_published(
        self, data: str, output: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.miscount(monkeypatch, "windows", "rows_out", lambda n: n + 1)

        with pytest.raises(StorageError, match="expected 3 rows in the files that were written, found 2"):
            publish(settings_for(data, output))

        assert current_run(output) is None

    def miscount(self, monkeypatch: pytest.MonkeyPatch, point: str, name: str, wrong: Callable[[int], int]) -> None:
        counts = Tally.counts

        def wrong_counts(self: Tally, asked: str) -> dict[str, int]:
            right = counts(self, asked)
            return right | {name: wrong(right[name])} if asked == point else right

        monkeypatch.setattr(Tally, "counts", wrong_counts)


class TestTwoAtOnce:
    @pytest.mark.parametrize("is_late", [False, True], ids=["during its writing", "before it writes"])
    @pytest.mark.parametrize("is_same", [True, False], ids=["the same run", "a run of more data"])
    def test_a_run_that_is_overtaken_fails_and_harms_nothing(
        self, data: str, output: str, is_late: bool, is_same: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings, write = settings_for(data, output), ParquetWriter.write

        def overtake() -> None:
            monkeypatch.setattr(ParquetWriter, "write", write)
            if not is_same:
                add_a_pupil(data)
            publish(settings)

        def write_meanwhile(self: ParquetWriter, frame: DataFrame, location: str) -> object:
            if is_late:
                overtake()
                return write(self, frame, location)
            files = write(self, frame, location)
            overtake()
            return files

        monkeypatch.setattr(ParquetWriter, "write", write_meanwhile)

        with pytest.raises(Obs2SeqError) as overtaken:
            publish(settings)

        assert isinstance(overtaken.value, ConflictError if is_late else StorageError)
        assert published_sequences(f"{output}/{TRAIN}") == (FIRST if is_same else BOTH)
        with spark_not_needed():
            publish(settings)


def test_output_holds_the_features_of_the_settings(data: str, output: str, spark: SparkSession) -> None:
    settings = settings_for(data, output, features=(CORRECT, {"name": "skill", "column": "skill", "pad": ""}))

    publish(settings)

    assert spark.read.parquet(f"{output}/{TRAIN}").columns[-3:] == ["correct_sequence", "skill_sequence", "run_id"]
