"""The sequence contract for one pupil at a time: worked cases, the oracle and the kernel, and what cannot be taken."""

import contextlib
import datetime
import decimal
import itertools
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings

from obs2seq import SequenceSpec, sequence_table
from obs2seq.errors import ConfigurationError, DataError, SpecificationError
from obs2seq.online import Sequencer
from tests import oracle
from tests.arrow_vectors import ArrowVector, load_arrow_vectors
from tests.test_kernel import FLOATS, SCHEMA, in_order, observations, specifications

Row = dict[str, Any]

UTC = datetime.UTC
AT = datetime.datetime(2026, 1, 5, 8, tzinfo=UTC)
TYPES = {
    "pupilid": "bigint",
    "answered_at": "timestamp",
    "correct": "int",
    "skill": "string",
    "duration_s": "double",
}


def minute(n: float) -> datetime.datetime:
    return AT + datetime.timedelta(minutes=n)


def spec_of(**fields: Any) -> SequenceSpec:
    feature = {"name": "c", "column": "c", "pad": -1}
    return SequenceSpec(**{"order_by": ["at"], "sequence_length": 3, "features": [feature]} | fields)


def answers(*corrects: int | None, first: int = 0) -> list[Row]:
    """One pupil's answers, at the times 0, 1, 2 …"""
    return [{"pupilid": 7, "at": first + i, "c": correct} for i, correct in enumerate(corrects)]


def pushed(spec: SequenceSpec, rows: list[Row], **settings: Any) -> Sequencer:
    sequencer = Sequencer(spec, **settings)
    for row in rows:
        sequencer.push(row)
    return sequencer


def by_pupil(rows: list[Row]) -> list[list[Row]]:
    def pupil(row: Row) -> tuple[bool, Any]:
        return row["pupilid"] is not None, row["pupilid"] or 0

    return [list(group) for _, group in itertools.groupby(sorted(rows, key=pupil), pupil)]


def last(sequences: list[Row]) -> Row | None:
    return sequences[-1] if sequences else None


@pytest.mark.parametrize("vector", load_arrow_vectors(), ids=lambda vector: vector.name)
def test_online_gives_the_vectors_sequences(vector: ArrowVector) -> None:
    spec = SequenceSpec.model_validate(vector.spec)
    rows = by_pupil(vector.observations.to_pylist())

    sequences = [sequence for pupil in rows for sequence in Sequencer(spec).sequences(pupil)]

    assert sequences == in_order(vector.sequences, spec)


@pytest.mark.parametrize("vector", load_arrow_vectors(), ids=lambda vector: vector.name)
def test_pushing_a_vectors_observations_gives_its_last_sequence(vector: ArrowVector) -> None:
    spec = SequenceSpec.model_validate(vector.spec)

    for pupil in by_pupil(vector.observations.to_pylist()):
        name = pupil[0]["pupilid"]
        expected = [row for row in in_order(vector.sequences, spec) if row["pupilid"] == name]
        assert pushed(spec, pupil, keep_at_least=len(pupil)).latest() == last(expected)


@settings(max_examples=300, deadline=None)
@given(rows=observations(FLOATS), fields=specifications())
def test_online_kernel_and_oracle_agree(rows: list[Row], fields: Row) -> None:
    spec = SequenceSpec.model_validate(fields)

    online = [row for pupil in by_pupil(rows) for row in Sequencer(spec, types=TYPES).sequences(pupil)]

    assert repr(online) == repr(in_order(oracle.sequences(rows, fields), spec))
    assert repr(online) == repr(sequence_table(pa.Table.from_pylist(rows, SCHEMA), spec).to_pylist())


@settings(max_examples=200, deadline=None)
@given(rows=observations(FLOATS), fields=specifications())
def test_each_push_gives_the_batchs_last_sequence(rows: list[Row], fields: Row) -> None:
    spec = SequenceSpec.model_validate(fields)
    one_pupil = [row | {"pupilid": 1} for row in rows]
    kept_alive = Sequencer(spec, types=TYPES, keep_at_least=len(rows))

    for n, row in enumerate(one_pupil, 1):
        kept_alive.push(row)

        assert repr(kept_alive.latest()) == repr(last(in_order(oracle.sequences(one_pupil[:n], fields), spec)))


@settings(max_examples=300, deadline=None)
@given(rows=observations(FLOATS), fields=specifications())
def test_bounded_memory_changes_no_sequence(rows: list[Row], fields: Row) -> None:
    spec = SequenceSpec.model_validate(fields)
    sequencer = Sequencer(spec, types=TYPES)
    taken: list[Row] = []

    for row in (row | {"pupilid": 1} for row in rows):
        with contextlib.suppress(DataError):
            sequencer.push(row)
            taken.append(row)

        assert repr(sequencer.latest()) == repr(last(in_order(oracle.sequences(taken, fields), spec)))


