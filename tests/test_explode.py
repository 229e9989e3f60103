"""Several values in one observation: elements by hand and by the oracle, windows, counts, and what is refused."""

import datetime
import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs2seq import SequenceSpec, sequence_table
from obs2seq.domain.counts import require_plausible
from obs2seq.domain.exploding import elements
from obs2seq.domain.job import Job
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import InputSummary, Manifest
from obs2seq.errors import ConfigurationError, DataError, LedgerError, SpecificationError
from obs2seq.kernel.expanding import expanded
from obs2seq.kernel.indexed import indexed_tables
from obs2seq.kernel.sequencing import Counts, plan_sequences
from obs2seq.settings import Settings
from tests.explode_oracle import Expected, exploded

SKILL = {"name": "skill", "column": "skills", "pad": "-"}
ROWS = [
    {"pupilid": 1, "at": 3, "skills": "add,times,add", "correct": 0},
    {"pupilid": 1, "at": 1, "skills": "add", "correct": 1},
    {"pupilid": 1, "at": 2, "skills": None, "correct": 0},
    {"pupilid": 1, "at": 4, "skills": "add, minus", "correct": 1},
]


def spec_of(**fields: Any) -> SequenceSpec:
    told = {"order_by": ["at"], "sequence_length": 4, "explode": "skills", "features": [SKILL]}
    return SequenceSpec(**(told | fields))


def arrays(name: str, *rows: dict[str, Any], **fields: Any) -> list[list[Any]]:
    made = sequence_table(pa.Table.from_pylist(list(rows or ROWS)), spec_of(**fields))
    return made.column(f"{name}_sequence").to_pylist()


def counts_of(table: pa.Table, spec: SequenceSpec, **told: Any) -> tuple[list[dict[str, Any]], Counts]:
    with ThreadPoolExecutor(1) as pool:
        plan = plan_sequences(table, spec, pool, **told)
        return [row for piece in plan.pieces() for row in plan.batch(piece).to_pylist()], plan.counts


# --- by hand


def test_each_value_of_an_observation_becomes_an_element_with_the_rest_of_it() -> None:
    correct = {"name": "correct", "column": "correct", "pad": -1}

    made = sequence_table(pa.Table.from_pylist(ROWS), spec_of(features=[SKILL, correct])).to_pylist()

    first, second = made
    assert first["skill_sequence"] == ["add", "-", "add", "times"]
    assert second["skill_sequence"] == ["add", "add", "minus", "-"]
    assert (first["correct_sequence"], second["correct_sequence"]) == ([1, 0, 0, 0], [0, 1, 1, -1])
    assert (first["group_sequence"], second["group_sequence"]) == ([0, 1, 2, 2], [2, 3, 3, -1])
    assert (first["is_repeat_sequence"], second["is_repeat_sequence"]) == ([0, 0, 0, 1], [1, 0, 1, 0])
    assert (first["first_position"], second["first_position"], second["n_observations"]) == (0, 4, 3)
    assert (second["is_new_sequence"], second["is_pad_sequence"]) == ([1, 1, 1, 0], [0, 0, 0, 1])


def test_a_shift_counts_elements() -> None:
    shifted = SKILL | {"name": "next", "shift": 1}

    assert arrays("next", features=[SKILL, shifted]) == [["-", "add", "times", "add"], ["add", "minus", "-", "-"]]


def test_groups_start_again_in_each_session() -> None:
    made = arrays("group", session_gap_seconds=0.5)

    assert made == [[0, -1, -1, -1], [0, -1, -1, -1], [0, 0, 0, -1], [0, 0, -1, -1]]


def test_windows_that_keep_observations_together_are_filled_from_the_start_or_from_the_end() -> None:
    together = {"explode_cuts": "keep_together"}

    from_start, from_end = (arrays("group", align=align, **together) for align in ("start", "end"))

    assert from_start == [[0, 1, -1, -1], [2, 2, 2, -1], [3, 3, -1, -1]]
    assert from_end == [[0, -1, -1, -1], [1, 2, 2, 2], [3, 3, -1, -1]]
    assert arrays("group", align="start", sequence_length=5, **together) == [[0, 1, 2, 2, 2], [3, 3, -1, -1, -1]]
    assert arrays("group", align="end", sequence_length=5, **together) == [[0, 1, -1, -1, -1], [2, 2, 2, 3, 3]]


