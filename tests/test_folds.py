"""Folds: a column beside what is made of a pupil's observations, by the pupil alone."""

import hashlib
import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import obs2seq
from obs2seq.bootstrap import run, warehouse
from obs2seq.domain.splits import Folds, hash_range
from obs2seq.errors import ConfigurationError
from obs2seq.settings import Settings
from obs2seq.warehouses.arrow.folds import folds_of
from tests.commands import put_parquet
from tests.small_jobs import answers, published_rows, put_answers, settings_for

PUPILS = [f"pupil-{n}".encode() for n in range(20_000)]


def test_fold_is_what_the_leading_digits_leave_when_divided() -> None:
    digits = hashlib.md5("2026:fold:größe".encode()).hexdigest()[:8]

    assert Folds(7, "2026").of("größe".encode()) == int(digits, 16) % 7


def test_known_pupils_stay_in_the_fold_where_every_engine_has_put_them() -> None:
    """Their digests by coreutils' md5sum: `printf ':fold:1' | md5sum`."""
    firsts = {"1": "5ef20e14", "2": "60880e65"}

    for pupil, digits in firsts.items():
        assert Folds(1000, "").of(pupil.encode()) == int(digits, 16) % 1000


@pytest.mark.parametrize("count", [2, 5, 1000])
def test_folds_are_of_about_one_size(count: int) -> None:
    sizes = Counter(Folds(count, "").of(pupil) for pupil in PUPILS)

    assert set(sizes) == set(range(count))
    deviation = math.sqrt(len(PUPILS) / count)
    assert all(abs(size - len(PUPILS) / count) < 5 * deviation for size in sizes.values())


def test_folds_are_independent_of_subsets() -> None:
    """Of the pupils of one half, a fifth is in each of five folds, within four standard deviations."""
    half = [pupil for pupil in PUPILS if hash_range({"a": 0.5, "b": 0.5}, "a").holds_bytes(pupil)]

    sizes = Counter(Folds(5, "").of(pupil) for pupil in half)

    assert all(abs(size - len(half) / 5) < 4 * math.sqrt(len(half) * 0.16) for size in sizes.values())


@given(pupils=st.lists(st.integers(0, 50), min_size=1), count=st.integers(2, 9))
def test_each_row_gets_its_pupils_fold(pupils: list[int], count: int) -> None:
    folds = Folds(count, "s")
    expected = [folds.of(str(pupil).encode()) for pupil in pupils]

    for column in (pa.array(pupils), pa.array(map(str, pupils)), pa.array(map(str, pupils)).dictionary_encode()):
        assert folds_of(column, folds).to_pylist() == expected


@given(st.lists(st.text(max_size=5), min_size=10, max_size=100, unique=True), st.randoms(), st.integers(2, 1000))
def test_thirty_in_a_hundred_new_pupils_move_none_of_the_old(pupils: list[str], draw: random.Random, k: int) -> None:
    cut, folds = len(pupils) * 10 // 13, Folds(k, "s")
    old = pa.array(pupils[:cut])
    mixed = draw.sample(pupils, len(pupils))

    before = dict(zip(pupils[:cut], folds_of(old, folds).to_pylist(), strict=True))
    after = dict(zip(mixed, folds_of(pa.array(mixed), folds).to_pylist(), strict=True))

    assert {pupil: after[pupil] for pupil in before} == before


def test_both_zeros_are_one_pupil() -> None:
    folds = folds_of(pa.array([0.0, -0.0]), Folds(1000, ""))

    assert folds.to_pylist() == [Folds(1000, "").of(b"0.0")] * 2


def made(tmp_path: Path, **changes: Any) -> tuple[Any, list[dict[str, Any]], Path]:
    """Run on Arrow over twelve pupils; return the manifest, what readers find, and where."""
    put_answers(f"{tmp_path}/in/a.parquet", *(answers(pupil, range(5)) for pupil in range(12)))
    told = settings_for(f"{tmp_path}/in", f"{tmp_path}/out", **({"engine": "arrow", "folds": 3} | changes))
    ((_, location),) = run(told).values()
    return *published_rows(str(location)), Path(str(location))


def test_fold_stands_after_the_contracts_columns_and_is_selected_by_the_loader(tmp_path: Path) -> None:
    manifest, rows, location = made(tmp_path)

    assert list(manifest.columns)[-2:] == ["correct_sequence", "fold"]
    assert manifest.columns["fold"] == "int"
    assert {row["pupilid"]: row["fold"] for row in rows} == {n: Folds(3, "").of(str(n).encode()) for n in range(12)}
    data = obs2seq.load(location)
    arrays = data.arrays(["fold", "correct"])
    assert arrays["fold"].dtype == np.int32
    assert arrays["fold"].tolist() == [row["fold"] for row in rows]
    assert data.table().column_names[-1] == "fold"
    assert sum(len(batch["fold"]) for batch in data.batches(5, ["fold"], shuffle=True)) == len(rows)


def test_without_folds_there_is_no_such_column(tmp_path: Path) -> None:
    manifest, _, location = made(tmp_path, folds=None)

    assert list(manifest.columns)[-1] == "correct_sequence"
    with pytest.raises(ConfigurationError, match="expected columns of the sequences, found 'fold'"):
        obs2seq.load(location).arrays(["fold"])


def test_observations_in_order_get_their_fold_too(tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/a.parquet", answers(1, range(5)), answers(2, range(5)))
    told = settings_for(f"{tmp_path}/in", f"{tmp_path}/out", engine="arrow", folds=4)
    run(told.model_copy(update={"output": "observations"}))

    _, rows = published_rows(f"{tmp_path}/out/train_prepared")

    assert {row["pupilid"]: row["fold"] for row in rows} == {n: Folds(4, "").of(str(n).encode()) for n in (1, 2)}


@pytest.mark.parametrize("folds", [1, 0, -3, 1001, 2.5])
def test_a_number_that_divides_nothing_is_refused(folds: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^folds: expected "):
        Settings(folds=folds)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"engine": "arrow", "layout": "indexed"}, r"^folds: expected none where layout is indexed, found 3"),
        ({"mode": "athena"}, r"^folds: expected none where Athena computes, found 3"),
    ],
)
def test_what_makes_no_folds_says_so_before_it_starts(told: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        warehouse(settings_for("s3://bucket/in", "s3://bucket/out", folds=3, **told))


def test_a_column_of_that_name_is_refused(tmp_path: Path) -> None:
    put_parquet(tmp_path / "in" / "a.parquet", pa.table({"Fold": [1], "answered_at": [1], "correct": [1]}))
    told = settings_for(
        f"{tmp_path}/in", f"{tmp_path}/out", engine="arrow", folds=2, pupil="Fold", order_by=("answered_at",)
    )

    with pytest.raises(ConfigurationError, match=r"^folds: expected no other column of the name 'fold', found one"):
        run(told)
