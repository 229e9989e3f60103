"""Exploded observations, one pupil at a time: the same as the oracle's and the kernel's, pushed or all at once."""

import contextlib
import datetime
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs2seq import SequenceSpec, sequence_table
from obs2seq.errors import ConfigurationError, DataError
from obs2seq.online import Sequencer
from tests.explode_oracle import exploded
from tests.test_kernel import START
from tests.test_online import by_pupil, last

Row = dict[str, Any]

PARTS = [None, "", " ", "a", "b,a", "a, b ,", ",", "c ,b,, a", "b"]
LISTS = [None, [], [None], [2], [1, None, 1], [1], [2, 1, 3, 1]]
FLOATS = [None, [], [math.nan], [0.0, -0.0], [-0.0, 0.0], [0.0], [1.5, None, math.nan], [-1.0]]
SCHEMA = pa.schema(
    {
        "pupilid": pa.int64(),
        "at": pa.timestamp("us", "UTC"),
        "correct": pa.int32(),
        "parts": pa.string(),
        "ids": pa.list_(pa.int64()),
        "weights": pa.list_(pa.float64()),
    }
)
TYPES = {"pupilid": "bigint", "at": "timestamp", "correct": "int"}
ELEMENTS = {"parts": "string", "ids": "bigint", "weights": "double"}
PADS = {"parts": "<pad>", "ids": -1, "weights": 0.5}

times = st.none() | st.integers(0, 20).map(lambda minutes: START + datetime.timedelta(minutes=minutes))
observations = st.lists(
    st.fixed_dictionaries(
        {
            "pupilid": st.none() | st.integers(1, 2),
            "at": times,
            "correct": st.none() | st.integers(0, 1),
            "parts": st.sampled_from(PARTS),
            "ids": st.sampled_from(LISTS),
            "weights": st.sampled_from(FLOATS),
        }
    ),
    max_size=25,
)


@st.composite
def specifications(draw: st.DrawFn, *, derives: bool = True, cuts: str = "allow") -> Row:
    """Specifications in JSON form that explode one of three columns; without derived features late ones are taken."""
    column = draw(st.sampled_from(list(PADS)))
    length = draw(st.integers(1, 6)) if cuts == "allow" else draw(st.integers(4, 7))
    features: list[Row] = [
        {"name": "element", "column": column, "pad": PADS[column]},
        {"name": "correct", "column": "correct", "pad": -1},
        {"name": "other", "column": column, "pad": PADS[column], "shift": draw(st.integers(-3, 3))},
        {"name": "next_group", "derive": "group", "pad": -2, "shift": draw(st.integers(-2, 2))},
    ]
    if derives:
        features += [
            {"name": "attempt", "derive": "attempt_number", "of": column, "pad": 0},
            {"name": "since", "derive": "seconds_since_same", "of": column, "pad": -0.5},
            {"name": "gap", "derive": "seconds_since_previous", "pad": -0.5},
            {"name": "place", "derive": "position", "pad": -1},
            {"name": "share", "derive": "share_correct_before", "of": "correct", "pad": -0.5},
        ]
    spec = {
        "order_by": ["at"],
        "sequence_length": length,
        "stride": draw(st.integers(1, length)) if cuts == "allow" else length,
        "align": draw(st.sampled_from(["start", "end"])),
        "pad_side": draw(st.sampled_from(["start", "end"])),
        "min_length": draw(st.integers(1, length)),
        "explode": column,
        "explode_cuts": cuts,
        "features": features,
    }
    if draw(st.booleans()):
        spec["session_gap_seconds"] = float(draw(st.sampled_from([0, 60, 300])))
    if draw(st.booleans()):
        spec["max_sequences_per_pupil"] = draw(st.integers(1, 3))
    return spec


def expected(rows: list[Row], fields: Row, **changes: Any) -> list[Row]:
    """What the oracle makes, with columns as the contract orders them."""
    spec = SequenceSpec.model_validate(fields)
    return [{name: row[name] for name in spec.outputs} for row in exploded(rows, fields, **changes).sequences]


