"""Quality rules in whole runs, on both engines: what goes aside, what is counted, and what readers find."""

import datetime
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from obs2seq.bootstrap import check, compare, run
from obs2seq.console import print_published
from obs2seq.domain.manifest import Manifest
from obs2seq.errors import ConfigurationError, DataError, StorageError
from obs2seq.publishing import PublishedDataset
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage
from tests.flow_inputs import drawn
from tests.small_jobs import FIRST, files_at, get, published_rows, put

pytestmark = pytest.mark.usefixtures("spark")
ENGINES = ["arrow", "spark"]

SCHEMA = pa.schema(
    {
        "pupilid": pa.int64(),
        "observation_id": pa.int64(),
        "answered_at": pa.timestamp("us", "UTC"),
        "correct": pa.int32(),
        "n": pa.int32(),
        "word": pa.string(),
        "ratio": pa.float32(),
        "day": pa.date32(),
        "clock": pa.timestamp("us", "UTC"),
        "unread": pa.list_(pa.string()),
    }
)


def row(number: int, pupil: int = 1, **changes: Any) -> dict[str, Any]:
    """An observation that breaks no rule of `EVERY_KIND`, but for the changes."""
    at = FIRST + datetime.timedelta(minutes=number)
    good = {"pupilid": pupil, "observation_id": number, "answered_at": at, "correct": 1, "n": 5, "word": "7",
            "ratio": 0.5, "day": datetime.date(2026, 1, 5), "clock": at, "unread": ["x"]}  # fmt: skip
    return good | changes


def put_rows(location: Path, rows: list[dict[str, Any]], files: int = 1) -> None:
    for number in range(files):
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows[number::files], SCHEMA), buffer)
        put(f"{location}/part-{number}.parquet", buffer.getvalue())


def settings(place: Path, engine: str, rules: list[dict[str, Any]], **changes: Any) -> Settings:
    values = {
        "s3_data_location": f"{place}/in",
        "output_s3_location": f"{place}/{engine}",
        "mode": "local",
        "engine": engine,
        "subsets": {"train": 1.0},
        "sequence_length": 3,
        "features": [{"name": "id", "column": "observation_id", "pad": -1}],
        "rules": [{"severity": "quarantine"} | rule for rule in rules],
    }
    return Settings(**(values | changes))


def made(settings: Settings) -> tuple[Manifest, dict[int, list[str]], list[int]]:
    """Return a run's manifest, the rules that each quarantined observation breaks, and those in sequences."""
    run(settings)
    location = f"{settings.output_s3_location}/train_sequenced_3"
    manifest, rows = published_rows(location)
    ids = sorted(i for each in rows for i in each["id_sequence"] if i >= 0)
    return manifest, {each["observation_id"]: each["broken_rules"] for each in aside(location, manifest)}, ids


def aside(location: str, manifest: Manifest) -> list[dict[str, Any]]:
    assert manifest.quarantine is not None
    files = [get(f"{location}/run_id={manifest.run_id}/{file.path}") for file in manifest.quarantine.files]
    rows = [each for file in files for each in pq.read_table(io.BytesIO(file)).to_pylist()]
    assert len(rows) == manifest.quarantine.rows
    return rows


