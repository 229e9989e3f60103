"""Vocabularies on Spark: the same files and the same ids as the embedded engine's, on either execution."""

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

import obs2seq
from obs2seq.bootstrap import run
from obs2seq.errors import ConfigurationError, DataError
from tests.commands import put_parquet
from tests.small_jobs import CORRECT, published_rows, put_answers, settings_for
from tests.test_vocabularies import ARROW, RULES, SKILL, TWO, ids, made, put_school, put_with_robots, skilled

pytestmark = pytest.mark.usefixtures("spark")

EXERCISE = {"name": "exercise", "column": "exercise_id", "encode": "vocabulary"}
ENGINES: dict[str, dict[str, Any]] = {
    "native": {"engine": "spark", "execution": "native"},
    "tasks": {"engine": "spark", "execution": "arrow"},
}
WORDS = ["addition", None, "fractions", "set\nnotation", "", "ü", "z", "Z", "😀", "\uffff", "10", "9"]


@pytest.mark.parametrize("engine", ENGINES)
def test_ids_are_dense_and_by_first_appearance_in_the_first_subset(engine: str, tmp_path: Path) -> None:
    manifests = made(put_school(tmp_path), features=(SKILL, EXERCISE | {"shift": -1}), **ENGINES[engine])

    assert ids(tmp_path, "train") == {1: [3, 1, 5, 0], 2: [4, 5, 3, 0]}
    assert ids(tmp_path, "test") == {9: [5, 2, 1, 3]}
    assert ids(tmp_path, "test", "exercise") == {9: [0, 3, 4, 5]}
    assert obs2seq.vocabulary(tmp_path / "out", "skill") == [None, None, None, "b", "c", "a"]
    assert obs2seq.vocabulary(tmp_path / "out", "exercise_id") == [None, None, None, 0, 1, 2]
    assert manifests["train"].columns["skill_sequence"] == "array<int>"


def put_odd_times(place: Path) -> Path:
    """Rows that tie in part of the order, whose times are null, NaN and zeros of both signs."""
    draw = random.Random(3)
    times = [None, float("nan"), -0.0, 0.0, 1.5, -2.0, float("inf")]
    rows = [
        {
            "pupilid": draw.randrange(9),
            "at": draw.randrange(3),
            "second": draw.choice(times),
            "third": draw.choice([None, Decimal("1.10"), Decimal("-0.20")]),
            "skill": draw.choice(WORDS),
            "exercise_id": draw.choice([None, *range(-12, 12)]),
        }
        for _ in range(300)
    ]
    types = [pa.int64(), pa.int32(), pa.float64(), pa.decimal128(5, 2), pa.string(), pa.int16()]
    schema = pa.schema(list(zip(rows[0], types, strict=True)))
    for number in range(3):
        put_parquet(place / "in" / f"{number}.parquet", pa.Table.from_pylist(rows[100 * number :][:100], schema))
    return place


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_agree_on_every_id(engine: str, tmp_path: Path) -> None:
    rows = []
    for name, told in (("a", ARROW), ("b", ENGINES[engine])):
        place = put_odd_times(tmp_path / name)
        order = {"order_by": ("at", "second", "third"), "subsets": {"train": 0.6, "test": 0.4}, "subset_method": "hash"}
        made(place, features=(SKILL, EXERCISE), duplicates="drop", stride=2, **order, **told)
        found = [row for subset in order["subsets"] for row in published_rows(f"{place}/out/{subset}_sequenced_4")[1]]
        rows.append(sorted(found, key=lambda row: (row["pupilid"], row["sequence_index"])))

    first, second = (
        [obs2seq.vocabulary(tmp_path / name / "out", column) for column in ("skill", "exercise_id")] for name in "ab"
    )
    assert first == second
    assert rows[0] == rows[1]
    assert len(first[0]) == 3 + len(WORDS) - 1


