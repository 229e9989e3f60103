"""Subsets by time: every observation is new in one of them, and what came before may stand beside it."""

import datetime
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obs2seq import SequenceSpec
from obs2seq.bootstrap import check, run, warehouse
from obs2seq.bootstrap.audits import audit_published
from obs2seq.domain.split_times import instant
from obs2seq.errors import ConfigurationError
from obs2seq.kernel.sequencing import plan_sequences
from obs2seq.settings import load_settings
from obs2seq.warehouses.arrow.split_times import Boundary
from tests.commands import put_parquet
from tests.small_jobs import FIRST, answers, published_rows, put_answers, settings_for
from tests.test_kernel import FLOATS, SCHEMA, START, in_order, observations, specifications
from tests.time_splits import with_context

PLACES = {"s3_data_location": "in", "output_s3_location": "out"}
SUBSETS = {"train": 0.5, "validation": 0.25, "test": 0.25}
BY_TIME = {"subsets": SUBSETS, "subset_method": "time"}


def minute(number: int) -> str:
    return (FIRST + datetime.timedelta(minutes=number)).isoformat()


TIMES = {"validation": minute(4), "test": minute(6)}


def made(data: Path, place: Path, **changes: Any) -> dict[str, list[dict[str, Any]]]:
    told = settings_for(str(data), str(place), **({"engine": "arrow"} | BY_TIME | changes))
    run(told)
    return {name: published_rows(f"{place}/{name}_sequenced_{told.sequence_length}")[1] for name in told.subsets}


@pytest.fixture
def eight_answers(tmp_path: Path) -> Path:
    """One pupil answers each minute, and marks the answer with its number; another stops before test begins."""
    put_answers(f"{tmp_path}/in/a.parquet", answers(1, range(8)), answers(2, range(10, 13)))
    return tmp_path / "in"


def seen(rows: list[dict[str, Any]], pupil: int = 1) -> list[tuple[list[int], list[int]]]:
    in_order = sorted((row for row in rows if row["pupilid"] == pupil), key=lambda row: row["sequence_index"])
    assert [row["sequence_index"] for row in in_order] == list(range(len(in_order)))
    return [(row["correct_sequence"], row["is_new_sequence"]) for row in in_order]


def test_a_subset_begins_at_its_instant_and_ends_before_the_next(eight_answers: Path, tmp_path: Path) -> None:
    rows = made(eight_answers, tmp_path / "out", split_times=TIMES)

    assert seen(rows["train"]) == [([0, 1, 2], [1, 1, 1]), ([3, -1, -1], [1, 0, 0])]
    assert seen(rows["validation"]) == [([4, 5, -1], [1, 1, 0])]
    assert seen(rows["test"]) == [([6, 7, -1], [1, 1, 0])]
    assert seen(rows["train"], 2) == [([10, 11, 12], [1, 1, 1])]
    assert seen(rows["test"], 2) == []


def test_context_stands_in_a_sequence_and_is_not_new_there(eight_answers: Path, tmp_path: Path) -> None:
    """The windows are those of the whole history: 0 1 2, 3 4 5, 6 7."""
    rows = made(eight_answers, tmp_path / "out", split_times=TIMES, split_context=True)

    assert seen(rows["train"]) == [([0, 1, 2], [1, 1, 1]), ([3, -1, -1], [1, 0, 0])]
    assert seen(rows["validation"]) == [([3, 4, 5], [0, 1, 1])]
    assert seen(rows["test"]) == [([6, 7, -1], [1, 1, 0])]
    assert rows["validation"][0]["first_position"] == 3
    assert seen(rows["validation"], 2) == []


