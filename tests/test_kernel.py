"""The sequence contract in memory: worked cases, the oracle, and independence of how the rows arrive."""

import datetime
import subprocess
import sys
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs2seq import SequenceSpec, sequence_table
from obs2seq.errors import DataError, SpecificationError
from tests import oracle
from tests.arrow_vectors import ArrowVector, load_arrow_vectors

START = datetime.datetime(2026, 1, 5, 8, tzinfo=datetime.UTC)
SCHEMA = pa.schema(
    {
        "pupilid": pa.int64(),
        "answered_at": pa.timestamp("us", "UTC"),
        "correct": pa.int32(),
        "skill": pa.string(),
        "duration_s": pa.float64(),
    }
)
FEATURES = [
    {"name": "pupilid", "column": "pupilid", "pad": -1},
    {"name": "correct", "column": "correct", "pad": -1},
    {"name": "skill", "column": "skill", "pad": "<pad>"},
    {"name": "duration_s", "column": "duration_s", "pad": 0.5},
]

times = st.none() | st.integers(0, 40).map(lambda minutes: START + datetime.timedelta(minutes=minutes))
FLOATS = [None, -1.0, 0.0, 1.5, float("inf"), float("nan")]


def observations(floats: list[float | None]) -> st.SearchStrategy[list[dict[str, Any]]]:
    columns = {
        "pupilid": st.none() | st.integers(-2, 2),
        "answered_at": times,
        "correct": st.none() | st.integers(0, 1),
        "skill": st.sampled_from([None, "", "ä", "z", "\uffff", "\U00010000"]),
        "duration_s": st.sampled_from(floats),
    }
    return st.lists(st.fixed_dictionaries(columns), max_size=40)


@st.composite
def specifications(draw: st.DrawFn) -> dict[str, Any]:
    length = draw(st.integers(1, 6))
    shifted = {"name": "shifted", "column": "correct", "pad": -7, "shift": draw(st.integers(-3, 3))}
    spec = {
        "order_by": draw(st.sampled_from([["answered_at"], ["answered_at", "skill"]])),
        "sequence_length": length,
        "stride": draw(st.integers(1, length)),
        "align": draw(st.sampled_from(["start", "end"])),
        "pad_side": draw(st.sampled_from(["start", "end"])),
        "min_length": draw(st.integers(1, length)),
        "features": [*FEATURES, shifted],
    }
    if draw(st.booleans()):
        spec["session_gap_seconds"] = float(draw(st.sampled_from([0, 60, 300])))
    if draw(st.booleans()):
        spec["max_sequences_per_pupil"] = draw(st.integers(1, 4))
    return spec


def in_order(sequences: list[dict[str, Any]], spec: SequenceSpec) -> list[dict[str, Any]]:
    """Rows by pupil, nulls first, and index; columns as the contract orders them."""
    rows = sorted(sequences, key=lambda row: (row["pupilid"] is not None, row["pupilid"] or 0, row["sequence_index"]))
    return [{name: row[name] for name in spec.outputs} for row in rows]


def simple(**fields: Any) -> SequenceSpec:
    feature = {"name": "correct", "column": "correct", "pad": -1}
    return SequenceSpec(**{"order_by": ["at"], "sequence_length": 3, "features": [feature]} | fields)


@pytest.mark.parametrize("vector", load_arrow_vectors(), ids=lambda vector: vector.name)
def test_kernel_gives_the_vectors_sequences(vector: ArrowVector) -> None:
    spec = SequenceSpec.model_validate(vector.spec)

    sequences = sequence_table(vector.observations, spec)

    assert sequences.to_pylist() == in_order(vector.sequences, spec)


@settings(max_examples=300, deadline=None)
@given(rows=observations(FLOATS), fields=specifications())
def test_kernel_agrees_with_the_oracle(rows: list[dict[str, Any]], fields: dict[str, Any]) -> None:
    spec = SequenceSpec.model_validate(fields)

    sequences = sequence_table(pa.Table.from_pylist(rows, SCHEMA), spec)

    # Written out, so that NaN is itself.
    assert repr(sequences.to_pylist()) == repr(in_order(oracle.sequences(rows, fields), spec))


@settings(max_examples=100, deadline=None)
@given(rows=observations([*FLOATS, -0.0]), fields=specifications(), data=st.data())
def test_kernel_gives_the_same_bits_however_rows_arrive(
    rows: list[dict[str, Any]], fields: dict[str, Any], data: st.DataObject
) -> None:
    spec = SequenceSpec.model_validate(fields)
    shuffled = pa.Table.from_pylist(data.draw(st.permutations(rows)), SCHEMA)
    cut = data.draw(st.integers(0, len(rows)))

    once = sequence_table(pa.Table.from_pylist(rows, SCHEMA), spec)
    again = sequence_table(pa.concat_tables([shuffled.slice(0, cut), shuffled.slice(cut)]), spec, threads=1)

    assert bits(again) == bits(once)