def test_min_length_may_leave_out_any_window_that_keeps_observations_together() -> None:
    table, together = pa.Table.from_pylist(ROWS), {"explode_cuts": "keep_together"}

    rows, counts = counts_of(table, spec_of(min_length=3, **together))
    last, of_last = counts_of(table, spec_of(max_sequences_per_pupil=1, **together))

    assert [row["group_sequence"] for row in rows] == [[2, 2, 2, -1]]
    assert counts == Counts(duplicates=0, min_length=4, max_sequences=0, sequenced=3, expanded=3)
    assert [(row["sequence_index"], row["group_sequence"]) for row in last] == [(0, [3, 3, -1, -1])]
    assert of_last == Counts(duplicates=0, min_length=0, max_sequences=5, sequenced=2, expanded=3)


def test_what_is_derived_of_an_observation_is_told_before_any_element_of_it() -> None:
    share = {"name": "share", "derive": "share_correct_before", "of": "correct", "pad": -1.0}
    position = {"name": "place", "derive": "position", "pad": -1}
    length = {"sequence_length": 7, "features": [SKILL, share, position]}

    assert arrays("share", **length) == [[-1.0, 1.0, 0.5, 0.5, 0.5, 1 / 3, 1 / 3]]
    assert arrays("place", **length) == [[0, 1, 2, 2, 2, 3, 3]]


def test_what_is_derived_of_the_exploded_column_is_told_of_elements() -> None:
    attempt = {"name": "attempt", "derive": "attempt_number", "of": "skills", "pad": 0}
    since = {"name": "since", "derive": "seconds_since_same", "of": "skills", "pad": -1.0}
    length = {"sequence_length": 7, "features": [attempt, since]}

    assert arrays("attempt", **length) == [[1, 0, 2, 1, 3, 4, 1]]
    assert arrays("since", **length) == [[-1.0, -1.0, 2.0, -1.0, 0.0, 1.0, -1.0]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], [-1]),
        (None, [-1]),
        ([None], [-1]),
        ([3, None, 3], [3, -1, 3]),
    ],
)
def test_an_array_gives_its_members_and_never_nothing(value: list[int | None] | None, expected: list[int]) -> None:
    table = pa.table({"pupilid": [1], "at": [1], "skills": pa.array([value], pa.list_(pa.int16()))})

    made = sequence_table(table, spec_of(features=[{"name": "skill", "column": "skills", "pad": -1}]))

    assert made.column("skill_sequence").to_pylist() == [expected + [-1] * (4 - len(expected))]
    assert made.schema.field("skill_sequence").type == pa.list_(pa.int16())
    assert elements(value, ",") == [None if member == -1 else member for member in expected]


@pytest.mark.parametrize(
    ("text", "delimiter", "expected"),
    [
        ("a,b", ",", ["a", "b"]),
        (" a , b ", ",", ["a", "b"]),
        ("a,,b,", ",", ["a", "-", "b", "-"]),
        ("", ",", ["-"]),
        ("  ", ",", ["-"]),
        ("a.b|c", "|", ["a.b", "c"]),
        ("a.b|c", ".", ["a", "b|c"]),
        ("a; b; ", "; ", ["a", "b", "-"]),
        ("\ta,b\n", ",", ["\ta", "b\n"]),
        ("añb", "ñ", ["a", "b"]),
    ],
)
def test_a_text_is_taken_apart_at_its_delimiter_as_it_stands(text: str, delimiter: str, expected: list[str]) -> None:
    row = {"pupilid": 1, "at": 1, "skills": text}

    assert arrays("skill", row, explode_delimiter=delimiter) == [expected + ["-"] * (4 - len(expected))]
    assert elements(text, delimiter) == [None if part == "-" else part for part in expected]


@pytest.mark.parametrize("type_", [pa.large_list(pa.int64()), pa.list_(pa.int64(), 2)], ids=str)
def test_arrays_of_every_kind_are_taken_apart(type_: pa.DataType) -> None:
    table = pa.table({"pupilid": [1, 1, 1], "at": [2, 1, 1], "skills": pa.array([[1, 2], [3, None], None], type_)})

    made = sequence_table(table, spec_of(features=[SKILL | {"pad": -1}], sequence_length=5))

    assert made.column("skill_sequence").to_pylist() == [[-1, 3, -1, 1, 2]]


