"""What derived features are, on the engines that need no Spark."""

import datetime
import itertools
import json
import re
import zoneinfo
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs2seq import Feature, SequenceSpec, athena_select, sequence_table
from obs2seq.domain import derived
from obs2seq.domain.derived import DERIVATIONS, OF_ELEMENTS, Derivation
from obs2seq.domain.zones import seconds_ahead
from obs2seq.errors import DataError, SpecificationError
from obs2seq.kernel import derived as kernel
from obs2seq.kernel.expanding import expanded
from obs2seq.kernel.indexed import indexed_tables
from obs2seq.kernel.zones import all_seconds_ahead
from obs2seq.online import Sequencer
from obs2seq.online import derived as online
from tests.derived_inputs import ALL, at, by_kernel, deriving, drawn_rows, look_ahead, spec_of, table_of, values
from tests.flow_inputs import Row, drawn

ROWS: list[Row] = [
    {"pupilid": 1, "t": at("2024-03-31T00:59:59"), "id": 1, "ex": "a", "right": 1},
    {"pupilid": 1, "t": at("2024-03-31T01:00:00"), "id": 2, "ex": "b", "right": None},
    {"pupilid": 1, "t": at("2024-03-31T01:00:00.5"), "id": 3, "ex": "a", "right": 0},
    {"pupilid": 1, "t": at("2024-10-27T00:59:59"), "id": 4, "ex": None, "right": 1},
    {"pupilid": 1, "t": at("2024-10-27T01:00:00"), "id": 5, "ex": "a", "right": 1},
    {"pupilid": 2, "t": at("1893-03-31T23:06:31"), "id": 6, "ex": "a", "right": 0},
    {"pupilid": 2, "t": at("1893-03-31T23:06:32"), "id": 7, "ex": "a", "right": 1},
]
"""Around the hours at which Berlin sets its clocks, and the end of its own mean time, 53:28 minutes ahead of UTC."""

BY_HAND = {
    "seconds_since_previous": [[None, 1.0, 0.5, 18_143_998.5, 1.0], [None, 1.0]],
    "seconds_since_same": [[None, None, 1.5, None, 18_143_999.5], [None, 1.0]],
    "attempt_number": [[1, 1, 2, None, 3], [1, 2]],
    "share_correct_before": [[None, 1.0, 1.0, 0.5, 2 / 3], [None, 0.0]],
    "position": [[0, 1, 2, 3, 4], [0, 1]],
    "hour_of_day": [[1, 3, 3, 2, 2], [23, 0]],
    "weekday": [[7, 7, 7, 7, 7], [5, 6]],
}