LATE = FIRST + datetime.timedelta(days=1)
EVERY_KIND: list[dict[str, Any]] = [
    {"name": "there", "kind": "required", "column": "n"},
    {"name": "known_n", "kind": "not_null", "column": "n"},
    {"name": "number", "kind": "type", "column": "word", "type": "int"},
    {"name": "same_type", "kind": "type", "column": "n", "type": "int"},
    {"name": "small", "kind": "range", "column": "n", "least": -1, "most": 10.5},
    {"name": "share", "kind": "range", "column": "ratio", "most": 0.9},
    {"name": "from_day", "kind": "range", "column": "day", "least": datetime.date(2026, 1, 5)},
    {"name": "right", "kind": "allowed", "column": "correct", "values": [0, 1]},
    {"name": "told", "kind": "known", "column": "word", "values": ["7", " 8 ", "it's", "\\", "99999999999"]},
    {"name": "listed", "kind": "known", "column": "n", "file": "KNOWN"},
    {"name": "in_time", "kind": "not_after", "column": "answered_at", "instant": LATE.isoformat()},
    {"name": "ahead", "kind": "not_after", "column": "answered_at", "clock": "clock"},
    {"name": "free", "kind": "predicate", "predicate": "length(word) < 6 OR n = 0"},
]
JUDGED: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"n": None}, ["known_n"]),
    ({"n": -1}, []),
    ({"n": -2}, ["small", "listed"]),
    ({"n": 10}, []),
    ({"n": 11}, ["small"]),
    ({"n": 6}, ["listed"]),
    ({"word": " 8 "}, []),
    ({"word": "it's"}, ["number"]),
    ({"word": "\\"}, ["number"]),
    ({"word": "99999999999", "n": 0}, ["number"]),
    ({"word": "9"}, ["told"]),
    ({"word": None}, ["free"]),
    ({"word": "123456"}, ["told", "free"]),
    ({"ratio": 0.8999999}, []),
    ({"ratio": 0.9}, []),  # 0.89999998 as a float
    ({"ratio": 0.90000004}, ["share"]),
    ({"ratio": float("nan")}, ["share"]),
    ({"ratio": None, "day": None, "correct": None, "clock": None}, []),
    ({"day": datetime.date(2026, 1, 4)}, ["from_day"]),
    ({"correct": 2}, ["right"]),
    ({"answered_at": LATE, "clock": LATE}, []),
    ({"answered_at": LATE + datetime.timedelta(microseconds=1), "clock": None}, ["in_time"]),
    ({"clock": FIRST}, ["ahead"]),
    ({"correct": 7, "n": 12, "clock": FIRST}, ["small", "right", "listed", "ahead"]),
]


@pytest.mark.parametrize("engine", ENGINES)
def test_each_kind_takes_rows_that_break_it_and_leaves_those_that_just_do_not(tmp_path: Path, engine: str) -> None:
    rows = [row(number, **changes) for number, (changes, _) in enumerate(JUDGED)]
    put_rows(tmp_path / "in", rows, files=2)
    (tmp_path / "known.csv").write_text("n\n-1\n0\n5\n10\n11\n")
    rules = [rule | ({"file": f"{tmp_path}/known.csv"} if "file" in rule else {}) for rule in EVERY_KIND]

    manifest, broken, ids = made(settings(tmp_path, engine, rules))

    assert broken == {number: names for number, (_, names) in enumerate(JUDGED) if names}
    assert ids == [number for number, (_, names) in enumerate(JUDGED) if not names]
    assert manifest.ledger.left_out == {
        "ahead": 1, "free": 1, "from_day": 1, "in_time": 1, "known_n": 1, "listed": 1, "number": 3, "right": 1,
        "share": 2, "small": 3, "told": 2,
    }  # fmt: skip
    assert (manifest.ledger.rows_in, manifest.ledger.sequenced) == (25, 8)


@pytest.mark.parametrize("engine", ENGINES)
def test_rules_over_pupils_take_all_of_a_robot_and_all_but_the_first_of_those_alike(
    tmp_path: Path, engine: str
) -> None:
    rows = [
        *[row(number, pupil=1) for number in range(4)],  # as many as there may be
        *[row(number, pupil=2) for number in range(10, 15)],  # one more
        row(20, pupil=3, word="a"),
        row(21, pupil=3, word="b"),
        row(22, pupil=3, word="a"),
        row(23, pupil=3, word=None),
        row(24, pupil=3, word=None),
        row(30, pupil=4, word="a", correct=2),
        row(31, pupil=4, word="a"),
    ]
    put_rows(tmp_path / "in", rows[::-1], files=2)
    rules = [
        {"name": "robot", "kind": "max_per_pupil", "most": 4},
        {"name": "once", "kind": "unique", "columns": ["word", "PupilID"]},
        {"name": "right", "kind": "allowed", "column": "correct", "values": [0, 1]},
        {"name": "many", "kind": "max_per_pupil", "most": 1, "severity": "warn"},
    ]

    manifest, broken, ids = made(settings(tmp_path, engine, rules))

    same, robot = ["once", "many"], ["robot", "once", "many"]
    assert broken == {
        1: same, 2: same, 3: same,
        10: ["robot", "many"], 11: robot, 12: robot, 13: robot, 14: robot,
        20: ["robot", "many"], 21: ["robot", "many"], 22: robot, 23: ["robot", "many"], 24: ["robot", "many"],
        30: ["right"],
    }  # fmt: skip
    assert ids == [0, 31]
    assert manifest.ledger.left_out == {"once": 3, "right": 1, "robot": 10}
    assert manifest.ledger.noted == {"duplicate": 0, "many": 1}