@settings(max_examples=200, deadline=None)
@given(rows=observations(FLOATS), fields=specifications())
def test_pushed_in_order_nothing_is_refused(rows: list[Row], fields: Row) -> None:
    spec = SequenceSpec.model_validate(fields | {"features": [*fields["features"], TIME]})
    one_pupil = [row | {"pupilid": 1} for row in rows]
    ordered = sorted(one_pupil, key=lambda row: oracle._key([row[name] for name in spec.columns[1:]]))
    sequencer = Sequencer(spec, types=TYPES, late="refuse")

    for n, row in enumerate(ordered, 1):
        sequencer.push(row)

        assert repr(sequencer.latest()) == repr(last(Sequencer(spec, types=TYPES).sequences(ordered[:n])))


TIME = {"name": "time", "column": "answered_at", "pad": "1970-01-01T00:00:00Z"}


def test_latest_follows_each_observation() -> None:
    sequencer = Sequencer(spec_of(stride=1, pad_side="start"))
    seen = []

    assert sequencer.latest() is None
    for row in answers(1, None, 0, 1):
        sequencer.push(row)
        seen.append(sequencer.latest())

    assert [row and row["c_sequence"] for row in seen] == [[-1, -1, 1], [-1, 1, -1], [1, -1, 0], [-1, 0, 1]]
    assert seen[-1] == {
        "pupilid": 7,
        "session_index": 0,
        "sequence_index": 1,
        "first_position": 1,
        "n_observations": 3,
        "is_pad_sequence": [0, 0, 0],
        "is_new_sequence": [0, 0, 1],
        "c_sequence": [-1, 0, 1],
    }


def test_latest_is_the_callers_to_change() -> None:
    sequencer = pushed(spec_of(), answers(1, 2, 3))

    sequencer.latest()["c_sequence"].clear()  # type: ignore[index]

    assert sequencer.latest()["c_sequence"] == [1, 2, 3]  # type: ignore[index]


def test_a_late_observation_takes_its_place() -> None:
    sequencer = pushed(spec_of(sequence_length=4, stride=1), answers(0, 1, 3, 4, 5))

    sequencer.push({"pupilid": 7, "at": 1.5, "c": 2})

    latest = sequencer.latest()
    assert latest is not None
    assert (latest["c_sequence"], latest["first_position"]) == ([2, 3, 4, 5], 2)


def test_a_late_observation_joins_two_sessions() -> None:
    spec = spec_of(sequence_length=5, session_gap_seconds=60.0)
    sequencer = pushed(spec, [{"pupilid": 7, "at": minute(at), "c": int(at)} for at in (0, 1, 3, 4)])
    before = sequencer.latest()

    sequencer.push({"pupilid": 7, "at": minute(2), "c": 2})

    after = sequencer.latest()
    assert before is not None
    assert after is not None
    assert (before["session_index"], before["c_sequence"]) == (1, [3, 4, -1, -1, -1])
    assert (after["session_index"], after["c_sequence"]) == (0, [0, 1, 2, 3, 4])


def test_what_comes_before_all_that_is_kept_is_refused_and_changes_nothing() -> None:
    sequencer = pushed(spec_of(), answers(*range(100)))
    before = sequencer.latest()

    with pytest.raises(DataError) as caught:
        sequencer.push({"pupilid": 7, "at": -1, "c": 0})

    assert str(caught.value) == (
        "observation: expected one that comes after the first of the 4 that are kept, found one that comes before it. "
        "Hint: raise keep_at_least, or make the sequences anew from the whole history."
    )
    assert sequencer.latest() == before


def test_late_observations_are_refused_where_that_is_set() -> None:
    sequencer = pushed(spec_of(), answers(1, 0), late="refuse")

    sequencer.push({"pupilid": 7, "at": 1, "c": 0})
    with pytest.raises(DataError, match="expected one that comes after all others in the order"):
        sequencer.push({"pupilid": 7, "at": 0, "c": 0})

    assert sequencer.latest()["c_sequence"] == [1, 0, 0]  # type: ignore[index]