def naive(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def by_online(rows: list[Row], spec: SequenceSpec) -> list[Row]:
    ordered = sorted(rows, key=lambda row: (row["pupilid"] is not None, row["pupilid"]))
    pupils = [list(group) for _, group in itertools.groupby(ordered, lambda row: row["pupilid"])]
    types = {"right": "int"} if "right" in spec.columns else {}
    return [row for pupil in pupils for row in Sequencer(spec, types=types).sequences(pupil)]


def by_pushing(rows: list[Row], spec: SequenceSpec) -> list[Row]:
    sequences = []
    for pupil in sorted({row["pupilid"] for row in rows}):
        sequencer = Sequencer(spec)
        for row in rows:
            if row["pupilid"] == pupil:
                sequencer.push(row)
        latest = sequencer.latest()
        assert latest is not None
        sequences.append(latest)
    return sequences


def by_index(rows: list[Row], spec: SequenceSpec) -> list[Row]:
    return expanded(*indexed_tables(table_of(rows), spec), spec).to_pylist()  # type: ignore[no-any-return]


ENGINES = {"kernel": by_kernel, "indexed": by_index, "online": by_online}


def test_every_derived_feature_has_values_by_hand_and_a_function_in_each_engine() -> None:
    assert set(BY_HAND) == set(DERIVATIONS) == set(kernel.FUNCTIONS) == set(online.FUNCTIONS)


@pytest.mark.parametrize("derive", BY_HAND)
@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_derived_values_are_those_by_hand(engine: Callable[[list[Row], SequenceSpec], list[Row]], derive: str) -> None:
    sequences = engine(ROWS[3:] + ROWS[:3], spec_of(deriving(derive)))

    assert values(sequences, derive) == BY_HAND[derive]


@pytest.mark.parametrize("derive", BY_HAND)
def test_pushed_observations_give_the_same_values(derive: str) -> None:
    assert values(by_pushing(ROWS, spec_of(deriving(derive))), derive) == BY_HAND[derive]


@pytest.mark.parametrize("derive", ALL)
@pytest.mark.parametrize("engine", [by_kernel, by_online])
def test_derived_feature_looks_only_backwards(
    engine: Callable[[list[Row], SequenceSpec], list[Row]], derive: str
) -> None:
    assert [look_ahead(engine, derive, seed) for seed in (1, 5)] == [[], []]


def test_a_planted_feature_that_looks_ahead_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def seconds_to_next(_: object, history: kernel.Histories) -> kernel.Values:
        ticks, is_known = history.values("t")
        return np.append(np.diff(ticks), 0) / 1e6, is_known

    monkeypatch.setitem(derived.DERIVATIONS, "seconds_to_next", Derivation("Looks ahead.", "double"))
    monkeypatch.setitem(kernel.FUNCTIONS, "seconds_to_next", seconds_to_next)

    assert look_ahead(by_kernel, "seconds_to_next", 5)


def test_a_planted_share_that_counts_the_answer_itself_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def share_so_far(feature: Feature, history: kernel.Histories) -> kernel.Values:
        answers, _ = history.values(str(feature.of))
        return (history.before(answers > 0) + (answers > 0)) / (kernel.position(feature, history)[0] + 1), None

    monkeypatch.setitem(kernel.FUNCTIONS, "share_correct_before", share_so_far)

    assert look_ahead(by_kernel, "share_correct_before", 5)


def test_the_feature_that_the_docs_add_works(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[1] / "docs" / "features.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    functions, known = dict(kernel.FUNCTIONS), dict(DERIVATIONS)
    exec(code, vars(derived) | vars(kernel) | {"FUNCTIONS": functions, "DERIVATIONS": known})
    monkeypatch.setitem(DERIVATIONS, "wrong_before", known["wrong_before"])
    monkeypatch.setitem(kernel.FUNCTIONS, "wrong_before", functions["wrong_before"])

    assert values(by_kernel(ROWS, spec_of(deriving("wrong_before"))), "wrong_before") == [[0, 0, 0, 1, 1], [0, 1]]
    assert look_ahead(by_kernel, "wrong_before", 5) == []


@drawn(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), gap=st.sampled_from((None, 60.0)), length=st.sampled_from((2, 5, 40)))
def test_engines_without_spark_agree(seed: int, gap: float | None, length: int) -> None:
    rows = drawn_rows(seed)
    features = [*map(deriving, ALL), deriving("seconds_since_same", "same_answer", of="right", shift=-1)]
    spec = spec_of(*features, session_gap_seconds=gap, sequence_length=length, stride=min(length, 2))

    sequences = by_kernel(rows, spec)

    assert by_index(rows, spec) == sequences
    assert by_online(rows, spec) == sequences


def test_derived_values_do_not_depend_on_windows_and_sessions() -> None:
    whole = values(by_kernel(ROWS, spec_of(deriving("position"))), "position")

    cut = by_kernel(ROWS, spec_of(deriving("position"), session_gap_seconds=60, sequence_length=2))

    assert whole == [[0, 1, 2, 3, 4], [0, 1]]
    assert values(cut, "position") == [[0, 1], [2], [3, 4], [0, 1]]


def test_no_observations_make_no_sequences() -> None:
    spec = spec_of(*map(deriving, ALL))

    assert by_kernel([], spec) == by_index([], spec) == by_online([], spec) == []


def test_null_where_nothing_is_known_becomes_the_pad_and_is_no_padding() -> None:
    (row,) = by_kernel(ROWS[:1], spec_of(deriving("seconds_since_previous", pad=-1.0), sequence_length=2))

    assert row["seconds_since_previous_sequence"] == [-1.0, -1.0]
    assert row["is_pad_sequence"] == [0, 1]


def test_the_column_that_is_derived_from_breaks_ties_so_that_arrival_does_not() -> None:
    tied = [row | {"t": at("2024-01-01T00:00"), "pupilid": 1} for row in ROWS]
    spec = spec_of(deriving("attempt_number"), order_by=["t"])

    assert by_kernel(tied, spec) == by_kernel(tied[::-1], spec)
    assert spec.columns == ("pupilid", "t", "ex")


@pytest.mark.parametrize(
    ("type_", "times", "seconds"),
    [
        (pa.date32(), [datetime.date(2024, 2, 28), datetime.date(2024, 3, 1)], 172_800.0),
        (pa.date64(), [datetime.date(2024, 2, 28), datetime.date(2024, 3, 1)], 172_800.0),
        (pa.int64(), [-(2**63), 2**63 - 1], 2.0**64),
        (pa.int16(), [-30_000, 30_000], 60_000.0),
        (pa.float64(), [0.1, 0.3], 0.3 - 0.1),
        (pa.float64(), [0.0, float("nan")], None),
        (pa.float64(), [None, 1.0], None),
        (pa.timestamp("s"), [naive("2024-03-31T01:00"), naive("2024-03-31T04:00")], 10_800.0),
        (pa.timestamp("ns", "UTC"), [at("2024-01-01T00:00"), at("2024-01-01T00:00:00.25")], 0.25),
    ],
)
def test_seconds_are_told_from_every_type_of_time(type_: pa.DataType, times: list[object], seconds: float) -> None:
    table = pa.table({"pupilid": [1, 1], "t": pa.array(times, type_), "id": [1, 2]})
    spec = spec_of(deriving("seconds_since_previous"), order_by=["t"])

    sequences = sequence_table(table, spec).to_pylist()

    assert values(sequences, "seconds_since_previous") == [[None, seconds]]
    assert Sequencer(spec).sequences(table) == sequences


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])
def test_offsets_are_those_of_python_at_every_second_around_a_change(zone: str) -> None:
    known = zoneinfo.ZoneInfo(zone)
    years = [
        int(at(f"{year}-{month:02}-01T00:00").timestamp()) for year in (1850, 1945, 2024, 2077) for month in (1, 7)
    ]
    seconds = np.concatenate([np.arange(year, year + 86_400 * 150, 1_799) for year in years])

    ahead = all_seconds_ahead(seconds, zone)

    start = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    moments = [(start + datetime.timedelta(seconds=second)).astimezone(known) for second in seconds.tolist()]
    assert ahead.tolist() == [int((moment.utcoffset() or datetime.timedelta()).total_seconds()) for moment in moments]


