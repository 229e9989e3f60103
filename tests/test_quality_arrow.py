"""How the embedded engine tries rules: once for each text, and whole rows only of files that hold some for aside."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from obs2seq.bootstrap import run
from obs2seq.domain.manifest import Manifest
from obs2seq.errors import ConfigurationError, DataError
from obs2seq.settings import Settings
from obs2seq.warehouses.arrow import parquet_files
from tests.small_jobs import published_rows

SMALL = {"name": "small", "kind": "range", "column": "n", "most": 9, "severity": "quarantine"}


def put_rows(folder: Path, rows: list[dict[str, Any]], *, name: str = "part-0", row_group_size: int = 100_000) -> None:
    """Write rows with a column that no job here reads, on either side of one that all read."""
    folder.mkdir(parents=True, exist_ok=True)
    schema = pa.schema(
        {
            "unread": pa.list_(pa.string()),
            "pupilid": pa.int64(),
            "answered_at": pa.int64(),
            "n": pa.int32(),
            "word": pa.string(),
            "device": pa.string(),
        }
    )
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / f"{name}.parquet", row_group_size=row_group_size)


def row(number: int, n: int = 1, word: str | None = "a") -> dict[str, Any]:
    return {"unread": [f"u{number}"], "pupilid": 1, "answered_at": number, "n": n, "word": word, "device": f"d{number}"}


def settings(place: Path, *rules: dict[str, Any], **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "s3_data_location": str(place / "in"),
        "output_s3_location": str(place / "out"),
        "mode": "local",
        "engine": "arrow",
        "subsets": {"train": 1.0},
        "sequence_length": 3,
        "order_by": ("answered_at",),
        "features": [{"name": "at", "column": "answered_at", "pad": -1}],
        "rules": list(rules),
    }
    return Settings(**(values | changes))


def made(told: Settings) -> tuple[Manifest, list[dict[str, Any]], list[int]]:
    """Return a run's manifest, the rows that went aside, and the times in sequences."""
    ((manifest, location),) = run(told).values()
    _, rows = published_rows(str(location))
    assert manifest.quarantine is not None
    folder = Path(str(location)) / f"run_id={manifest.run_id}"
    aside = [each for file in manifest.quarantine.files for each in pq.read_table(folder / file.path).to_pylist()]
    return (
        manifest,
        sorted(aside, key=lambda each: int(each["answered_at"])),
        sorted(at for each in rows for at in each["at_sequence"] if at >= 0),
    )