@pytest.mark.parametrize("twin", [0, 1], ids=["late", "last"])
def test_twins_are_kept_dropped_or_refused(twin: int) -> None:
    rows = answers(1, 0)

    kept, dropped, refusing = (pushed(spec_of(), rows, duplicates=way) for way in ("keep", "drop", "refuse"))
    kept.push(rows[twin])
    dropped.push(rows[twin])
    with pytest.raises(DataError, match="expected every one once, found one that is alike in every column"):
        refusing.push(rows[twin])

    assert kept.latest()["n_observations"] == 3  # type: ignore[index]
    assert [each.latest()["c_sequence"] for each in (dropped, refusing)] == [[1, 0, -1]] * 2  # type: ignore[index]


def test_twins_in_the_batch_are_kept_dropped_or_refused() -> None:
    rows = [*answers(1, 0), *answers(1)]

    assert Sequencer(spec_of()).sequences(rows)[0]["c_sequence"] == [1, 1, 0]
    assert Sequencer(spec_of(), duplicates="drop").sequences(rows)[0]["c_sequence"] == [1, 0, -1]
    with pytest.raises(DataError, match="alike in every column that is read"):
        Sequencer(spec_of(), duplicates="refuse").sequences(rows)


@pytest.mark.parametrize(
    "fields",
    [
        {"sequence_length": 10, "stride": 3},
        {"sequence_length": 10, "stride": 3, "min_length": 9},
        {"sequence_length": 10, "align": "end", "features": [{"name": "c", "column": "c", "pad": 0, "shift": -5}]},
        {"sequence_length": 10, "min_length": 9, "session_gap_seconds": 2.5},
        {"sequence_length": 10, "min_length": 2, "session_gap_seconds": 0.5},
    ],
    ids=str,
)
def test_memory_does_not_grow_with_the_history(fields: Row) -> None:
    sequencer = Sequencer(spec_of(**fields))
    held = []

    for at in range(2_000):
        sequencer.push({"pupilid": 7, "at": at + 2 * (at // 8), "c": at})
        history = sequencer._history
        shown = history._closed.shown
        held.append(sum(len(session.keys) for session in history._sessions) + len(shown[1].keys if shown else ()))

    assert max(held) <= 60
    assert max(held[1_000:]) == max(held[200:1_000])


def test_values_and_pads_are_those_of_the_batch_by_given_types() -> None:
    types = {"at": "double", "c": "float", "day": "date", "price": "decimal(10,2)", "seen": "timestamp"}
    pads = {"at": 0, "c": 1, "day": "1970-01-01", "price": 0.25, "seen": "1970-01-01T00:00:00"}
    spec = spec_of(features=[{"name": name, "column": name, "pad": pad} for name, pad in pads.items()])
    day, price = datetime.date(2026, 1, 5), decimal.Decimal("1.50")
    row = {"pupilid": 7, "at": 3, "c": 0.1, "day": day, "price": price, "seen": AT.replace(tzinfo=None)}

    latest = pushed(spec.model_copy(update={"sequence_length": 2}), [row], types=types).latest()

    assert latest is not None
    assert repr(latest["at_sequence"]) == "[3.0, 0.0]"
    assert latest["c_sequence"] == [0.10000000149011612, 1.0]
    assert latest["day_sequence"] == [day, datetime.date(1970, 1, 1)]
    assert latest["price_sequence"] == [price, decimal.Decimal("0.25")]
    assert latest["seen_sequence"] == [AT, datetime.datetime(1970, 1, 1, tzinfo=UTC)]


def test_without_types_pads_follow_the_first_value() -> None:
    pads = {"c": 0, "day": "1970-01-01", "seen": "1970-01-01T00:00:00Z", "price": 0}
    spec = spec_of(
        sequence_length=2, features=[{"name": name, "column": name, "pad": pad} for name, pad in pads.items()]
    )
    zone = datetime.timezone(datetime.timedelta(hours=2))
    sequencer = Sequencer(spec)

    sequencer.push({"pupilid": 7, "at": 1, "c": None, "day": None, "seen": None, "price": None})
    before = sequencer.latest()
    day = datetime.date(2026, 1, 5)
    row = {"pupilid": 7, "at": 2, "c": 0.5, "day": day, "seen": AT.astimezone(zone), "price": decimal.Decimal("1.5")}
    sequencer.push(row)
    after = sequencer.latest()

    assert before is not None
    assert after is not None
    assert before["day_sequence"] == ["1970-01-01"] * 2
    assert repr(after["c_sequence"]) == "[0.0, 0.5]"
    assert after["day_sequence"][0] == datetime.date(1970, 1, 1)
    assert after["seen_sequence"][0] == datetime.datetime(1970, 1, 1, 2, tzinfo=zone)
    assert after["seen_sequence"][0].tzinfo is zone
    assert isinstance(after["price_sequence"][0], decimal.Decimal)


@pytest.mark.parametrize(
    ("type_", "value", "pad"),
    [
        (pa.uint8(), 200, 7),
        (pa.uint64(), 2**63, 2**64 - 1),
        (pa.float32(), 0.1, 0),
        (pa.decimal128(10, 2), decimal.Decimal("1.50"), 0.25),
        (pa.bool_(), True, False),
        (pa.dictionary(pa.int8(), pa.string()), "a", "-"),
        (pa.date64(), datetime.date(2026, 1, 5), "1970-01-02"),
        (pa.timestamp("ms"), AT.replace(tzinfo=None), "1970-01-02"),
        (pa.timestamp("us", "Europe/Amsterdam"), AT, "1970-01-02T00:00:00Z"),
    ],
    ids=str,
)
def test_arrow_goes_in_with_its_types(type_: pa.DataType, value: Any, pad: Any) -> None:
    feature = {"name": "value", "column": "value", "pad": pad}
    spec = spec_of(order_by=["value"], features=[feature], sequence_length=4)
    table = pa.table({"pupilid": [1, 1], "VALUE": pa.array([value, None], type_), "other": [[1], [2]]})

    sequences = Sequencer(spec).sequences(table)

    assert repr(sequences) == repr(sequence_table(table, spec).to_pylist())
    assert Sequencer(spec).sequences(table.to_batches()[0]) == sequences


def test_no_numpy_or_pandas_value_comes_out() -> None:
    features = [{"name": name, "column": name, "pad": 0} for name in ("c", "f")]
    sequencer = Sequencer(spec_of(features=features, sequence_length=2))

    sequencer.push({"pupilid": np.int64(7), "at": pd.Timestamp("2026-01-05"), "c": np.int8(1), "f": np.float32(0.5)})
    sequencer.push({"pupilid": 7, "at": pd.NaT, "c": pa.scalar(2), "f": np.array(1.5)})

    latest = sequencer.latest()
    assert latest is not None
    assert repr(latest["c_sequence"] + latest["f_sequence"]) == "[2, 1, 1.5, 0.5]"
    assert type(latest["pupilid"]) is int


def test_times_of_one_zone_are_ordered_as_instants() -> None:
    zone = pa.scalar(AT, pa.timestamp("us", "Europe/Amsterdam")).as_py().tzinfo
    early = datetime.datetime(2026, 10, 25, 2, 30, tzinfo=zone)
    later = datetime.datetime(2026, 10, 25, 2, 10, tzinfo=zone, fold=1)
    rows = [{"pupilid": 7, "at": later, "c": 1}, {"pupilid": 7, "at": early, "c": 0}]

    sequences = Sequencer(spec_of(session_gap_seconds=2400.0)).sequences(rows)

    assert [row["c_sequence"] for row in sequences] == [[0, 1, -1]]


@pytest.mark.parametrize(
    ("times", "type_", "gap", "n_sessions"),
    [
        ([0, 2**62, 2**62 + 1], None, 1e18, 2),
        ([0.0, 0.1, 0.3], None, 0.15, 2),
        ([0.0, 0.1, 0.2], "float", 0.1, 1),
        ([decimal.Decimal("9e35"), decimal.Decimal("-9e35")], None, 1e18, 2),
        ([AT.date(), AT.date() + datetime.timedelta(2)], None, 86_400.0, 2),
        ([AT, AT + datetime.timedelta(microseconds=2)], None, 0.000001, 2),
        ([pd.Timestamp(1), pd.Timestamp(3)], None, 1e-9, 2),
        ([None, 5.0, math.nan], None, 0.0, 1),
    ],
    ids=str,
)
def test_a_session_ends_at_a_gap_of_any_type(times: list[Any], type_: str | None, gap: float, n_sessions: int) -> None:
    rows = [{"pupilid": 7, "at": at, "c": 1} for at in times]
    spec = spec_of(session_gap_seconds=gap)

    sequences = Sequencer(spec, types={"at": type_} if type_ else None).sequences(rows)

    assert len(sequences) == n_sessions


def test_zeros_and_nans_of_either_sign_are_one_pupil() -> None:
    spec = spec_of(features=[{"name": "c", "column": "c", "pad": 0}, {"name": "p", "column": "pupilid", "pad": 9}])

    zero = pushed(spec, [{"pupilid": -0.0, "at": 1, "c": 1}, {"pupilid": 0.0, "at": 2, "c": 1}]).latest()
    nan = pushed(spec, [{"pupilid": math.nan, "at": at, "c": 1} for at in (1, 2)]).latest()

    assert zero is not None
    assert nan is not None
    assert repr((zero["pupilid"], zero["p_sequence"])) == "(0.0, [0.0, 0.0, 9.0])"
    assert nan["n_observations"] == 2


def test_two_pupils_are_refused() -> None:
    rows = [*answers(1), {"pupilid": None, "at": 2, "c": 1}]

    with pytest.raises(DataError, match=r"expected observations of one pupil, found those of another\. Hint: hold one"):
        Sequencer(spec_of()).sequences(rows)
    with pytest.raises(DataError, match="expected observations of one pupil"):
        pushed(spec_of(), rows)


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        ({"pupilid": 7, "at": 1}, "expected column 'c', found ['at', 'pupilid']"),
        ({"pupilid": 7, "at": "1", "c": 1}, "expected values of one type in each of the columns at, c"),
        ({"pupilid": 7, "at": 5, "c": [1]}, "expected numbers, booleans, texts, dates or timestamps, found a list"),
        ([7, 1, 1], "expected columns with values, found list"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_observation_is_refused_and_changes_nothing(observation: Any, message: str) -> None:
    sequencer = pushed(spec_of(), answers(1, 0))

    with pytest.raises(DataError) as caught:
        sequencer.push(observation)
    with pytest.raises(DataError):
        Sequencer(spec_of()).sequences([*answers(1, 0), observation])

    assert message in str(caught.value)
    assert sequencer.latest()["c_sequence"] == [1, 0, -1]  # type: ignore[index]


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("tinyint", 128),
        ("int", 1.0),
        ("int", True),
        ("boolean", 1),
        ("double", "1"),
        ("string", 1),
        ("date", AT),
        ("timestamp", AT.date()),
        ("decimal(3,1)", 0.5),
    ],
)
def test_a_value_that_its_columns_type_does_not_hold_is_refused(type_name: str, value: Any) -> None:
    pads = {"boolean": True, "string": "", "date": "1970-01-01", "timestamp": "1970-01-01"}
    spec = spec_of(features=[{"name": "c", "column": "c", "pad": pads.get(type_name, 0)}])

    with pytest.raises(DataError, match=f"in column 'c', found {type(value).__name__}") as caught:
        pushed(spec, [{"pupilid": 7, "at": 1, "c": value}], types={"c": type_name})

    assert f"expected {type_name} in" in str(caught.value)


def test_a_pad_that_its_column_cannot_hold_is_refused() -> None:
    with pytest.raises(SpecificationError, match="expected a pad that column 'c' of type string can hold exactly"):
        Sequencer(spec_of(), types={"c": "string"})
    with pytest.raises(SpecificationError, match="expected a pad that column 'c' of type string can hold exactly"):
        pushed(spec_of(), [{"pupilid": 7, "at": 1, "c": "yes"}])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"late": "drop"}, "late: expected insert or refuse, found 'drop'."),
        ({"duplicates": "fail"}, "duplicates: expected keep or drop or refuse, found 'fail'."),
        ({"types": {"C": "int"}}, "types: expected columns of the specification, found 'C'. Hint: did you mean 'c'."),
    ],
    ids=str,
)
def test_unknown_arguments_are_refused(arguments: Row, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Sequencer(spec_of(), **arguments)

    assert str(caught.value) == message


@pytest.mark.parametrize("value", ["2026", True])
def test_sessions_need_a_time_that_can_be_subtracted(value: Any) -> None:
    rows = [{"pupilid": 7, "at": value, "c": c} for c in (1, 2)]

    with pytest.raises(SpecificationError, match="expected the time column 'at' to be a timestamp, a date or a number"):
        pushed(spec_of(session_gap_seconds=1.0), rows)
    with pytest.raises(SpecificationError, match="expected the time column 'at' to be a timestamp, a date or a number"):
        Sequencer(spec_of(session_gap_seconds=1.0), types={"at": "string"})


def test_no_observations_give_no_sequences() -> None:
    assert Sequencer(spec_of()).sequences([]) == []


def test_pushing_imports_neither_arrow_nor_numpy() -> None:
    code = (
        "import obs2seq, sys; spec = obs2seq.SequenceSpec(order_by=['at'], sequence_length=2, "
        "features=[{'name': 'c', 'column': 'c', 'pad': 0}]); s = obs2seq.online.Sequencer(spec); "
        "s.push({'pupilid': 1, 'at': 1, 'c': 1}); s.sequences([{'pupilid': 1, 'at': 1, 'c': 1}]); "
        "print(s.latest()['c_sequence'], sorted({'numpy', 'pandas', 'pyarrow', 'pyspark'} & set(sys.modules)))"
    )

    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert printed.strip() == "[1, 0] []"