def bits(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def test_output_has_the_contracts_columns_and_types() -> None:
    table = pa.table({"pupilid": pa.array(["a"]), "at": [1], "correct": pa.array([1], pa.int16())})

    sequences = sequence_table(table, simple())

    assert sequences.schema == pa.schema(
        {
            "pupilid": pa.string(),
            "session_index": pa.int32(),
            "sequence_index": pa.int32(),
            "first_position": pa.int32(),
            "n_observations": pa.int32(),
            "is_pad_sequence": pa.list_(pa.int8()),
            "is_new_sequence": pa.list_(pa.int8()),
            "correct_sequence": pa.list_(pa.int16()),
        }
    )
    assert sequences["correct_sequence"].to_pylist() == [[1, -1, -1]]


def test_a_table_without_rows_has_no_sequences() -> None:
    spec = simple(session_gap_seconds=1.0, stride=1)
    table = pa.schema({"pupilid": pa.int64(), "at": pa.int64(), "correct": pa.int32()}).empty_table()

    sequences = sequence_table(table, spec)

    assert sequences.num_rows == 0
    assert tuple(sequences.column_names) == spec.outputs


def test_pupils_come_out_in_order_and_late_rows_in_their_place() -> None:
    table = pa.table({"pupilid": ["b", None, "a", "b", "ä"], "at": [5, 1, 1, 4, 0], "correct": [1, 2, 3, 4, 5]})

    sequences = sequence_table(table, simple(sequence_length=2))

    assert sequences["pupilid"].to_pylist() == [None, "a", "b", "ä"]
    assert sequences["correct_sequence"].to_pylist() == [[2, -1], [3, -1], [4, 1], [5, -1]]


def test_many_windows_are_made_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("obs2seq.kernel.sequencing.PIECE", 6)
    table = pa.table({"pupilid": [7] * 50, "at": range(50), "correct": range(50)})

    sequences = sequence_table(table, simple(stride=1))

    assert sequences["correct_sequence"].num_chunks == 24
    assert sequences["correct_sequence"].to_pylist() == [[i, i + 1, i + 2] for i in range(48)]
    assert sequences["is_new_sequence"].to_pylist() == [[1, 1, 1]] + [[0, 0, 1]] * 47


def test_a_missing_column_names_the_nearest() -> None:
    table = pa.table({"pupilid": [1], "answered": [1], "correct": [1]})

    with pytest.raises(DataError) as caught:
        sequence_table(table, simple(order_by=["answerd"]))

    assert str(caught.value) == (
        "observations: expected column 'answerd', found ['answered', 'correct', 'pupilid']. "
        "Hint: did you mean 'answered'; map it under columns in the settings."
    )


def test_names_match_as_in_spark_and_two_of_one_name_are_refused() -> None:
    table = pa.table({"PupilID": [1], "AT": [1], "correct": [1]})

    assert sequence_table(table, simple()).column_names[0] == "pupilid"
    with pytest.raises(DataError, match=r"expected one column 'at', found \['AT', 'at'\]"):
        sequence_table(table.append_column("at", pa.array([2])), simple())


@pytest.mark.parametrize("name", ["a.b", "a`b", "ключ", "with space", '"', "key_0", "values", "😀"])
def test_columns_may_have_any_letters(name: str) -> None:
    feature = {"name": name, "column": name, "pad": 0}
    table = pa.table({"pupilid": [1, 1], "at": [2, 1], name: [4, 5]})

    sequences = sequence_table(table, simple(features=[feature]))

    assert sequences[f"{name}_sequence"].to_pylist() == [[5, 4, 0]]


def test_a_pad_that_the_column_cannot_hold_is_refused() -> None:
    table = pa.table({"pupilid": [1], "at": [1], "correct": ["yes"]})

    with pytest.raises(SpecificationError, match=r"column 'correct' of type string can hold exactly, found -1\. Hint"):
        sequence_table(table, simple())


def test_importing_the_package_imports_neither_arrow_nor_numpy() -> None:
    code = "import obs2seq, sys; print(sorted({'numpy', 'pandas', 'pyarrow', 'pyspark'} & set(sys.modules)))"

    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert printed.strip() == "[]"