def test_context_is_counted_as_another_subsets_and_all_balances(eight_answers: Path, tmp_path: Path) -> None:
    """Of eight and three answers, two are validation's own; stride 1 shows each up to three times."""
    told = settings_for(
        str(eight_answers),
        str(tmp_path / "out"),
        **BY_TIME,
        engine="arrow",
        split_times=TIMES,
        split_context=True,
        stride=1,
        min_length=2,
        max_sequences_per_pupil=1,
    )
    ledgers = {name: manifest.ledger for name, (manifest, _) in run(told).items()}

    assert ledgers["validation"].left_out == {"other_subset": 9, "max_sequences_per_pupil": 1}
    assert (ledgers["validation"].rows_in, ledgers["validation"].sequenced) == (11, 1)
    assert ledgers["test"].left_out == {"other_subset": 9, "max_sequences_per_pupil": 1}
    checked = check(told)
    assert checked["validation"].left_out == {"other_subset": 9}


@settings(max_examples=300, deadline=None)
@given(rows=observations(FLOATS), fields=specifications(), first=st.integers(0, 41))
def test_kernel_gives_windows_of_whole_histories_that_hold_something_new(
    rows: list[dict[str, Any]], fields: dict[str, Any], first: int
) -> None:
    start, spec = START + datetime.timedelta(minutes=first), SequenceSpec.model_validate(fields)
    known = [row for row in rows if row["answered_at"] is not None]
    is_context = np.array([row["answered_at"] < start for row in known], bool)

    with ThreadPoolExecutor(1) as pool:
        plan = plan_sequences(pa.Table.from_pylist(known, SCHEMA), spec, pool, is_context=is_context)
        made = pa.Table.from_batches(map(plan.batch, plan.pieces()), plan.schema).to_pylist()

    expected = in_order(with_context(known, fields, start, None, "answered_at"), spec)
    counts, n_new = plan.counts, sum(sum(row["is_new_sequence"]) for row in expected)
    assert repr(made) == repr(expected)
    assert counts.sequenced == n_new
    assert n_new + counts.min_length + counts.max_sequences == np.count_nonzero(~is_context)


@settings(max_examples=40, deadline=None)
@given(rows=observations(FLOATS), fields=specifications(), cuts=st.tuples(st.integers(0, 40), st.integers(1, 20)))
def test_context_agrees_with_the_oracle(
    rows: list[dict[str, Any]], fields: dict[str, Any], cuts: tuple[int, int]
) -> None:
    first, end = (START + datetime.timedelta(minutes=at) for at in (cuts[0], sum(cuts)))
    rows = [*rows, *in_every_subset(first, end)]
    whole = [row for row in rows if row["pupilid"] is not None and row["answered_at"] is not None]
    own = {
        "validation": (first, end, [row for row in whole if first <= row["answered_at"] < end]),
        "test": (end, None, [row for row in whole if end <= row["answered_at"]]),
    }
    times = {"validation": first.isoformat(), "test": end.isoformat()}
    leaving_out = {"null_pupil": "leave_out", "null_time": "leave_out"}
    with TemporaryDirectory() as folder:
        put_parquet(Path(folder) / "in" / "a.parquet", pa.Table.from_pylist(rows, SCHEMA))
        told = settings_for(
            f"{folder}/in",
            f"{folder}/out",
            **(fields | BY_TIME | leaving_out),
            engine="arrow",
            split_times=times,
            split_context=True,
        )
        run(told)
        found = {name: published_rows(f"{folder}/out/{name}_sequenced_{told.sequence_length}") for name in own}

    for name, (manifest, sequences) in found.items():
        start, stop, own_rows = own[name]
        expected = with_context(whole, fields, start, stop, "answered_at")
        assert repr(in_order(sequences, told.spec)) == repr(in_order(expected, told.spec))
        assert manifest.ledger.sequenced == sum(sum(row["is_new_sequence"]) for row in expected)
        assert manifest.ledger.left_out["other_subset"] == len(whole) - len(own_rows)


def in_every_subset(first: datetime.datetime, end: datetime.datetime) -> list[dict[str, Any]]:
    """A pupil with enough at one time for a window in each of three subsets: none may be empty."""
    starts = (first - datetime.timedelta(minutes=1), first, end)
    row = {"pupilid": 9, "correct": 1, "skill": "z", "duration_s": 0.5}
    return [row | {"answered_at": start} for start in starts for _ in range(12)]