@pytest.mark.parametrize("engine", ENGINES)
def test_quarantined_rows_are_whole_and_of_the_subset_alone(tmp_path: Path, engine: str) -> None:
    rows = [row(0), row(1, n=99), row(2, n=99, word=None), row(3, n=99, pupilid=None)]
    put_rows(tmp_path / "in", rows)
    rules = [{"name": "small", "kind": "range", "column": "n", "most": 9}]
    told = settings(
        tmp_path, engine, rules, columns={"twice": "n * 2"}, row_filter="word IS NOT NULL", null_pupil="leave_out"
    )

    manifest, _, ids = made(told)

    (found,) = aside(f"{told.output_s3_location}/train_sequenced_3", manifest)
    found["answered_at"] = found["answered_at"].replace(tzinfo=datetime.UTC)
    found["clock"] = found["clock"].replace(tzinfo=datetime.UTC)
    assert found == rows[1] | {"twice": 198, "broken_rules": ["small"]}
    assert ids == [0]
    assert manifest.ledger.left_out == {"filter": 1, "null_pupil": 1, "small": 1}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("output", ["sequences", "observations"])
def test_a_rule_that_warns_keeps_and_counts_and_nothing_is_quarantined(
    tmp_path: Path, engine: str, output: str
) -> None:
    put_rows(tmp_path / "in", [row(0, n=99), row(1), row(2, n=99)])
    rules = [
        {"name": "small", "kind": "range", "column": "n", "most": 9, "severity": "warn"},
        {"name": "once", "kind": "unique", "columns": ["pupilid", "n"], "severity": "warn"},
        {"name": "none", "kind": "max_per_pupil", "most": 9, "severity": "warn"},
    ]
    told = settings(tmp_path, engine, rules, output=output)

    ((manifest, _),) = run(told).values()

    assert (manifest.ledger.sequenced, manifest.ledger.left_out) == (3, {})
    assert manifest.ledger.noted == {"duplicate": 0, "once": 1, "small": 2}
    assert manifest.quarantine is None
    assert check(told)["train"].noted == {"once": 1, "small": 2}


@pytest.mark.parametrize("engine", ENGINES)
def test_rules_that_fail_stop_the_run_before_anything_is_published(tmp_path: Path, engine: str) -> None:
    put_rows(tmp_path / "in", [row(0, n=99), row(1), row(2, n=99, correct=2)])
    rules = [
        {"name": "small", "kind": "range", "column": "n", "most": 9, "severity": "fail"},
        {"name": "right", "kind": "allowed", "column": "correct", "values": [0, 1]},
        {"name": "few", "kind": "max_per_pupil", "most": 1, "severity": "fail"},
        {"name": "kept", "kind": "not_null", "column": "n", "severity": "fail"},
    ]

    with pytest.raises(DataError, match="2 of 3 rows: the rule 'small' is broken") as stopped:
        run(settings(tmp_path, engine, rules))

    assert "right" not in str(stopped.value)
    assert "kept" not in str(stopped.value)
    assert files_at(str(tmp_path / engine)) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_too_large_a_share_aside_stops_the_run(tmp_path: Path, engine: str) -> None:
    put_rows(tmp_path / "in", [row(0, n=99), row(1), row(2, n=99, word=None), row(3)])
    rules = [{"name": "small", "kind": "range", "column": "n", "most": 9}]
    told = {"row_filter": "word IS NOT NULL"}

    with pytest.raises(DataError, match=r"share of at most 0\.3 .* found 1 of 3 \(1 by 'small'\)"):
        run(settings(tmp_path, engine, rules, max_quarantined_share=0.3, **told))

    assert made(settings(tmp_path, engine, rules, max_quarantined_share=0.34, **told))[1] == {0: ["small"]}