def types_of(fields: Row) -> dict[str, str]:
    return TYPES | {fields["explode"]: ELEMENTS[fields["explode"]]}


def pushed(fields: Row, rows: list[Row], **changes: Any) -> Sequencer:
    sequencer = Sequencer(SequenceSpec.model_validate(fields), **changes)
    for row in rows:
        sequencer.push(row)
    return sequencer


BOTH_CUTS = st.sampled_from(["allow", "keep_together"]).flatmap(lambda cuts: specifications(cuts=cuts))


@settings(max_examples=300, deadline=None)
@given(rows=observations, fields=BOTH_CUTS, drops=st.booleans())
def test_all_sequences_at_once_are_the_oracles(rows: list[Row], fields: Row, drops: bool) -> None:
    spec = SequenceSpec.model_validate(fields)

    duplicates = "drop" if drops else "keep"
    made = [
        row
        for pupil in by_pupil(rows)
        for row in Sequencer(spec, types=types_of(fields), duplicates=duplicates).sequences(pupil)
    ]

    assert repr(made) == repr(expected(rows, fields, drops_duplicates=drops))


@settings(max_examples=200, deadline=None)
@given(rows=observations, fields=BOTH_CUTS)
def test_all_sequences_at_once_are_the_kernels(rows: list[Row], fields: Row) -> None:
    spec = SequenceSpec.model_validate(fields)
    table = pa.Table.from_pylist(rows, SCHEMA)

    made = [row for pupil in by_pupil(rows) for row in Sequencer(spec, types=types_of(fields)).sequences(pupil)]

    assert repr(made) == repr(sequence_table(table, spec).to_pylist())


@settings(max_examples=200, deadline=None)
@given(rows=observations, fields=specifications(derives=False))
def test_each_push_gives_the_oracles_last_sequence(rows: list[Row], fields: Row) -> None:
    spec = SequenceSpec.model_validate(fields)
    one_pupil = [row | {"pupilid": 1} for row in rows]
    sequencer = Sequencer(spec, types=types_of(fields), keep_at_least=1000)

    for n, row in enumerate(one_pupil, 1):
        sequencer.push(row)

        assert repr(sequencer.latest()) == repr(last(expected(one_pupil[:n], fields)))


@settings(max_examples=200, deadline=None)
@given(rows=observations, fields=specifications(derives=False))
def test_bounded_memory_changes_no_sequence(rows: list[Row], fields: Row) -> None:
    sequencer = Sequencer(SequenceSpec.model_validate(fields), types=types_of(fields))
    taken: list[Row] = []

    for row in (row | {"pupilid": 1} for row in rows):
        with contextlib.suppress(DataError):
            sequencer.push(row)
            taken.append(row)

        assert repr(sequencer.latest()) == repr(last(expected(taken, fields)))


@settings(max_examples=200, deadline=None)
@given(rows=observations, fields=specifications())
def test_pushed_in_order_what_is_derived_is_the_oracles(rows: list[Row], fields: Row) -> None:
    known = [row | {"pupilid": 1, "at": START + datetime.timedelta(minutes=5 * i)} for i, row in enumerate(rows)]
    sequencer = Sequencer(SequenceSpec.model_validate(fields), types=types_of(fields), late="refuse")

    for n, row in enumerate(known, 1):
        sequencer.push(row)

        assert repr(sequencer.latest()) == repr(last(expected(known[:n], fields)))


SKILLS: Row = {
    "order_by": ["at"],
    "sequence_length": 4,
    "explode": "skills",
    "features": [
        {"name": "skill", "column": "skills", "pad": "-"},
        {"name": "correct", "column": "correct", "pad": -1},
        {"name": "attempt", "derive": "attempt_number", "of": "skills", "pad": 0},
    ],
}