def test_each_observation_is_new_once_in_all_subsets_together(tmp_path: Path) -> None:
    """Five pupils of 60 answers, a minute apart; the windows overlap."""
    put_answers(f"{tmp_path}/in/a.parquet", *(answers(pupil, range(60 * pupil, 60 * pupil + 60)) for pupil in range(5)))
    times = {"validation": minute(17), "test": minute(40)}

    subsets = made(tmp_path / "in", tmp_path / "out", split_times=times, split_context=True, stride=2)

    new = [
        correct
        for sequences in subsets.values()
        for row in sequences
        for correct, is_new in zip(row["correct_sequence"], row["is_new_sequence"], strict=True)
        if is_new
    ]
    assert sorted(new) == list(range(300))


def test_duplicates_among_context_are_not_counted_twice(tmp_path: Path) -> None:
    twice = [answer for answer in answers(1, range(8)) for _ in range(2)]
    put_answers(f"{tmp_path}/in/a.parquet", twice)
    told = settings_for(
        f"{tmp_path}/in",
        f"{tmp_path}/out",
        **BY_TIME,
        engine="arrow",
        split_times=TIMES,
        split_context=True,
        duplicates="drop",
    )

    ledger = run(told)["validation"][0].ledger

    assert (ledger.sequenced, ledger.left_out) == (2, {"other_subset": 12, "duplicate": 2})


NOON = datetime.datetime(2024, 1, 2, 12, tzinfo=datetime.UTC)
COLUMNS = [
    (pa.timestamp("us", "Europe/Berlin"), [NOON - datetime.timedelta(microseconds=1), NOON], "2024-01-02T12:00:00Z"),
    (pa.timestamp("us"), [datetime.datetime(2024, 1, 2, 11, 59), NOON.replace(tzinfo=None)], "2024-01-02T13:00+01:00"),  # noqa: DTZ001
    (pa.date32(), [datetime.date(2024, 1, 2), datetime.date(2024, 1, 3)], "2024-01-02T12:00:00Z"),
    (pa.int16(), [7, 8], 7.5),
    (pa.int64(), [2**53, 2**53 + 1], 2**53 + 1),
    (pa.decimal128(5, 2), [Decimal("7.49"), Decimal("7.50")], 7.495),
    (pa.float32(), [7.25, 7.5], 7.5),
    (pa.float64(), [7.0, float("nan")], 1e300),
]


@pytest.mark.parametrize(("type_", "times", "at"), COLUMNS, ids=lambda value: str(value)[:20])
def test_an_instant_parts_times_of_every_type(type_: pa.DataType, times: list[Any], at: Any, tmp_path: Path) -> None:
    table = pa.table({"pupilid": [1, 1], "at": pa.array(times, type_), "correct": [0, 1]})
    put_parquet(tmp_path / "in" / "a.parquet", table)

    rows = made(
        tmp_path / "in", tmp_path / "out", order_by=("at",), subsets={"a": 0.5, "b": 0.5}, split_times={"b": at}
    )

    assert (seen(rows["a"]), seen(rows["b"])) == ([([0, -1, -1], [1, 0, 0])], [([1, -1, -1], [1, 0, 0])])


@pytest.mark.parametrize("type_", [pa.int32(), pa.decimal128(5, 2), pa.float32(), pa.float64()])
def test_an_instant_may_lie_beyond_what_a_type_holds(type_: pa.DataType) -> None:
    one = Decimal(1) if pa.types.is_decimal(type_) else 1
    times = pa.chunked_array([pa.array([one, None], type_)])

    assert Boundary(10**40, "at", type_).is_before(times).tolist() == [True, False]
    assert Boundary(-(10**40), "at", type_).is_before(times).tolist() == [False, False]