@pytest.mark.parametrize("engine", ENGINES)
def test_check_counts_every_rule_and_writes_nothing(tmp_path: Path, engine: str) -> None:
    put_rows(tmp_path / "in", [row(0, n=99), row(1), row(2, pupil=2), row(3, pupil=2)])
    rules = [
        {"name": "small", "kind": "range", "column": "n", "most": 9},
        {"name": "few", "kind": "max_per_pupil", "most": 1},
    ]

    ledger = check(settings(tmp_path, engine, rules))["train"]

    assert (ledger.rows_in, ledger.sequenced, ledger.left_out) == (4, 1, {"few": 2, "small": 1})
    assert not (tmp_path / engine).exists()


def test_quarantined_files_are_hidden_checked_and_removed_with_their_run(tmp_path: Path) -> None:
    put_rows(tmp_path / "in", [row(0, n=99), row(1)])
    rules = [{"name": "small", "kind": "range", "column": "n", "most": 9}]
    told = settings(tmp_path, "arrow", rules, keep_runs=1)
    manifest, _, _ = made(told)
    location = f"{told.output_s3_location}/train_sequenced_3"

    (file,) = (tmp_path / "arrow").rglob("_quarantine/*.parquet")
    assert pq.read_table(location).num_rows == manifest.rows == 1

    kept = file.read_bytes()
    file.write_bytes(kept[:-1])
    with pytest.raises(StorageError, match=r"1 of another size \(such as _quarantine/part-00000\.parquet\)"):
        PublishedDataset(RoutedStorage(), location).require_files(manifest)

    file.write_bytes(kept)
    run(settings(tmp_path, "arrow", [], keep_runs=1))
    assert not file.exists()


def test_what_is_shown_tells_quarantined_rows_from_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_rows(tmp_path / "in", [row(0, n=99), row(1)])
    rules = [{"name": "small", "kind": "range", "column": "n", "most": 9}]
    manifest, _, _ = made(settings(tmp_path, "arrow", rules))

    print_published(manifest, "there", [])

    assert "  1 quarantined: the rule 'small' is broken\n" in capsys.readouterr().out


def test_rows_that_change_while_they_are_quarantined_are_noticed(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from obs2seq.warehouses import quarantine

    put_rows(tmp_path / "in", [row(0, n=99), row(1)])
    rules = [{"name": "small", "kind": "range", "column": "n", "most": 9}]
    write = quarantine.quarantined
    monkeypatch.setattr(quarantine, "quarantined", lambda *args, **kwargs: write(*args, **kwargs).limit(0))

    with pytest.raises(DataError, match="expected 1 quarantined rows, as many as were counted, found 0"):
        run(settings(tmp_path, "spark", rules))

    assert spark is not None
    assert files_at(str(tmp_path / "spark")) == []


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"kind": "predicate", "predicate": "n >"}, "rules.r: expected a column or a Spark SQL expression"),
        ({"kind": "predicate", "predicate": "n > 1) OR (TRUE"}, "rules.r: expected a column or a Spark SQL expression"),
        ({"kind": "predicate", "predicate": "rand() < 0.5"}, "rules.r: expected an expression over one row, found one"),
        ({"kind": "predicate", "predicate": "m > 1"}, "rules.r: expected a column or a Spark SQL expression"),
        ({"kind": "predicate", "predicate": "n + 1"}, "rules.r: expected a condition"),
        ({"kind": "not_null", "column": "m"}, "rules.r: expected column 'm', found"),
        ({"kind": "unique", "columns": ["pupilid", "m"]}, "rules.r: expected column 'm', found"),
    ],
)
def test_spark_refuses_a_rule_before_any_job(tmp_path: Path, rule: dict[str, Any], message: str) -> None:
    put_rows(tmp_path / "in", [row(0)])

    with pytest.raises((ConfigurationError, DataError)) as refused:
        run(settings(tmp_path, "spark", [{"name": "r"} | rule]))

    assert message in str(refused.value)