def test_offsets_reach_beyond_the_years_that_python_knows() -> None:
    assert seconds_ahead(10**13, "Europe/Berlin") == 3600
    assert seconds_ahead(-(10**13), "Europe/Berlin") == 53 * 60 + 28
    assert all_seconds_ahead(np.zeros(0, np.int64), "Europe/Berlin").tolist() == []


def test_a_specification_with_derived_features_survives_json() -> None:
    spec = spec_of(deriving("hour_of_day"), {"name": "right", "column": "right", "pad": 0})

    written = json.loads(spec.model_dump_json())

    assert SequenceSpec.model_validate(written) == spec
    assert written["features"] == [
        {
            "name": "hour_of_day",
            "column": "hour_of_day(Europe/Berlin)",
            "pad": -99,
            "shift": 0,
            "derive": "hour_of_day",
            "time_zone": "Europe/Berlin",
        },
        {"name": "right", "column": "right", "pad": 0, "shift": 0},
    ]


def test_the_schema_for_editors_knows_what_can_be_derived_and_asks_for_a_column_or_that() -> None:
    schema = Feature.model_json_schema()

    assert schema["required"] == ["name"]
    assert schema["anyOf"] == [
        {"required": ["column", "pad"]},
        {"required": ["derive", "pad"]},
        {"required": ["column", "encode"]},
    ]
    assert schema["properties"]["derive"]["enum"] == [*DERIVATIONS, *OF_ELEMENTS, None]


