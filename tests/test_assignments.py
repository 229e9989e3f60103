"""Stratified subsets: shares hold among pupils of like activity, and nobody who is assigned moves."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs2seq.bootstrap import check, run
from obs2seq.domain.assignments import digest, extended, stratum_of
from obs2seq.errors import ConfigurationError, StorageError
from tests.small_jobs import answers, put_answers, settings_for

FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}
STRATIFIED = {"subsets": FRACTIONS, "subset_method": "stratified"}
COUNTS = st.dictionaries(st.text(max_size=4), st.integers(1, 300), max_size=60)


def sizes(assignment: dict[str, str], counts: dict[str, int]) -> dict[int, Counter[str]]:
    found: dict[int, Counter[str]] = {}
    for pupil, count in counts.items():
        found.setdefault(stratum_of(count), Counter())[assignment[pupil]] += 1
    return found


def test_strata_double() -> None:
    assert [stratum_of(count) for count in (1, 2, 3, 4, 7, 8, 1000)] == [1, 2, 2, 3, 3, 4, 10]


@given(counts=COUNTS, salt=st.sampled_from(["", "2026"]))
def test_shares_hold_within_each_stratum_and_in_all(counts: dict[str, int], salt: str) -> None:
    assignment = extended({}, counts, FRACTIONS, salt)

    assert assignment.keys() == counts.keys()
    for group in (*sizes(assignment, counts).values(), Counter(assignment.values())):
        for name, share in FRACTIONS.items():
            assert abs(group[name] - share * group.total()) < 2


def test_strata_of_one_pupil_do_not_all_go_to_the_first_subset() -> None:
    counts = {f"pupil {n}": 2**n for n in range(10)}

    assert Counter(extended({}, counts, FRACTIONS, "").values()) == {"train": 6, "validation": 2, "test": 2}


def test_twenty_pupils_of_one_stratum_are_twelve_four_and_four() -> None:
    counts = {f"pupil {n}": 5 for n in range(20)}

    assert Counter(extended({}, counts, FRACTIONS, "").values()) == {"train": 12, "validation": 4, "test": 4}


@given(counts=COUNTS, others=COUNTS, grown=st.integers(1, 50))
def test_new_pupils_and_new_observations_move_nobody(
    counts: dict[str, int], others: dict[str, int], grown: int
) -> None:
    before = extended({}, counts, FRACTIONS, "")

    after = extended(before, others | {pupil: count * grown for pupil, count in counts.items()}, FRACTIONS, "")

    assert {pupil: after[pupil] for pupil in counts} == before
    assert after.keys() == counts.keys() | others.keys()


def test_thirty_in_a_hundred_new_pupils_move_none_of_the_old() -> None:
    old = {f"old {n}": 1 + n % 90 for n in range(1000)}
    new = {f"new {n}": 1 + n % 90 for n in range(300)}
    before = extended({}, old, FRACTIONS, "s")

    after = extended(before, old | new, FRACTIONS, "s")

    assert {pupil: after[pupil] for pupil in old} == before
    for stratum in sizes(after, old | new).values():
        assert abs(stratum["train"] - 0.6 * stratum.total()) < 2


def test_new_pupils_make_up_for_what_their_stratum_lacks() -> None:
    """All together are in balance, and neither stratum is: a new pupil costs the one what it gives the other."""
    halves = {"a": 0.5, "b": 0.5}
    before = {f"idle {n}": "a" for n in range(10)} | {f"active {n}": "b" for n in range(10)}
    counts = {pupil: 1 if pupil.startswith("idle") else 100 for pupil in before}

    after = extended(before, counts | {f"new {n}": 1 for n in range(6)}, halves, "")

    assert Counter(after[f"new {n}"] for n in range(6)) == {"b": 5, "a": 1}


def test_pupils_without_observations_stay_assigned_and_count_nowhere() -> None:
    gone = {f"gone {n}": "train" for n in range(100)}

    after = extended(gone, {f"new {n}": 4 for n in range(5)}, FRACTIONS, "")

    assert Counter(after[f"new {n}"] for n in range(5)) == {"train": 3, "validation": 1, "test": 1}
    assert all(after[pupil] == "train" for pupil in gone)


def test_assignment_does_not_hang_on_the_order_of_pupils() -> None:
    counts = {f"pupil {n}": 5 for n in range(50)}

    assert digest(extended({}, counts, FRACTIONS, "")) == digest(
        extended({}, dict(reversed(counts.items())), FRACTIONS, "")
    )
    assert extended({}, counts, FRACTIONS, "") != extended({}, counts, FRACTIONS, "other")


def school(place: Path, pupils: int) -> Path:
    """Answers of pupils, three or thirteen of each."""
    put_answers(f"{place}/in/a.parquet", *(answers(n, [1] * (3 if n % 2 else 13)) for n in range(pupils)))
    return place / "in"


def made(place: Path, **changes: Any) -> dict[str, set[int]]:
    """Run; return each subset's pupils."""
    told = settings_for(f"{place}/in", f"{place}/out", **({"engine": "arrow"} | STRATIFIED | changes))
    locations = {name: (manifest, location) for name, (manifest, location) in run(told).items()}
    return {
        name: set(pq.read_table(str(location / f"run_id={manifest.run_id}"))["pupilid"].to_pylist())
        for name, (manifest, location) in locations.items()
    }