def test_members_of_arrays_of_texts_are_taken_as_they_are() -> None:
    table = pa.table({"pupilid": [1], "at": [1], "skills": pa.array([["", " a", None, "b,c"]])})

    assert sequence_table(table, spec_of()).column("skill_sequence").to_pylist() == [["", " a", "-", "b,c"]]


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_texts_of_every_kind_come_out_as_they_came(type_: pa.DataType) -> None:
    table = pa.table({"pupilid": [1, 1], "at": [1, 2], "skills": pa.array(["a,b", None]).cast(type_)})

    made = sequence_table(table, spec_of())

    assert made.column("skill_sequence").to_pylist() == [["a", "b", "-", "-"]]
    plain = pa.dictionary(pa.int32(), pa.string()) if pa.types.is_dictionary(type_) else type_
    assert made.schema.field("skill_sequence").type == pa.list_(plain)


@pytest.mark.parametrize(
    "member", [pa.int8(), pa.float32(), pa.bool_(), pa.decimal128(12, 2), pa.date32(), pa.timestamp("us", "UTC")]
)
def test_arrays_of_every_scalar_keep_the_type_of_their_members(member: pa.DataType) -> None:
    members = pa.array([1, None, 0], pa.int32()).cast(pa.int64() if pa.types.is_timestamp(member) else pa.int32())
    values = pa.ListArray.from_arrays([0, 2, 3], members.cast(member))
    pads = {pa.bool_(): False, pa.date32(): "1970-01-01", pa.timestamp("us", "UTC"): "1970-01-01"}
    feature = {"name": "skill", "column": "skills", "pad": pads.get(member, 0)}
    table = pa.table({"pupilid": [1, 1], "at": [1, 2], "skills": values})

    made = sequence_table(table, spec_of(features=[feature], sequence_length=3))

    assert made.schema.field("skill_sequence").type == pa.list_(member)
    # The pad, where null, is what stands for 0.
    assert made.column("skill_sequence").combine_chunks().flatten().equals(members.fill_null(0).cast(member))


@pytest.mark.parametrize(
    "ordered",
    [
        [None, [], [-1], [-1, 5], [0], [0, -5], [2]],
        [None, [], [None], [None, 1.0], [-0.0, 1.0], [0.0, 1.0], [0.0, float("inf")], [float("nan")]],
        [[7, number] for number in range(0, 70_000, 100)],
        [[], [None], [""], ["Z"], ["a"], ["a", None], ["a", "b"], ["ä"], ["\uffff"], ["\U00010000"]],
    ],
    ids=["shorter ones first", "nulls first, zeros by sign, NaN last", "as numbers", "by code point"],
)
def test_arrays_order_what_is_tied_as_words_in_a_dictionary(ordered: list[list[Any] | None]) -> None:
    backwards, n = pa.array(ordered[::-1]), len(ordered)
    table = pa.table({"pupilid": [1] * n, "at": [1] * n, "skills": backwards})
    pad = ordered[-1][0]

    spec = spec_of(features=[SKILL | {"pad": pad}], sequence_length=4 * n)
    made = sequence_table(table, spec).column("skill_sequence").to_pylist()[0]

    flat = [pad if value is None else value for row in ordered for value in row or [None]]
    assert repr(made[: len(flat)]) == repr(flat)


# --- by the oracle

START = datetime.datetime(2026, 1, 5, 8, tzinfo=datetime.UTC)
DELIMITERS = (",", ";", "||", ", ")
PARTS = ("", " ", "a", " b", "ä", "a b", "z ")
MEMBERS: dict[str, tuple[pa.DataType, list[Any], Any]] = {
    "whole": (pa.int64(), [None, 1, 2, 3], -1),
    "float": (pa.float64(), [None, 0.0, -0.0, 1.5, float("nan")], 0.5),
    "texts": (pa.string(), [None, "", "a", "ä", "z"], "-"),
}


@st.composite
def cases(draw: st.DrawFn) -> tuple[pa.Table, list[dict[str, Any]], dict[str, Any]]:
    """Observations, as a table and as rows, and a specification that explodes one of their columns."""
    kind, length = draw(st.sampled_from(["parts", *MEMBERS])), draw(st.integers(1, 6))
    delimiter = draw(st.sampled_from(DELIMITERS))
    if kind == "parts":
        type_, pad = draw(st.sampled_from([pa.string(), pa.dictionary(pa.int32(), pa.string())])), "-"
        values = st.none() | st.lists(st.sampled_from(PARTS), max_size=4).map(delimiter.join)
    else:
        member, known, pad = MEMBERS[kind]
        type_, values = pa.list_(member), st.none() | st.lists(st.sampled_from(known), max_size=4)
    columns = {
        "pupilid": st.none() | st.integers(0, 2),
        "at": st.none() | st.integers(0, 12).map(lambda minutes: START + datetime.timedelta(minutes=minutes)),
        "correct": st.none() | st.integers(0, 1),
        "skills": values,
    }
    rows = draw(st.lists(st.fixed_dictionaries(columns), max_size=25))
    types = {"pupilid": pa.int64(), "at": pa.timestamp("us", "UTC"), "correct": pa.int32(), "skills": type_}
    return pa.Table.from_pylist(rows, pa.schema(types)), rows, draw(specifications(length, delimiter, pad))