NUMBERS = st.one_of(st.integers(-3, 3), st.sampled_from([-2.5, 0.0, 0.1, 1e300]))
TEXTS = st.lists(
    st.sampled_from(["", "a", "B", "é", "'", "\\'", "\U0001f600", "1", " 2 ", "2026-01-05", "true"]), min_size=1
)
SEVERITIES = st.sampled_from(["quarantine", "warn"])


@st.composite
def drawn_rules(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rules of every kind that random rows keep and break."""
    bounds = sorted([draw(NUMBERS), draw(NUMBERS)])
    columns = [*draw(st.lists(st.sampled_from(["n", "word", "ratio", "day"]), unique=True)), "pupilid"]
    rules: list[dict[str, Any]] = [
        {"kind": "not_null", "column": draw(st.sampled_from(["n", "word", "ratio"]))},
        {"kind": "type", "column": "word", "type": draw(st.sampled_from(["int", "double", "date", "boolean"]))},
        {"kind": "range", "column": draw(st.sampled_from(["n", "ratio"])), "least": bounds[0], "most": bounds[1]},
        {"kind": "allowed", "column": "word", "values": draw(TEXTS)},
        {
            "kind": "known",
            "column": draw(st.sampled_from(["n", "ratio"])),
            "values": draw(st.lists(NUMBERS, min_size=1)),
        },
        {
            "kind": "predicate",
            "predicate": draw(st.sampled_from(["n > 0 AND CAST(ratio AS DOUBLE) < 1", "word <> 'a'", "day IS NULL"])),
        },
        {"kind": "unique", "columns": columns},
        {"kind": "max_per_pupil", "most": draw(st.integers(1, 20))},
    ]
    chosen = draw(st.permutations(rules))[: draw(st.integers(2, len(rules)))]
    return [{"name": f"r{i}", "severity": draw(SEVERITIES)} | rule for i, rule in enumerate(chosen)]


@drawn(max_examples=8)
@given(rules=drawn_rules(), seed=st.integers(0, 2**32 - 1))
def test_the_engines_put_the_same_rows_aside(
    tmp_path_factory: pytest.TempPathFactory, rules: list[dict[str, Any]], seed: int
) -> None:
    import random

    draw, place = random.Random(seed), tmp_path_factory.mktemp("drawn")
    rows = [
        row(
            number,
            pupil=draw.randrange(4),
            answered_at=FIRST + datetime.timedelta(seconds=draw.randrange(9)),
            n=draw.choice([None, -2, 0, 1, 3]),
            word=draw.choice([None, "", "a", "B", "'", "1", " 2 ", "2026-01-05", "true"]),
            ratio=draw.choice([None, 0.1, -0.0, 0.0, float("nan"), -2.5]),
            day=draw.choice([None, datetime.date(2026, 1, 5)]),
        )
        for number in range(60)
    ]
    put_rows(place / "in", [row(999, pupil=9, n=1, ratio=0.0, word="1"), *rows], files=2)
    found = {engine: _outcome(settings(place, engine, rules)) for engine in ENGINES}

    assert found["arrow"] == found["spark"]
    if isinstance(found["arrow"], tuple):
        assert compare(*(f"{place}/{engine}/train_sequenced_3" for engine in ENGINES)) == []


def _outcome(settings: Settings) -> Any:
    try:
        run(settings)
    except DataError as error:
        return str(error).partition("found")[0]
    location = f"{settings.output_s3_location}/train_sequenced_3"
    manifest, _ = published_rows(location)
    rows = aside(location, manifest) if manifest.quarantine else []
    return manifest.ledger, sorted((each["observation_id"], *each["broken_rules"]) for each in rows)