def test_a_run_keeps_its_assignment_and_the_next_extends_it(tmp_path: Path) -> None:
    school(tmp_path, 40)
    first = made(tmp_path)

    school(tmp_path, 52)
    second = made(tmp_path)

    assert {name: len(pupils) for name, pupils in first.items()} == {"train": 24, "validation": 8, "test": 8}
    assert {name: {n for n in pupils if n < 40} for name, pupils in second.items()} == first
    assert sum(map(len, second.values())) == 52
    current = json.loads((tmp_path / "out" / "_assignment" / "_ASSIGNMENT.json").read_text())
    table = pq.read_table(tmp_path / "out" / "_assignment" / f"{current['assignment']}.parquet")
    assert current["pupils"] == 52
    assert table["pupil"].to_pylist() == sorted(str(n) for n in range(52))
    assert dict(zip(table["pupil"].to_pylist(), table["subset"].to_pylist(), strict=True)) == {
        str(n): name for name, pupils in second.items() for n in pupils
    }


def test_active_and_idle_pupils_are_divided_alike(tmp_path: Path) -> None:
    school(tmp_path, 40)

    found = made(tmp_path)

    assert {name: sum(n % 2 for n in pupils) for name, pupils in found.items()} == {
        "train": 12,
        "validation": 4,
        "test": 4,
    }


def test_the_same_run_again_is_finished_already_and_counts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    school(tmp_path, 40)
    first = made(tmp_path)
    monkeypatch.setattr("obs2seq.warehouses.arrow.engine.ArrowEngine.count_pupils", None)

    assert made(tmp_path) == first


def test_outputs_can_share_an_assignment(tmp_path: Path) -> None:
    kept = str(tmp_path / "kept")
    school(tmp_path / "a", 40)
    school(tmp_path / "b", 60)

    first, second = (made(tmp_path / name, split_assignment=kept) for name in "ab")

    assert {name: {n for n in pupils if n < 40} for name, pupils in second.items()} == first
    assert not (tmp_path / "a" / "out" / "_assignment").exists()


def test_the_ledger_says_who_belongs_elsewhere(tmp_path: Path) -> None:
    school(tmp_path, 40)
    told = settings_for(f"{tmp_path}/in", f"{tmp_path}/out", engine="arrow", row_filter="pupilid > 0", **STRATIFIED)

    ledgers = {name: manifest.ledger for name, (manifest, _) in run(told).items()}

    assert sum(ledger.sequenced for ledger in ledgers.values()) == 320 - 13
    assert all(ledger.left_out["filter"] == 13 for ledger in ledgers.values())


def test_an_assignment_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    school(tmp_path, 40)
    made(tmp_path)
    (file,) = (tmp_path / "out" / "_assignment").glob("*.parquet")
    table = pq.read_table(file)
    pq.write_table(table.slice(1), file)

    with pytest.raises(StorageError, match="expected the assignment that the file is named after, found another"):
        made(tmp_path, sequence_length=4)
    file.write_bytes(b"none")
    with pytest.raises(StorageError, match="expected an assignment that can be read, found otherwise"):
        made(tmp_path, sequence_length=4)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    school(tmp_path, 40)
    told = settings_for(f"{tmp_path}/in", f"{tmp_path}/out", engine="arrow", **STRATIFIED)

    with pytest.raises(ConfigurationError, match=r"^subset_method: expected auto, .* is published, found strat"):
        check(told)
    with pytest.raises(ConfigurationError, match=r"^split_assignment: expected none where subset_method is auto"):
        settings_for("in", "out", split_assignment="kept")
    with pytest.raises(ConfigurationError, match=r"^s3_kms_key: expected none where subset_method is stratified"):
        run(settings_for("s3://bucket/in", "s3://bucket/out", s3_kms_key="alias/pupils", **STRATIFIED))