def test_a_later_run_on_spark_extends_what_a_run_on_arrow_has_fitted(tmp_path: Path) -> None:
    made(put_school(tmp_path))
    put_answers(f"{tmp_path}/in/train/b.parquet", skilled(0, "e", "a", "D"))

    made(tmp_path, **ENGINES["native"])

    assert obs2seq.vocabulary(tmp_path / "out", "skill")[3:] == ["b", "c", "a", "e", "D"]
    assert ids(tmp_path, "train") == {0: [6, 5, 7, 0], 1: [3, 1, 5, 0], 2: [4, 5, 3, 0]}


def test_whole_observations_have_ids_beside_the_values(tmp_path: Path) -> None:
    told = settings_for(f"{put_school(tmp_path)}/in", f"{tmp_path}/out", features=(SKILL,), subsets=TWO, engine="spark")

    run(told.model_copy(update={"output": "observations"}))

    _, rows = published_rows(f"{tmp_path}/out/test_prepared")
    assert [(row["skill"], row["vocabulary:skill"]) for row in rows] == [("a", 5), ("d", 2), (None, 1), ("b", 3)]


def test_what_breaks_a_rule_stops_the_run_before_a_vocabulary_is_kept(tmp_path: Path) -> None:
    put_school(tmp_path)
    put_answers(f"{tmp_path}/in/train/b.parquet", [each | {"pupilid": None} for each in skilled(0, "e")])

    for told in (ARROW, ENGINES["native"]):
        with pytest.raises(DataError, match="pupil"):
            made(tmp_path, **told)

    assert not (tmp_path / "out" / "_vocabularies").exists()


def test_columns_that_cannot_be_encoded_are_refused(tmp_path: Path) -> None:
    put_school(tmp_path)

    with pytest.raises(ConfigurationError, match=r"^features: expected column 'skill' to hold texts or whole numbers"):
        made(tmp_path, columns={"skill": "duration_s"}, **ENGINES["native"])
    made(tmp_path)
    with pytest.raises(DataError, match="expected column 'skill' to hold texts, as its vocabulary does, found bigint"):
        made(tmp_path, columns={"skill": "exercise_id"}, **ENGINES["native"])
    (file,) = (tmp_path / "out" / "_vocabularies" / "skill").glob("*.parquet")
    assert pq.read_table(file)["value"].to_pylist() == ["b", "c", "a"]


@pytest.mark.parametrize("rules", [RULES[:1], RULES], ids=["rows", "pupils"])
def test_what_a_rule_puts_aside_gives_no_id(rules: tuple[dict[str, Any], ...], tmp_path: Path) -> None:
    for name, told in (("a", ARROW), ("b", ENGINES["native"])):
        made(put_with_robots(tmp_path / name), features=(SKILL, CORRECT), rules=rules, **told)

    first, second = (obs2seq.vocabulary(tmp_path / name / "out", "skill")[3:] for name in "ab")

    assert first == second == (["early", "b", "z again", "a"] if len(rules) == 1 else ["z again", "a"])
    assert ids(tmp_path / "a", "test") == ids(tmp_path / "b", "test")


def test_heavy_pupils_that_are_shared_have_the_same_ids(tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/a.parquet", skilled(1, *(WORDS * 8)))
    told = {"subsets": {"train": 1.0}, "subset_method": "stratified"} | ENGINES["native"]

    made(tmp_path, sequence_length=100, **told)
    whole = published_rows(f"{tmp_path}/out/train_sequenced_100")[1]
    made(tmp_path, sequence_length=100, spread_pupils_above=10, force=True, **told)

    assert published_rows(f"{tmp_path}/out/train_sequenced_100")[1] == whole
    assert whole[0]["skill_sequence"][:4] == [3, 1, 4, 5]


def test_delta_takes_ids_beside_whole_observations(spark: SparkSession, tmp_path: Path) -> None:
    told = settings_for(f"{put_school(tmp_path)}/in", f"{tmp_path}/out", features=(SKILL,), subsets=TWO, engine="spark")

    run(told.model_copy(update={"output": "observations", "output_format": "delta"}))

    rows = spark.read.format("delta").load(f"{tmp_path}/out/test_prepared").orderBy("answered_at").collect()
    assert [row["vocabulary:skill"] for row in rows] == [5, 2, 1, 3]
