"""The indexed layout: sessions once and windows over them, in memory, in files, and read back as sequences."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import obs2seq
from obs2seq import SequenceSpec, sequence_table
from obs2seq.errors import SpecificationError, StorageError
from obs2seq.kernel.expanding import expanded
from obs2seq.kernel.indexed import indexed_tables
from tests.arrow_vectors import ArrowVector, load_arrow_vectors
from tests.published import publish, publish_indexed, write_indexed
from tests.test_kernel import FLOATS, SCHEMA, bits, in_order, observations, specifications
from tests.test_kernel_types import EVERY_TYPE


def spec_of(**fields: Any) -> SequenceSpec:
    feature = {"name": "c", "column": "c", "pad": -1}
    return SequenceSpec(**{"order_by": ["at"], "sequence_length": 3, "features": [feature]} | fields)


@pytest.mark.parametrize("vector", load_arrow_vectors(), ids=lambda vector: vector.name)
def test_what_is_indexed_expands_to_the_vectors_sequences(vector: ArrowVector) -> None:
    spec = SequenceSpec.model_validate(vector.spec)

    sequences = expanded(*indexed_tables(vector.observations, spec), spec)

    assert sequences.to_pylist() == in_order(vector.sequences, spec)


@settings(max_examples=300, deadline=None)
@given(rows=observations([*FLOATS, -0.0]), fields=specifications())
def test_what_is_indexed_expands_to_the_kernels_bits(rows: list[dict[str, Any]], fields: dict[str, Any]) -> None:
    spec = SequenceSpec.model_validate(fields)
    table = pa.Table.from_pylist(rows, SCHEMA)

    sequences = expanded(*indexed_tables(table, spec), spec)

    assert bits(sequences) == bits(sequence_table(table, spec))


@settings(max_examples=100, deadline=None)
@given(rows=observations(FLOATS), fields=specifications(), data=st.data())
def test_some_windows_expand_to_their_sequences(
    rows: list[dict[str, Any]], fields: dict[str, Any], data: st.DataObject
) -> None:
    spec = SequenceSpec.model_validate(fields)
    table = pa.Table.from_pylist(rows, SCHEMA)
    whole = sequence_table(table, spec)
    chosen = data.draw(st.lists(st.integers(0, len(whole) - 1))) if len(whole) else []
    sessions, windows = indexed_tables(table, spec)

    sequences = expanded(sessions, windows.take(pa.array(chosen, pa.int64())), spec)

    assert repr(sequences.to_pylist()) == repr([whole.slice(row, 1).to_pylist()[0] for row in chosen])


def test_sessions_are_held_once_and_windows_point_at_them() -> None:
    spec = spec_of(stride=1, session_gap_seconds=5.0, features=[{"name": "next", "column": "c", "pad": -1, "shift": 1}])
    table = pa.table({"pupilid": [7] * 5 + [8], "at": [4, 3, 2, 1, 50, 1], "c": [4, 3, None, 1, 5, 6]})

    sessions, windows = indexed_tables(table, spec)

    assert sessions.to_pylist() == [
        {"pupilid": 7, "session_index": 0, "first_position": 0, "n_observations": 4, "c_session": [1, None, 3, 4]},
        {"pupilid": 7, "session_index": 1, "first_position": 0, "n_observations": 1, "c_session": [5]},
        {"pupilid": 8, "session_index": 0, "first_position": 0, "n_observations": 1, "c_session": [6]},
    ]
    names = ("session", "sequence_index", "first_position", "n_observations", "first_new_position")
    assert [tuple(row[name] for name in names) for row in windows.to_pylist()] == [
        (0, 0, 0, 3, 0),
        (0, 1, 1, 3, 3),
        (1, 2, 0, 1, 0),
        (2, 0, 0, 1, 0),
    ]
    assert expanded(sessions, windows, spec)["next_sequence"].to_pylist() == [
        [-1, 3, 4],
        [3, 4, -1],
        [-1, -1, -1],
        [-1, -1, -1],
    ]


def test_what_no_window_shows_and_no_shift_reads_is_not_held() -> None:
    shifted = {"name": "before", "column": "c", "pad": -1, "shift": -2}
    plain = {"name": "c", "column": "c", "pad": -1}
    spec = spec_of(align="end", max_sequences_per_pupil=1, min_length=3, features=[plain, shifted])
    table = pa.table({"pupilid": [7] * 10 + [8] * 2, "at": [*range(10), 0, 1], "c": [*range(10), 50, 51]})

    sessions, windows = indexed_tables(table, spec)

    assert sessions.select(["pupilid", "first_position", "c_session"]).to_pylist() == [
        {"pupilid": 7, "first_position": 5, "c_session": [5, 6, 7, 8, 9]}
    ]
    assert windows["session"].to_pylist() == [0]
    assert expanded(sessions, windows, spec)["before_sequence"].to_pylist() == [[5, 6, 7]]


@pytest.mark.parametrize(("type_", "pad", "padding", "low", "high"), EVERY_TYPE, ids=lambda value: str(value)[:24])
def test_every_type_is_held_and_expanded(type_: pa.DataType, pad: Any, padding: Any, low: Any, high: Any) -> None:
    features = [{"name": "value", "column": "value", "pad": pad}]
    spec = spec_of(pupil="value", order_by=["at"], features=features)
    table = pa.table({"value": pa.array([high, None, low, high], type_), "at": [1, 2, 3, 4]})

    sequences = expanded(*indexed_tables(table, spec), spec)

    assert sequences.schema == sequence_table(table, spec).schema
    assert sequences["value_sequence"].to_pylist() == [[padding] * 3, [low, padding, padding], [high, high, padding]]


def test_many_sessions_are_held_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("obs2seq.kernel.indexed._PIECE", 7)
    monkeypatch.setattr("obs2seq.kernel.sequencing.PIECE", 6)
    n = range(60)
    table = pa.table({"pupilid": [i // 10 for i in n], "at": n, "c": [f"{i}" for i in n]})
    spec = spec_of(stride=1, features=[{"name": "c", "column": "c", "pad": ""}])

    sessions, windows = indexed_tables(table, spec)

    assert sessions["c_session"].num_chunks == 6
    assert expanded(sessions, windows, spec).equals(sequence_table(table, spec))


def test_a_long_session_goes_on_in_further_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("obs2seq.kernel.indexed.LONGEST", 48)
    features = [{"name": "c", "column": "c", "pad": -1}, {"name": "later", "column": "c", "pad": -1, "shift": 2}]
    spec = spec_of(stride=1, features=features)
    table = pa.table({"pupilid": [7] * 100, "at": range(100), "c": range(100)})

    sessions, windows = indexed_tables(table, spec)

    assert sessions.select(["session_index", "first_position", "n_observations"]).to_pylist() == [
        {"session_index": 0, "first_position": first, "n_observations": n} for first, n in [(0, 52), (48, 52), (96, 4)]
    ]
    assert windows["session"].to_pylist() == [0] * 48 + [1] * 48 + [2] * 2
    assert expanded(sessions, windows, spec).equals(sequence_table(table, spec))


def test_a_pupil_with_a_lists_name_is_refused() -> None:
    with pytest.raises(SpecificationError, match="pupil: expected another name than 'c_session'"):
        indexed_tables(pa.table({"C_session": [1], "at": [1], "c": [1]}), spec_of(pupil="C_session"))


SLIDING = SequenceSpec(
    order_by=["at"],
    sequence_length=8,
    stride=1,
    session_gap_seconds=3.0,
    features=[
        {"name": "item", "column": "item", "pad": -1},
        {"name": "next", "column": "item", "pad": -2, "shift": 1},
        {"name": "skill", "column": "skill", "pad": "<pad>"},
    ],
)


def answers(pupils: range) -> pa.Table:
    """Pupil p has 5 p + 1 answers, with a pause after every twelfth."""
    rows = [(pupil, at) for pupil in pupils for at in range(5 * pupil + 1)]
    return pa.table(
        {
            "pupilid": [pupil for pupil, _ in rows],
            "at": [at + 10 * (at // 12) for _, at in rows],
            "item": [100 * pupil + at for pupil, at in rows],
            "skill": [("algebra", None, "zoo")[at % 3] for _, at in rows],
        }
    )


@pytest.fixture(params=["local", "s3"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder to publish in, on either storage."""
    if request.param == "local":
        return f"{tmp_path}/out"
    return f"s3://{request.getfixturevalue('bucket')}/out"