@st.composite
def specifications(draw: st.DrawFn, length: int, delimiter: str, pad: Any) -> dict[str, Any]:
    together = draw(st.booleans())
    spec = {
        "order_by": ["at"],
        "sequence_length": length,
        "stride": length if together else draw(st.integers(1, length)),
        "align": draw(st.sampled_from(["start", "end"])),
        "pad_side": draw(st.sampled_from(["start", "end"])),
        "min_length": draw(st.integers(1, length)),
        "explode": "skills",
        "explode_delimiter": delimiter,
        "explode_cuts": "keep_together" if together else "allow",
        "features": [
            {"name": "skill", "column": "skills", "pad": pad},
            {"name": "shifted", "column": "skills", "pad": pad, "shift": draw(st.integers(-3, 3))},
            {"name": "later", "column": "correct", "pad": -7, "shift": draw(st.integers(-3, 3))},
            {"name": "attempt", "derive": "attempt_number", "of": "skills", "pad": 0},
            {"name": "since", "derive": "seconds_since_same", "of": "skills", "pad": -1.0},
            {"name": "try", "derive": "attempt_number", "of": "correct", "pad": 0},
            {"name": "gap", "derive": "seconds_since_previous", "pad": -1.0},
            {"name": "share", "derive": "share_correct_before", "of": "correct", "pad": 0.25},
            {"name": "group_before", "derive": "group", "pad": -9, "shift": -1},
        ],
    }
    if draw(st.booleans()):
        spec["session_gap_seconds"] = float(draw(st.sampled_from([0, 60, 300])))
    if draw(st.booleans()):
        spec["max_sequences_per_pupil"] = draw(st.integers(1, 3))
    return spec


def told_by_oracle(rows: list[dict[str, Any]], fields: dict[str, Any], **told: Any) -> Expected | None:
    """Return what the oracle makes; None where an observation has more elements than a window holds."""
    try:
        return exploded(rows, fields, **told)
    except ValueError:
        return None


@settings(max_examples=400, deadline=None)
@given(case=cases(), drops=st.booleans(), context=st.none() | st.integers(0, 12))
def test_kernel_agrees_with_the_oracle_and_every_element_is_accounted_for(
    case: tuple[pa.Table, list[dict[str, Any]], dict[str, Any]], drops: bool, context: int | None
) -> None:
    table, rows, fields = case
    until = None if context is None else START + datetime.timedelta(minutes=context)

    def is_context(row: dict[str, Any]) -> bool:
        return until is not None and (row["at"] is None or row["at"] < until)

    expected = told_by_oracle(rows, fields, drops_duplicates=drops, is_context=is_context)
    marks = np.array([is_context(row) for row in rows], bool)

    def made() -> tuple[list[dict[str, Any]], Counts]:
        return counts_of(table, SequenceSpec(**fields), drops_duplicates=drops, is_context=marks)

    if expected is None:
        with pytest.raises(DataError, match="explode_cuts is keep_together, found more in"):
            made()
        return
    found, counts = made()
    # Written out, so that NaN is itself.
    assert repr(found) == repr(expected.sequences)
    wanted = expected.counts
    assert counts == Counts(
        wanted["duplicate"], wanted["min_length"], wanted["max_sequences"], wanted["sequenced"], wanted["expanded"]
    )
    dropped = {"duplicate": counts.duplicates} if drops else {}
    left_out = {"min_length": counts.min_length, "max_sequences": counts.max_sequences} | dropped
    Ledger(wanted["rows_in"], counts.sequenced, left_out, {}, counts.expanded).check("train")


