"""Reading published sequences back: arrays, tables and batches, local and on S3, and what is refused."""

import datetime
import decimal
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import obs2seq
from obs2seq import SequenceSpec, sequence_table
from obs2seq.errors import ConfigurationError, DataNotFoundError, StorageError
from obs2seq.loading.batches import _Held
from obs2seq.loading.data import SequenceData
from obs2seq.online import Sequencer
from tests.published import publish
from tests.small_jobs import get, put

FEATURES = [
    {"name": "exercise", "column": "item", "pad": -1},
    {"name": "skill", "column": "skill", "pad": "<pad>"},
    {"name": "correct", "column": "correct", "pad": 0},
]
SPEC = SequenceSpec(order_by=["at"], sequence_length=3, features=FEATURES)


def observations(n_pupils: int = 40) -> pa.Table:
    """Pupil p has p % 4 + 1 answers; each item's number tells pupil and place."""
    rows = [(pupil, at) for pupil in range(n_pupils) for at in range(pupil % 4 + 1)]
    return pa.table(
        {
            "pupilid": [pupil for pupil, _ in rows],
            "at": [at for _, at in rows],
            "item": pa.array([10 * pupil + at for pupil, at in rows], pa.int32()),
            "skill": [("algebra", "ä", "zoo")[(pupil + at) % 3] for pupil, at in rows],
            "correct": pa.array([at % 2 for _, at in rows], pa.int8()),
        }
    )


SEQUENCES = sequence_table(observations(), SPEC)