@pytest.fixture
def read_later(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """The files of which columns are read that had waited, with those columns."""
    found: list[tuple[str, list[str]]] = []
    read = parquet_files._table

    def told(file: Any, groups: list[int], schema: pa.Schema) -> pa.Table:
        found.append((file.path, schema.names))
        return read(file, groups, schema)

    monkeypatch.setattr(parquet_files, "_table", told)
    return found


def test_columns_that_only_whole_rows_need_are_read_of_files_with_rows_for_aside_alone(
    tmp_path: Path, read_later: list[tuple[str, list[str]]]
) -> None:
    put_rows(tmp_path / "in", [row(0), row(1)], name="part-0")
    put_rows(tmp_path / "in", [row(2), row(3, n=99), row(4)], name="part-1")

    _, aside, kept = made(settings(tmp_path, SMALL))

    assert read_later == [("part-1.parquet", ["unread", "word", "device"])]
    assert aside == [row(3, n=99) | {"broken_rules": ["small"]}]
    assert list(aside[0]) == [*row(0), "broken_rules"]
    assert kept == [0, 1, 2, 4]


def test_nothing_is_read_later_where_all_rows_keep_the_rules(
    tmp_path: Path, read_later: list[tuple[str, list[str]]]
) -> None:
    put_rows(tmp_path / "in", [row(0), row(1)])

    manifest, aside, kept = made(settings(tmp_path, SMALL))

    assert (read_later, aside, kept) == ([], [], [0, 1])
    assert manifest.quarantine is not None
    assert manifest.quarantine.files == ()


def test_rows_of_a_row_group_too_large_to_be_read_at_once_are_whole_too(
    tmp_path: Path, read_later: list[tuple[str, list[str]]]
) -> None:
    rows = [row(number, n=99 if number % 10_000 == 0 else 1) for number in range(50_000)]
    put_rows(tmp_path / "in", rows)

    _, aside, kept = made(settings(tmp_path, SMALL, memory_budget="12m"))

    assert aside == [rows[number] | {"broken_rules": ["small"]} for number in range(0, 50_000, 10_000)]
    assert (len(kept), read_later) == (49_995, [])


def test_columns_that_take_the_place_of_others_stand_aside_in_their_place(tmp_path: Path) -> None:
    put_rows(tmp_path / "in", [row(0), row(1, n=99)])

    _, aside, _ = made(settings(tmp_path, SMALL, columns={"Device": "n * 2", "twice": "n * 2"}))

    assert aside == [
        {"unread": ["u1"], "pupilid": 1, "answered_at": 1, "n": 99, "word": "a", "Device": 198, "twice": 198}
        | {"broken_rules": ["small"]}
    ]


def test_whole_rows_come_out_of_folders_that_name_columns(tmp_path: Path) -> None:
    put_rows(tmp_path / "in" / "year=2026", [row(0), row(1, n=99)])

    _, aside, _ = made(settings(tmp_path, SMALL))

    assert aside == [row(1, n=99) | {"year": 2026, "broken_rules": ["small"]}]


def test_a_rule_names_all_columns_that_there_are_where_it_misses_one(tmp_path: Path) -> None:
    put_rows(tmp_path / "in", [row(0)])
    found = "['answered_at', 'device', 'n', 'pupilid', 'unread', 'word']"

    with pytest.raises(ConfigurationError) as refused:
        run(settings(tmp_path, SMALL, {"name": "r", "kind": "not_null", "column": "m", "severity": "warn"}))

    assert f"rules.r: expected column 'm', found {found}" in str(refused.value)


WORDS: list[str | None] = ["7", "8", None, "it's", "07"]


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ({"kind": "allowed", "column": "word", "values": ["7", "8", "it's"]}, ["07"]),
        ({"kind": "not_null", "column": "word"}, [None]),
        ({"kind": "type", "column": "word", "type": "int"}, ["it's"]),
        ({"kind": "predicate", "predicate": "length(word) = 1"}, [None, "it's", "07"]),
        ({"kind": "predicate", "predicate": "coalesce(word, '7') < '8'"}, ["8", "it's"]),
    ],
)
def test_rows_that_share_texts_are_judged_as_each_would_be_alone(
    tmp_path: Path, rule: dict[str, Any], broken: list[str | None]
) -> None:
    rows = [row(number, word=WORDS[number % 5]) for number in range(200)]
    put_rows(tmp_path / "in", rows, row_group_size=70)

    _, aside, kept = made(settings(tmp_path, {"name": "r", "severity": "quarantine"} | rule))

    assert [each["answered_at"] for each in aside] == [i for i in range(200) if WORDS[i % 5] in broken]
    assert kept == [i for i in range(200) if WORDS[i % 5] not in broken]


def test_a_text_without_a_value_counts_only_where_a_row_that_is_judged_has_it(tmp_path: Path) -> None:
    put_rows(tmp_path / "in", [row(number, word="x" if number % 5 == 0 else "7") for number in range(50)])
    rule = {"name": "r", "kind": "predicate", "predicate": "CAST(word AS INT) = 7", "severity": "quarantine"}

    _, aside, kept = made(settings(tmp_path, rule, row_filter="word <> 'x'"))

    assert (aside, kept) == ([], [number for number in range(50) if number % 5])
    with pytest.raises(DataError, match=r"rules\.r: expected every row to have a value"):
        run(settings(tmp_path, rule))