REFUSED = [
    (
        {"derive": "atempt_number"},
        "features.0: unknown derived feature 'atempt_number' (did you mean 'attempt_number')",
    ),
    ({"derive": 5}, "features.0: unknown derived feature 5 (known are attempt_number"),
    ({"derive": "attempt_number"}, "features.0: expected of beside derive: attempt_number, found none"),
    ({"derive": "position", "of": "ex"}, "features.0: expected no of beside derive: position, found one"),
    ({"derive": "position", "column": "ex"}, "features.0: expected either column or derive, found both"),
    ({"column": "ex", "time_zone": "UTC"}, "features.0: expected no time_zone beside column, found one"),
    ({"derive": "weekday", "time_zone": "CET"}, "features.0.time_zone: expected a time zone such as 'Europe/Berlin'"),
    ({"derive": "weekday", "time_zone": "../etc/x"}, "features.0.time_zone: expected a time zone such as 'Europe/"),
    ({"derive": "attempt_number", "of": ""}, "features.0.of: expected a text that is not empty, found ''"),
    ({"derive": "attempt_number", "of": "T"}, "features: expected one spelling of a column, found 't' and 'T'"),
]


@pytest.mark.parametrize(("fields", "words"), REFUSED, ids=[words[:50] for _, words in REFUSED])
def test_what_cannot_be_derived_is_refused_and_says_why(fields: Row, words: str) -> None:
    with pytest.raises(SpecificationError) as refused:
        spec_of({"name": "x", "pad": 0, **fields})

    assert str(refused.value).startswith(f"specification: {words}")


def test_a_column_with_the_name_of_something_derived_is_refused() -> None:
    column = {"name": "x", "column": "Attempt_number(ex)", "pad": 0}

    with pytest.raises(SpecificationError, match=r"expected another name than 'attempt_number\(ex\)'"):
        spec_of(deriving("attempt_number"), column)


@pytest.mark.parametrize(
    ("derive", "type_", "words"),
    [
        (
            "seconds_since_previous",
            pa.decimal128(21, 2),
            "column 't' to be timestamp, .* or double for seconds_since_pr",
        ),
        ("hour_of_day", pa.timestamp("us"), "column 't' to be timestamp for hour_of_day, found timestamp_ntz"),
        ("weekday", pa.int64(), "column 't' to be timestamp for weekday, found bigint"),
    ],
)
def test_a_time_that_does_not_serve_is_refused_by_name(derive: str, type_: pa.DataType, words: str) -> None:
    table = pa.table({"pupilid": [1], "t": pa.array([1]).cast(type_), "id": [1]})
    spec = spec_of(deriving(derive), order_by=["t"])

    with pytest.raises(SpecificationError, match=words):
        sequence_table(table, spec)
    with pytest.raises(SpecificationError, match=words):
        Sequencer(spec).sequences(table)
    with pytest.raises(SpecificationError, match=words):
        Sequencer(spec).push(table.to_pylist()[0])


def test_a_share_of_texts_is_refused_by_name() -> None:
    with pytest.raises(
        SpecificationError, match=r"column 'ex' to be boolean, .* for share_correct_before, found string"
    ):
        by_kernel(ROWS, spec_of(deriving("share_correct_before", of="ex")))


def test_a_pad_that_the_derived_type_cannot_hold_is_refused() -> None:
    with pytest.raises(
        SpecificationError, match=r"column 'attempt_number\(ex\)' of type int can hold exactly, found 0.5"
    ):
        by_kernel(ROWS, spec_of(deriving("attempt_number", pad=0.5)))


def test_a_late_observation_is_refused_where_features_are_derived_and_changes_nothing() -> None:
    sequencer = Sequencer(spec_of(deriving("position"), deriving("attempt_number")))
    sequencer.push(ROWS[1])
    before = sequencer.latest()

    with pytest.raises(DataError, match="as features are derived"):
        sequencer.push(ROWS[0])

    assert sequencer.latest() == before
    sequencer.push(ROWS[2])
    assert values([sequencer.latest() or {}], "position") == [[0, 1]]


def test_an_engine_without_the_function_refuses_the_feature_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(derived.DERIVATIONS, "shoe_size", Derivation("Of the pupil.", "int"))

    with pytest.raises(
        SpecificationError, match="which is what the online sequencer computes, found derive: shoe_size"
    ):
        Sequencer(spec_of(deriving("shoe_size")))


def test_athena_refuses_derived_features_by_name() -> None:
    with pytest.raises(
        SpecificationError, match="feature 'position': expected columns alone, which is what Athena comp"
    ):
        athena_select(spec_of(deriving("position")), "school.answers")