def answers(*skills: object) -> list[Row]:
    """A pupil's answers at the times 0, 1, 2 …, right and wrong in turn."""
    return [{"pupilid": 7, "at": at, "correct": at % 2, "skills": value} for at, value in enumerate(skills)]


def test_latest_follows_the_elements_of_each_observation() -> None:
    sequencer = pushed(SKILLS | {"stride": 1}, answers("add, carry", "add", None, ["carry", "add", "add"]))

    assert sequencer.latest() == {
        "pupilid": 7,
        "session_index": 0,
        "sequence_index": 3,
        "first_position": 3,
        "n_observations": 4,
        "is_pad_sequence": [0, 0, 0, 0],
        "is_new_sequence": [0, 0, 0, 1],
        "skill_sequence": ["-", "carry", "add", "add"],
        "correct_sequence": [0, 1, 1, 1],
        "attempt_sequence": [0, 2, 3, 4],
        "group_sequence": [2, 3, 3, 3],
        "is_repeat_sequence": [0, 0, 1, 1],
    }


def test_windows_keep_observations_together_where_that_is_asked() -> None:
    spec = SequenceSpec.model_validate(SKILLS | {"explode_cuts": "keep_together"})

    sequences = Sequencer(spec).sequences(answers("a,b,c", "a,b", "c", "a"))

    assert [row["group_sequence"] for row in sequences] == [[0, 0, 0, -1], [1, 1, 2, 3]]
    assert [row["first_position"] for row in sequences] == [0, 3]


def test_whole_observations_fill_windows_from_the_side_that_align_names() -> None:
    rows = answers("a,b", "a,b,c", "c", "a,b,c")
    fields = SKILLS | {"explode_cuts": "keep_together", "min_length": 3}

    start, end = (
        Sequencer(SequenceSpec.model_validate(fields | {"align": align})).sequences(rows) for align in ("start", "end")
    )

    assert [row["group_sequence"] for row in start] == [[1, 1, 1, 2], [3, 3, 3, -1]]
    assert [row["group_sequence"] for row in end] == [[1, 1, 1, -1], [2, 3, 3, 3]]


def test_pushing_refuses_by_name_to_keep_observations_together() -> None:
    with pytest.raises(ConfigurationError) as caught:
        pushed(SKILLS | {"explode_cuts": "keep_together"}, answers("a"))

    assert str(caught.value) == (
        "explode_cuts: expected allow where observations are pushed one by one, found keep_together. "
        "Hint: make all sequences of them at once."
    )