@pytest.fixture(params=["local", "s3"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder to publish in, on either storage."""
    if request.param == "local":
        return f"{tmp_path}/out"
    return f"s3://{request.getfixturevalue('bucket')}/out"


@pytest.fixture
def data(tmp_path: Path) -> SequenceData:
    """Fifty sequences in three files of several row groups."""
    publish(f"{tmp_path}/out", SEQUENCES, SPEC, n_files=3, row_group=7)
    return obs2seq.load(f"{tmp_path}/out", "train", threads=2)


def rows_of(batches: Iterable[dict[str, Any]], name: str = "exercise") -> list[list[Any]]:
    return [row for batch in batches for row in batch[name].tolist()]


def test_arrays_hold_what_was_published(output: str) -> None:
    publish(output, SEQUENCES, SPEC, n_files=3, row_group=7)

    arrays = obs2seq.load(output, "train").arrays(["correct", "exercise_sequence", "is_pad", "pupilid", "skill"])

    assert list(arrays) == ["correct", "exercise_sequence", "is_pad", "pupilid", "skill"]
    assert [array.shape for array in arrays.values()] == [(50, 3), (50, 3), (50, 3), (50,), (50, 3)]
    assert [str(array.dtype) for array in arrays.values()] == ["int8", "int32", "bool", "int64", "object"]
    assert arrays["exercise_sequence"][:5].tolist() == [
        [0, -1, -1],
        [10, 11, -1],
        [20, 21, 22],
        [30, 31, 32],
        [33, -1, -1],
    ]
    assert arrays["is_pad"][:2].tolist() == [[False, True, True], [False, False, True]]
    assert arrays["skill"][1].tolist() == ["ä", "zoo", "<pad>"]
    assert arrays["pupilid"][:5].tolist() == [0, 1, 2, 3, 3]
    for name, array in arrays.items():
        output_column = name if name in SPEC.outputs else f"{name}_sequence"
        assert array.tolist() == SEQUENCES[output_column].to_pylist()


def test_the_table_is_the_published_one(output: str) -> None:
    publish(output, SEQUENCES, SPEC, n_files=2, row_group=7)
    data = obs2seq.load(output, "train")

    assert data.table().equals(SEQUENCES)
    assert data.table(["correct", "pupilid"]).equals(SEQUENCES.select(["correct_sequence", "pupilid"]))
    assert (len(data), data.spec, data.manifest.subset) == (50, SPEC, "train")
    assert repr(data) == "SequenceData(train_sequenced_3: 50 sequences of 3, run 00112233aabbccdd)"


def test_all_features_and_masks_are_read_where_nothing_is_named(data: SequenceData) -> None:
    assert list(data.arrays()) == ["exercise", "skill", "correct", "is_pad", "is_new"]
    assert list(next(data.batches(2))) == ["exercise", "skill", "correct", "is_pad", "is_new"]


def test_a_name_that_is_a_column_itself_is_that_column(tmp_path: Path) -> None:
    spec = SequenceSpec(
        order_by=["at"], sequence_length=2, features=[{"name": "pupilid", "column": "pupilid", "pad": -1}]
    )
    publish(str(tmp_path), sequence_table(observations(2), spec), spec)
    data = obs2seq.load(tmp_path, "train")

    assert list(data.arrays()) == ["pupilid_sequence", "is_pad", "is_new"]
    assert data.arrays(["pupilid"])["pupilid"].tolist() == [0, 1]


def test_numbers_of_one_piece_are_views_of_arrows_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(str(tmp_path), SEQUENCES, SPEC)
    data = obs2seq.load(tmp_path, "train")
    monkeypatch.setattr(np, "empty", lambda *_: pytest.fail("memory was taken"))

    arrays = data.arrays(["correct", "exercise", "is_pad"])

    assert [array.flags.owndata or array.flags.writeable for array in arrays.values()] == [False] * 3


def test_only_the_asked_columns_are_read(tmp_path: Path) -> None:
    location = publish(str(tmp_path), SEQUENCES, SPEC)
    run = f"{location}/run_id=00112233aabbccdd/part-00000.parquet"
    content = bytearray(get(run))
    place = content.index(b"algebra")
    content[place - 30 : place + 30] = bytes(60)
    put(run, bytes(content))
    data = obs2seq.load(tmp_path, "train")

    assert data.arrays(["exercise"])["exercise"].shape == (50, 3)
    with pytest.raises(
        StorageError, match=r"part-00000\.parquet: expected a Parquet file that can be read, found other"
    ):
        data.arrays(["skill"])


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("size", [1, 3, 7, 20, 50, 90])
@pytest.mark.parametrize("held", [1, 10, 50])
def test_batches_hold_every_sequence_once(data: SequenceData, size: int, shuffle: bool, held: int) -> None:
    batches = list(data.batches(size, ["exercise", "correct"], shuffle=shuffle, held=held))

    assert [len(batch["correct"]) for batch in batches] == [size] * (50 // size) + [50 % size] * (50 % size > 0)
    found = [
        pair for batch in batches for pair in zip(batch["exercise"].tolist(), batch["correct"].tolist(), strict=True)
    ]
    expected = list(
        zip(SEQUENCES["exercise_sequence"].to_pylist(), SEQUENCES["correct_sequence"].to_pylist(), strict=True)
    )
    assert (sorted(found) if shuffle else found) == (sorted(expected) if shuffle else expected)


def test_the_last_batch_can_be_left_out(data: SequenceData) -> None:
    for shuffle in (False, True):
        batches = list(data.batches(20, ["correct"], shuffle=shuffle, drop_last=True))

        assert [len(batch["correct"]) for batch in batches] == [20, 20]


def test_a_seed_gives_one_order_whatever_is_read_beside(data: SequenceData, tmp_path: Path) -> None:
    def order(seed: Any, columns: list[str], **settings: Any) -> list[list[int]]:
        return rows_of(data.batches(4, columns, shuffle=True, seed=seed, held=10, **settings))

    again = obs2seq.load(tmp_path / "out", "train", threads=1).batches(4, ["exercise"], shuffle=True, seed=1, held=10)

    assert order(1, ["exercise"]) == order(1, ["skill", "exercise"]) == rows_of(again)
    orders = [order(1, ["exercise"]), order(2, ["exercise"]), order((1, 0), ["exercise"]), order((1, 1), ["exercise"])]
    assert len({str(each) for each in orders}) == 4


def test_a_shuffle_of_all_that_is_held_mixes_files(data: SequenceData) -> None:
    first = next(data.batches(25, ["pupilid"], shuffle=True))["pupilid"]

    assert first.tolist() != sorted(first.tolist())
    assert min(first) < 13
    assert max(first) > 26


def test_a_shuffle_holds_no_more_than_it_may(data: SequenceData, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []

    def recorded(chunks: list[dict[str, Any]]) -> _Held:
        held.append(sum(len(chunk["correct"]) for chunk in chunks))
        return _Held(chunks)

    monkeypatch.setattr("obs2seq.loading.batches._Held", recorded)

    batches = list(data.batches(3, ["correct"], shuffle=True, held=10))

    assert len(batches) == 17
    assert max(held) <= 10 + 7


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_hold_every_sequence_once_between_them(data: SequenceData, count: int, shuffle: bool) -> None:
    shards = [
        rows_of(data.batches(4, ["exercise"], shuffle=shuffle, seed=3, held=10, shard=(i, count))) for i in range(count)
    ]

    sizes = [len(shard) for shard in shards]
    assert max(sizes) - min(sizes) <= 1
    assert sorted(row for shard in shards for row in shard) == sorted(SEQUENCES["exercise_sequence"].to_pylist())


def test_texts_become_their_places_in_a_vocabulary(data: SequenceData) -> None:
    words = data.vocabulary("skill")

    codes = data.arrays(["skill", "exercise"], vocabularies={"skill": words})["skill"]
    unknown = next(data.batches(2, ["skill"], vocabularies={"skill": ["<pad>", "ä"]}))["skill"]

    assert words == ["<pad>", "algebra", "zoo", "ä"]
    assert codes.dtype == np.int32
    assert codes[:2].tolist() == [[1, 0, 0], [3, 2, 0]]
    assert unknown.tolist() == [[2, 0, 0], [1, 2, 0]]


def test_every_type_becomes_numpys(tmp_path: Path) -> None:
    day, moment = datetime.date(2026, 1, 5), datetime.datetime.fromisoformat("2026-01-05T08:00")
    values: dict[str, tuple[pa.DataType, Any, Any, str]] = {
        "double": (pa.float64(), math.nan, 0, "float64"),
        "single": (pa.float32(), 0.5, 0, "float32"),
        "flag": (pa.bool_(), True, False, "bool"),
        "day": (pa.date32(), day, "1970-01-01", "datetime64[D]"),
        "instant": (pa.timestamp("us", "UTC"), moment.replace(tzinfo=datetime.UTC), "1970-01-01", "datetime64[us]"),
        "wall": (pa.timestamp("ms"), moment, "1970-01-01", "datetime64[ms]"),
        "price": (pa.decimal128(10, 2), decimal.Decimal("1.50"), 0, "object"),
        "word": (pa.large_string(), "ä", "", "object"),
        "code": (pa.dictionary(pa.int8(), pa.string()), "ä", "", "object"),
        "big": (pa.uint64(), 2**63, 0, "uint64"),
    }
    features = [{"name": name, "column": name, "pad": pad} for name, (_, _, pad, _) in values.items()]
    spec = SequenceSpec(order_by=["day"], sequence_length=2, features=features)
    columns = {name: pa.array([value], type_) for name, (type_, value, _, _) in values.items()}
    table = sequence_table(pa.table({"pupilid": pa.nulls(1, pa.int64()), **columns}), spec)
    publish(str(tmp_path), pa.concat_tables([table] * 3), spec, n_files=2)
    data = obs2seq.load(tmp_path, "train")

    arrays = data.arrays([*values, "pupilid"])

    assert {name: str(arrays[name].dtype) for name in values} == {name: dtype for name, (*_, dtype) in values.items()}
    assert all(arrays[name].shape == (3, 2) for name in values)
    assert arrays["day"][0].tolist() == [day, datetime.date(1970, 1, 1)]
    assert arrays["instant"][0, 0] == np.datetime64("2026-01-05T08:00:00")
    assert arrays["price"][2].tolist() == [decimal.Decimal("1.50"), decimal.Decimal("0.00")]
    assert arrays["code"][0].tolist() == ["ä", ""]
    assert arrays["pupilid"].tolist() == [None] * 3
    assert data.table().schema.field("instant_sequence").type == pa.list_(pa.timestamp("us", "UTC"))


def test_instants_without_a_zone_in_the_files_get_theirs(tmp_path: Path) -> None:
    feature = {"name": "t", "column": "t", "pad": "1970-01-01"}
    spec = SequenceSpec(order_by=["t"], sequence_length=2, features=[feature])
    moment = datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC)
    rows = pa.table({"pupilid": [1], "t": pa.array([moment], pa.timestamp("us", "UTC"))})
    table = sequence_table(rows, spec)
    naive = table.set_column(7, "t_sequence", table["t_sequence"].cast(pa.list_(pa.timestamp("us"))))
    location = publish(str(tmp_path), naive, spec)
    manifest = f"{location}/run_id=00112233aabbccdd/_MANIFEST.json"
    put(manifest, get(manifest).replace(b"array<timestamp_ntz>", b"array<timestamp>"))

    read = obs2seq.load(location).table()

    assert read["t_sequence"].to_pylist() == [[moment, datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)]]


def test_a_dataset_without_sequences_gives_empty_arrays(tmp_path: Path) -> None:
    publish(str(tmp_path), SEQUENCES.slice(0, 0), SPEC)
    data = obs2seq.load(tmp_path, "train")

    arrays = data.arrays(["exercise", "skill", "is_pad", "pupilid"], vocabularies={"skill": ["<pad>"]})

    assert [array.shape for array in arrays.values()] == [(0, 3), (0, 3), (0, 3), (0,)]
    assert [str(array.dtype) for array in arrays.values()] == ["int32", "int32", "bool", "int64"]
    assert list(data.batches(2)) == []
    assert data.table().equals(SEQUENCES.slice(0, 0))


def test_types_make_the_online_sequencer_the_batchs(data: SequenceData) -> None:
    rows = observations().slice(3, 3).to_pylist()

    assert data.types == {"pupilid": "bigint", "item": "int", "skill": "string", "correct": "tinyint"}
    assert Sequencer(data.spec, types=data.types).sequences(rows) == data.table().slice(2, 1).to_pylist()


def test_a_dataset_is_found_by_folder_or_by_subset_and_length(output: str) -> None:
    location = publish(output, SEQUENCES, SPEC)
    publish(output, SEQUENCES, SPEC, subset="test")
    longer = SPEC.model_copy(update={"sequence_length": 5, "stride": 5})
    publish(output, sequence_table(observations(), longer), longer)

    found = [
        obs2seq.load(location),
        obs2seq.load(location, "train", sequence_length=3),
        obs2seq.load(output, "train", sequence_length=5),
        obs2seq.load(output, "test"),
    ]

    assert [each.manifest.dataset for each in found] == [
        "train_sequenced_3",
        "train_sequenced_3",
        "train_sequenced_5",
        "test_sequenced_3",
    ]
    with pytest.raises(ConfigurationError) as several:
        obs2seq.load(output, "train")
    assert str(several.value) == (
        f"{output}: expected one dataset of subset 'train', found those of sequence_length 3, 5. "
        "Hint: say which, as sequence_length."
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ((), "expected a published dataset, found no _CURRENT.json"),
        (
            ("tain",),
            "expected a dataset tain_sequenced_<L>, found none. Hint: did you mean 'train'.",
        ),
        (("train", 7), "train_sequenced_7: expected a published dataset"),
    ],
    ids=str,
)
def test_what_is_not_there_is_said(tmp_path: Path, asked: tuple[Any, ...], message: str) -> None:
    publish(str(tmp_path), SEQUENCES, SPEC)

    with pytest.raises(DataNotFoundError) as caught:
        obs2seq.load(tmp_path, *asked[:1], sequence_length=asked[1] if len(asked) > 1 else None)

    assert message in str(caught.value)


def test_nothing_published_is_said(output: str) -> None:
    with pytest.raises(DataNotFoundError, match="name the folder of one dataset, or run the job first"):
        obs2seq.load(output, "train")


def test_another_subset_or_length_than_asked_for_is_refused(tmp_path: Path) -> None:
    location = publish(str(tmp_path), SEQUENCES, SPEC)

    with pytest.raises(ConfigurationError, match="expected subset test, found train"):
        obs2seq.load(location, "test")
    with pytest.raises(ConfigurationError, match="expected sequence_length 5, found 3"):
        obs2seq.load(location, sequence_length=5)


def test_what_is_no_parquet_of_sequences_is_refused(tmp_path: Path) -> None:
    location = publish(str(tmp_path), SEQUENCES, SPEC)
    manifest = f"{location}/run_id=00112233aabbccdd/_MANIFEST.json"
    put(manifest, get(manifest).replace(b'"kind": "sequences"', b'"kind": "observations"'))
    put(f"{tmp_path}/test_sequenced_3/_delta_log/00000000000000000000.json", b"{}")

    with pytest.raises(ConfigurationError, match="expected sequences, found observations in order"):
        obs2seq.load(location)
    with pytest.raises(ConfigurationError, match="expected published Parquet, found a Delta table"):
        obs2seq.load(tmp_path, "test")


def test_files_that_are_missing_cut_or_no_parquet_are_said(output: str) -> None:
    location = publish(output, SEQUENCES, SPEC, n_files=2)
    part = f"{location}/run_id=00112233aabbccdd/part-00001.parquet"
    content = get(part)

    put(part, content[:-1])
    with pytest.raises(StorageError, match=r"found 1 of another size \(such as part-00001\.parquet\)"):
        obs2seq.load(location)
    put(part, bytes(len(content)))
    with pytest.raises(StorageError, match=r"part-00001\.parquet: expected a Parquet file that can be read"):
        obs2seq.load(location).arrays(["correct"])


def test_a_run_that_is_removed_meanwhile_is_said(output: str) -> None:
    location = publish(output, SEQUENCES, SPEC)
    data = obs2seq.load(location)
    obs2seq.loading.opening.RoutedStorage().remove(f"{location}/run_id=00112233aabbccdd")

    with pytest.raises(StorageError, match="Hint: load again, as a newer run may have replaced this one"):
        data.arrays(["correct"])


def test_rows_and_lists_that_are_not_the_manifests_are_said(tmp_path: Path) -> None:
    location = publish(str(tmp_path), SEQUENCES, SPEC)
    manifest = f"{location}/run_id=00112233aabbccdd/_MANIFEST.json"
    good = get(manifest)

    put(manifest, good.replace(b'"rows": 50', b'"rows": 51'))
    with pytest.raises(StorageError, match="expected the manifest's 51 rows, found 50"):
        obs2seq.load(location).arrays(["correct"])
    put(
        manifest, good.replace(b'"sequence_length": 3', b'"sequence_length": 6').replace(b'"stride": 3', b'"stride": 6')
    )
    with pytest.raises(StorageError, match="expected lists of 6 elements without nulls, found others"):
        obs2seq.load(location).arrays(["correct"])


@pytest.mark.parametrize(
    ("columns", "vocabularies", "message"),
    [
        (["corect"], {}, "columns: expected columns of the sequences, found 'corect'. Hint: did you mean 'correct'."),
        ("correct", {}, "columns: expected a list of names, found 'correct'. Hint: write ['correct']."),
        ([], {}, "columns: expected at least one name, found none."),
        (
            ["correct"],
            {"skill": ["a"]},
            "expected vocabularies of columns that are asked for (correct)",
        ),
        (["correct"], {"correct": ["a"]}, "vocabularies: expected a column of texts, found 'correct' of type int8."),
        (["skill"], {"skill": ["a", "b", "a"]}, "vocabulary 'skill': expected each text once, found 'a' twice."),
    ],
    ids=str,
)
def test_columns_and_vocabularies_that_do_not_fit_are_refused(
    data: SequenceData, columns: Any, vocabularies: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        data.arrays(columns, vocabularies=vocabularies)

    assert message in str(caught.value)


def test_a_vocabulary_of_numbers_and_impossible_batches_are_refused(data: SequenceData) -> None:
    with pytest.raises(ConfigurationError, match="expected a feature of texts, found 'correct_sequence'"):
        data.vocabulary("correct")
    with pytest.raises(ConfigurationError, match="size: expected 1 or more, found 0"):
        data.batches(0)
    with pytest.raises(ConfigurationError, match=r"seed: expected 0 or more, found \(1, -1\)"):
        data.batches(2, shuffle=True, seed=(1, -1))
    with pytest.raises(ConfigurationError, match=r"shard: expected a number from 0, .* found \(2, 2\)"):
        data.batches(2, shard=(2, 2))