def published(output: str, monkeypatch: pytest.MonkeyPatch) -> pa.Table:
    """Publish the same in both layouts: `train` indexed, in two pairs of files and many row groups, `test` padded."""
    monkeypatch.setattr("obs2seq.warehouses.arrow.indexed_writing.OBSERVATIONS", 25)
    monkeypatch.setattr("obs2seq.warehouses.arrow.indexed_writing.ELEMENTS", 80)
    parts = [answers(range(6)), answers(range(6, 12))]
    sequences = sequence_table(pa.concat_tables(parts), SLIDING)
    publish_indexed(output, [indexed_tables(part, SLIDING) for part in parts], SLIDING, sequences)
    publish(output, sequences, SLIDING, subset="test", n_files=2, row_group=10)
    return sequences


def test_loading_gives_the_same_from_either_layout(output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = published(output, monkeypatch)

    indexed, padded = obs2seq.load(output, "train"), obs2seq.load(output, "test")

    assert len(indexed) == len(sequences)
    assert indexed.table().equals(sequences)
    assert indexed.vocabulary("skill") == padded.vocabulary("skill") == ["<pad>", "algebra", "zoo"]
    for columns in (None, ["is_pad"], ["pupilid", "next"], ["skill", "is_new"]):
        words = {"skill": ["<pad>", "zoo"]} if columns and "skill" in columns else {}
        ours, theirs = (data.arrays(columns, vocabularies=words) for data in (indexed, padded))
        assert {name: array.tolist() for name, array in ours.items()} == {
            name: array.tolist() for name, array in theirs.items()
        }
        assert [array.dtype for array in ours.values()] == [array.dtype for array in theirs.values()]


def test_batches_of_the_indexed_layout_hold_every_sequence_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequences = published(f"{tmp_path}/out", monkeypatch)
    data = obs2seq.load(f"{tmp_path}/out", "train")
    expected = sequences["next_sequence"].to_pylist()

    ordered = [row for batch in data.batches(7, ["next"]) for row in batch["next"].tolist()]
    shuffled = [
        row
        for shard in range(3)
        for batch in data.batches(7, ["next"], shuffle=True, seed=1, held=30, shard=(shard, 3))
        for row in batch["next"].tolist()
    ]

    assert ordered == expected
    assert shuffled != expected
    assert sorted(shuffled) == sorted(expected)


def test_files_are_pairs_in_bounded_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("obs2seq.warehouses.arrow.indexed_writing.ELEMENTS", 80)
    sessions, windows = indexed_tables(answers(range(6)), SLIDING)

    files = write_indexed(str(tmp_path), [(sessions, windows)], 8, most=25)

    assert [(file.path, file.rows) for file in files] == [
        ("sessions/part-00000.parquet", len(sessions)),
        ("windows/part-00000.parquet", len(windows)),
    ]
    assert [file.size for file in files] == [(tmp_path / file.path).stat().st_size for file in files]
    held, starts = (pq.ParquetFile(tmp_path / file.path) for file in files)
    assert sum(starts.metadata.row_group(i).num_rows for i in range(starts.num_row_groups)) == len(windows)
    assert max(starts.metadata.row_group(i).num_rows for i in range(starts.num_row_groups)) == 10
    assert starts.read().equals(windows)
    groups = [held.read_row_group(i)["n_observations"].to_pylist() for i in range(held.num_row_groups)]
    assert [sum(group) for group in groups] == [30, 25, 26]  # up to 25, and the session that exceeds it
    assert held.read().equals(sessions)


def test_overlapping_windows_take_little_more_room_than_their_observations(tmp_path: Path) -> None:
    n = 20_000
    spec = spec_of(sequence_length=200, stride=1)
    table = pa.table({"pupilid": [0] * n, "at": range(n), "c": [(i * i * 7919) % 1000003 for i in range(n)]})

    sessions, windows = indexed_tables(table, spec)
    indexed = sum(file.size for file in write_indexed(str(tmp_path), [(sessions, windows)], 200))
    padded = sequence_table(table, spec)
    pq.write_table(padded, tmp_path / "padded.parquet")

    assert (sessions.nbytes + windows.nbytes) * 50 < padded.nbytes
    assert indexed * 8 < (tmp_path / "padded.parquet").stat().st_size  # snappy finds most of the copies


def test_a_folder_that_refuses_is_said(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("a file")

    with pytest.raises(StorageError, match=r"sessions/part-00000\.parquet: expected to read and write here"):
        write_indexed(str(tmp_path), [indexed_tables(answers(range(3)), SLIDING)], 8)