@settings(max_examples=100, deadline=None)
@given(case=cases(), data=st.data())
def test_kernel_gives_the_same_however_rows_arrive(
    case: tuple[pa.Table, list[dict[str, Any]], dict[str, Any]], data: st.DataObject
) -> None:
    table, rows, fields = case
    if told_by_oracle(rows, fields) is None:
        return
    order = data.draw(st.permutations(range(len(rows))))
    cut = data.draw(st.integers(0, len(rows)))
    shuffled = table.take(pa.array(order, pa.int64()))

    once = sequence_table(table, SequenceSpec(**fields))
    again = sequence_table(pa.concat_tables([shuffled.slice(0, cut), shuffled.slice(cut)]), SequenceSpec(**fields))

    assert repr(again.to_pylist()) == repr(once.to_pylist())


@settings(max_examples=100, deadline=None)
@given(case=cases())
def test_windows_that_keep_together_never_cut_an_observation_and_waste_no_room(
    case: tuple[pa.Table, list[dict[str, Any]], dict[str, Any]],
) -> None:
    table, rows, fields = case
    together = {"explode_cuts": "keep_together", "stride": fields["sequence_length"], "min_length": 1}
    fields = fields | together | {"max_sequences_per_pupil": None}
    if told_by_oracle(rows, fields) is None:
        return

    made = sequence_table(table, SequenceSpec(**fields)).to_pylist()

    seen: dict[tuple[Any, int], list[list[int]]] = {}
    for row in made:
        groups = [group for group in row["group_sequence"] if group >= 0]
        repeats = [r for r, pad in zip(row["is_repeat_sequence"], row["is_pad_sequence"], strict=True) if not pad]
        assert repeats[0] == 0  # no window begins within an observation
        seen.setdefault((row["pupilid"], row["session_index"]), []).append(groups)
    for windows in seen.values():
        flat = [group for window in windows for group in window]
        assert flat == sorted(flat)
        for before, after in pairwise(windows):
            assert before[-1] < after[0]
            next_size = after.count(after[0]) if fields["align"] == "start" else before.count(before[-1])
            filled = len(before) if fields["align"] == "start" else len(after)
            assert filled + next_size > fields["sequence_length"]


@settings(max_examples=100, deadline=None)
@given(case=cases())
def test_the_indexed_layout_stands_for_the_same_sequences(
    case: tuple[pa.Table, list[dict[str, Any]], dict[str, Any]],
) -> None:
    table, rows, fields = case
    if told_by_oracle(rows, fields) is None:
        return
    spec = SequenceSpec(**fields)

    made = expanded(*indexed_tables(table, spec), spec)

    assert repr(made.to_pylist()) == repr(sequence_table(table, spec).to_pylist())


# --- what is refused


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1], pa.int64()),
        pa.array([[["a"]]]),
        pa.array([[{"a": 1}]]),
        pa.array([{"a": 1}]),
        pa.array([[None]], pa.list_(pa.null())),
    ],
    ids=lambda column: str(column.type),
)
def test_a_column_that_is_neither_text_nor_array_of_scalars_is_refused_in_one_message(column: pa.Array) -> None:
    table = pa.table({"pupilid": [1], "at": [1], "skills": column})

    with pytest.raises(
        DataError,
        match=r"^observations: expected column 'skills' to be an array of scalars or a text, to be exploded, found ",
    ):
        sequence_table(table, spec_of())


def test_an_array_that_is_not_exploded_is_refused_as_before() -> None:
    table = pa.table({"pupilid": [1], "at": [1], "skills": ["a"], "tags": pa.array([["a"]])})

    with pytest.raises(SpecificationError, match="feature 'tag': expected column 'tags' to be an integer"):
        sequence_table(table, spec_of(features=[SKILL, {"name": "tag", "column": "tags", "pad": "-"}]))


def test_a_pad_that_elements_cannot_hold_is_refused() -> None:
    table = pa.table({"pupilid": [1], "at": [1], "skills": pa.array([[1]])})

    with pytest.raises(SpecificationError, match="expected a pad that column 'skills' of type bigint can hold"):
        sequence_table(table, spec_of())