def test_an_observation_that_no_window_holds_whole_is_refused_and_its_values_are_not_told() -> None:
    spec = SequenceSpec.model_validate(SKILLS | {"explode_cuts": "keep_together"})

    with pytest.raises(DataError, match="expected at most 4 elements of 'skills' in each observation") as caught:
        Sequencer(spec).sequences(answers("secret,b,c,d,e", "a"))

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "skills",
    [
        ["add", "carry"],
        ("add", "carry"),
        np.array(["add", "carry"], object),
        pa.scalar(["add", "carry"]),
        "add,carry",
        pa.scalar(" add , carry"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_arrays_of_any_kind_and_texts_are_taken_apart(skills: object) -> None:
    latest = pushed(SKILLS, answers(skills)).latest()

    assert latest is not None
    assert latest["skill_sequence"] == ["add", "carry", "-", "-"]


def test_a_delimiter_is_taken_as_it_stands() -> None:
    latest = pushed(SKILLS | {"explode_delimiter": ".*"}, answers("a.b .* c")).latest()

    assert latest is not None
    assert latest["skill_sequence"] == ["a.b", "c", "-", "-"]


@pytest.mark.parametrize("value", [5, {"a": 1}, 2.5], ids=str)
def test_what_is_neither_array_nor_text_is_refused_and_changes_nothing(value: object) -> None:
    sequencer = pushed(SKILLS, answers("a"))
    before = sequencer.latest()

    with pytest.raises(DataError) as caught:
        sequencer.push({"pupilid": 7, "at": 1, "correct": 1, "skills": value})

    assert str(caught.value) == (
        f"observation: expected an array or a text in column 'skills', to be exploded, found {type(value).__name__}."
    )
    assert sequencer.latest() == before


@pytest.mark.parametrize("given_type", ["bigint", "array<bigint>"])
def test_elements_are_held_to_their_type_whether_named_for_the_array_or_not(given_type: str) -> None:
    fields = SKILLS | {"features": [{"name": "skill", "column": "skills", "pad": -1}]}

    assert pushed(fields, answers([1, None]), types={"skills": given_type}).latest()["skill_sequence"][:2] == [1, -1]  # type: ignore[index]
    with pytest.raises(DataError, match="expected bigint in column 'skills', found str"):
        pushed(fields, answers([1, "a"]), types={"skills": given_type})


def test_without_types_pads_follow_the_first_element_that_is_known() -> None:
    fields = SKILLS | {"features": [{"name": "skill", "column": "skills", "pad": 0}]}

    latest = pushed(fields, answers([None, 0.5])).latest()

    assert repr(latest and latest["skill_sequence"]) == "[0.0, 0.5, 0.0, 0.0]"


def test_arrow_goes_in_with_its_arrays() -> None:
    fields = SKILLS | {"features": [{"name": "skill", "column": "skills", "pad": 0.5}]}
    table = pa.table({"pupilid": [1, 1], "at": [2, 1], "skills": pa.array([[1.5, None], []], pa.list_(pa.float32()))})

    sequences = Sequencer(SequenceSpec.model_validate(fields)).sequences(table)

    assert [row["skill_sequence"] for row in sequences] == [[0.5, 1.5, 0.5, 0.5]]


def test_elements_are_encoded_one_by_one() -> None:
    features = [{"name": "skill", "column": "skills", "encode": "vocabulary"}]
    vocabularies = {"skills": [None, None, None, "add", "carry"]}
    rows = answers("carry,new", None, ["add"])

    sequencer = pushed(SKILLS | {"features": features}, rows, vocabularies=vocabularies)

    assert sequencer.latest()["skill_sequence"] == [4, 2, 1, 3]  # type: ignore[index]


def test_twins_are_told_by_the_whole_value() -> None:
    rows = [{"pupilid": 7, "at": 0, "correct": 1, "skills": skills} for skills in ("a,b", "a, b", "a,b")]

    sequences = Sequencer(SequenceSpec.model_validate(SKILLS), duplicates="drop").sequences(rows)

    assert [row["group_sequence"] for row in sequences] == [[0, 0, 1, 1]]


def test_a_late_observation_renumbers_those_after_it() -> None:
    fields = SKILLS | {"features": SKILLS["features"][:2], "session_gap_seconds": 60.0, "sequence_length": 6}
    minutes = [START + datetime.timedelta(minutes=minute) for minute in (0, 2, 1)]
    rows = [row | {"at": at} for row, at in zip(answers("a,b", "c", "d,e"), minutes, strict=True)]

    before, after = (pushed(fields, rows[:n]).latest() for n in (2, 3))

    assert before is not None
    assert after is not None
    assert (before["session_index"], before["group_sequence"]) == (1, [0, -1, -1, -1, -1, -1])
    assert (after["session_index"], after["group_sequence"]) == (0, [0, 0, 1, 1, 2, -1])
    assert after["skill_sequence"] == ["a", "b", "d", "e", "c", "-"]


def test_memory_does_not_grow_with_the_history() -> None:
    sequencer = Sequencer(SequenceSpec.model_validate(SKILLS | {"features": SKILLS["features"][:2], "stride": 2}))
    held = []

    for at in range(1_000):
        sequencer.push({"pupilid": 7, "at": at, "correct": 1, "skills": "a,b,c"})
        held.append(sum(len(session.keys) for session in sequencer._history._sessions))

    assert max(held) <= 20
    assert sequencer.latest()["group_sequence"] == [998, 999, 999, 999]  # type: ignore[index]