@pytest.mark.parametrize(
    ("type_", "times", "at"), [case for case in COLUMNS if not pa.types.is_floating(case[0])], ids=lambda v: str(v)[:20]
)
def test_the_audit_knows_each_subsets_time(type_: pa.DataType, times: list[Any], at: Any, tmp_path: Path) -> None:
    table = pa.table({"pupilid": [1, 1], "at": pa.array(times, type_)})
    put_parquet(tmp_path / "in" / "a.parquet", table)
    pad: Any = 0 if isinstance(at, int | float) else "1970-01-01"
    told = settings_for(
        f"{tmp_path}/in",
        f"{tmp_path}/out",
        **(BY_TIME | {"subsets": {"a": 0.5, "b": 0.5}}),
        engine="arrow",
        order_by=("at",),
        features=({"name": "at", "column": "at", "pad": pad},),
        split_times={"b": at},
        split_context=True,
    )

    run(told)

    outcome = audit_published(f"{tmp_path}/out", told)
    assert (outcome.findings, "times" in outcome.checked) == ((), True)


def test_instants_have_one_form() -> None:
    in_utc = "2024-01-01T00:00:00+00:00"
    midnight = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    for written in ("2024-01-01", "2024-01-01T01:00:00+01:00", midnight.replace(tzinfo=None), midnight.date()):
        assert instant(written) == in_utc
    assert instant(5) == 5


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"subset_method": "time"}, r"split_times: expected an instant for each of validation, test, found none"),
        ({"split_times": {"test": 5}}, r"split_times: expected none where subset_method is auto, found 1 "),
        ({"split_context": True}, r"split_context: expected false where subset_method is auto, found true "),
        (
            {"subset_method": "time", "split_times": {"test": 5, "validation": 6}},
            r"split_times: expected instants that ascend in the order of subsets, found others",
        ),
        (
            {"subset_method": "time", "split_times": {"validation": 6, "test": "2024-01-01"}},
            r"split_times: expected all instants or all numbers, found some of each",
        ),
        (
            {"subset_method": "time", "split_times": {"validation": "soon", "test": "2024-01-01"}},
            r"split_times\.validation: expected an instant such as 2024-01-01T00:00:00Z, or a number, found 'soon'",
        ),
    ],
)
def test_instants_that_do_not_fit_are_refused(told: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        settings_for("in", "out", **({"subsets": SUBSETS} | told))


def test_an_instant_of_another_kind_than_the_time_is_refused(eight_answers: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^split_times: expected instants .* 'answered_at' is of type timest"):
        made(eight_answers, tmp_path / "out", split_times={"validation": 1, "test": 2})


def test_context_of_whole_observations_is_refused(eight_answers: Path, tmp_path: Path) -> None:
    told = settings_for(str(eight_answers), f"{tmp_path}/out", **BY_TIME, split_times=TIMES, split_context=True)

    with pytest.raises(ConfigurationError, match=r"^split_context: expected false where output is observations"):
        run(told.model_copy(update={"output": "observations"}))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"layout": "indexed"}, r"^split_context: expected none where layout is indexed, found true"),
        (
            {"mode": "athena"},
            r"^subset_method: expected auto, .* where Athena computes, found time",
        ),
    ],
)
def test_what_knows_no_context_says_so_before_it_starts(told: dict[str, Any], message: str) -> None:
    split = BY_TIME | {"split_times": TIMES, "split_context": True, "engine": "arrow"}

    with pytest.raises(ConfigurationError, match=message):
        warehouse(settings_for("s3://bucket/in", "s3://bucket/out", **(split | told)))


def test_instants_are_read_from_the_command_line_and_from_yaml(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("split_times: {validation: 2024-01-01, test: 2024-06-01T00:00:00Z}\n")
    given = {"subset_method": "time", "split_times": "validation=2024-01-01,test=2024-06-01T00:00:00Z"}

    from_options = load_settings({**PLACES, **given}, {}, None, {})
    from_file = load_settings({**PLACES, "subset_method": "time"}, {}, tmp_path / "mine.yaml", {})

    told = {"validation": "2024-01-01T00:00:00+00:00", "test": "2024-06-01T00:00:00+00:00"}
    assert from_options.split_times == from_file.split_times == told
    assert SequenceSpec.model_validate(from_options.spec)