def test_observations_that_no_window_holds_are_counted_in_the_refusal() -> None:
    with pytest.raises(DataError) as refused:
        arrays("skill", sequence_length=1, explode_cuts="keep_together")

    assert str(refused.value) == (
        "observations: expected at most 1 elements of 'skills' in each observation, as many as a window holds, where "
        "explode_cuts is keep_together, found more in 2 of the 4 looked at so far. "
        "Hint: set a longer sequence_length, or explode_cuts: allow."
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"explode": "skill"},
            r"explode: expected a column that a feature reads, found 'skill' \(did you mean 'skills'\)",
        ),
        ({"explode": "at"}, "explode: expected a column that is neither pupil nor in order_by, found 'at'"),
        ({"explode": "pupilid"}, "explode: expected a column that is neither pupil nor in order_by, found 'pupilid'"),
        ({"explode_delimiter": ""}, "explode_delimiter: expected a text that is not empty"),
        ({"explode_cuts": "forbid"}, "explode_cuts: expected 'allow' or 'keep_together'"),
        (
            {"explode_cuts": "keep_together", "stride": 2},
            r"explode_cuts: expected allow where windows overlap \(stride 2\), found keep_together",
        ),
        ({"explode": None, "explode_cuts": "keep_together"}, "explode_cuts: expected it beside explode alone"),
        ({"explode": None, "explode_delimiter": ";"}, "explode_delimiter: expected it beside explode alone, found ';'"),
        (
            {"features": [SKILL, {"name": "group", "column": "correct", "pad": 0}]},
            "found 'group_sequence' from feature 'group' and from explode: skills",
        ),
        (
            {"explode": None, "features": [SKILL, {"name": "g", "derive": "group", "pad": 0}]},
            "features: expected derive: group beside explode alone, found it without",
        ),
    ],
)
def test_fields_that_do_not_fit_are_refused_by_name(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecificationError, match=message):
        spec_of(**fields)
    told = {"order_by": ["at"], "sequence_length": 4, "explode": "skills", "features": [SKILL]} | fields
    with pytest.raises(ConfigurationError, match=message):
        Settings(**told)


# --- what specifications, ledgers and manifests say


def test_a_specification_that_explodes_has_two_more_features_and_survives_json() -> None:
    spec = spec_of()

    assert spec.outputs[-3:] == ("skill_sequence", "group_sequence", "is_repeat_sequence")
    assert SequenceSpec.model_validate_json(spec.model_dump_json()) == spec
    assert SequenceSpec.model_validate(spec.model_dump(mode="json")).features == spec.features
    assert Job(spec).with_length(9).spec.features == spec.features
    assert Settings(explode="skill").spec.outputs[-2:] == ("group_sequence", "is_repeat_sequence")


def test_a_specification_that_explodes_nothing_is_written_as_before() -> None:
    written = spec_of(explode=None).model_dump_json()

    assert "explode" not in written
    assert not [key for key in json.loads(written) if key.startswith("explode")]


def test_what_is_exploded_shapes_the_result() -> None:
    shapes = [Job(spec_of(**fields)).shape() for fields in ({}, {"explode_delimiter": ";"}, {"explode": None})]

    assert len({json.dumps(shape, sort_keys=True) for shape in shapes}) == 3


def test_the_ledger_balances_with_what_exploding_added() -> None:
    ledger = Ledger(rows_in=4, sequenced=6, left_out={"min_length": 1}, noted={}, expanded=3)

    ledger.check("train")
    assert ledger.to_json()["expanded"] == 3
    assert Ledger.from_json(ledger.to_json()) == ledger
    require_plausible(ledger, 2, spec_of(), "sequences")
    with pytest.raises(
        LedgerError, match=r"found 4 rows in \+ 2 more by exploding, and 6 in sequences \+ 1 min_length"
    ):
        Ledger(4, 6, {"min_length": 1}, {}, expanded=2).check("train")
    with pytest.raises(LedgerError):
        Ledger(4, 3, {}, {}, expanded=-1).check("train")


def test_a_manifest_names_what_was_added_only_where_something_was() -> None:
    def manifest(ledger: Ledger) -> Manifest:
        return Manifest(
            run_id="a" * 16,
            dataset="d",
            subset="train",
            kind="sequences",
            format="parquet",
            rows=0,
            files=(),
            columns={},
            settings={},
            ledger=ledger,
            input=InputSummary(location="x", format="parquet", files=1, bytes=1, files_digest="a"),
            versions={},
            published_at="2026-01-05T08:00:00+00:00",
        )

    plain, more = manifest(Ledger(1, 1, {}, {})).to_text(), manifest(Ledger(1, 2, {}, {}, 1)).to_text()

    assert '"expanded"' not in plain
    assert '"expanded": 1' in more
    assert Manifest.from_text(plain, "x").ledger == Ledger(1, 1, {}, {})
    assert Manifest.from_text(more, "x").ledger.expanded == 1
