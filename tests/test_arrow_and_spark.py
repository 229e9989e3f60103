"""Spark, by either execution, and Arrow make the same of the same input: rows, types, ledgers, and names of runs."""

import datetime
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from obs2seq.bootstrap import compare, run
from obs2seq.domain.manifest import Manifest
from obs2seq.generator import generate
from obs2seq.settings import Settings, load_settings
from obs2seq.warehouses.spark_arrow import reading
from tests.commands import put_bytes, put_parquet

pytestmark = pytest.mark.usefixtures("spark")

_OULAD = Path(__file__).parents[1] / "examples" / "oulad" / "oulad.yaml"
_KINDS = {
    "n": pa.int16(),
    "wide": pa.uint32(),
    "flag": pa.bool_(),
    "ratio": pa.float32(),
    "score": pa.float64(),
    "cost": pa.decimal128(12, 3),
    "note": pa.string(),
    "day": pa.date32(),
    "at": pa.timestamp("ms", "Europe/Berlin"),
    "local": pa.timestamp("us"),
}
_PADS: dict[str, Any] = {
    "n": -1, "wide": 0, "flag": False, "ratio": 0.5, "score": 0.0, "cost": 0.125, "note": "<pad>",
    "day": "1970-01-01", "at": "1970-01-01T00:00:00Z", "local": "1970-01-01T00:00:00",
}  # fmt: skip


_TASKS = {"execution": "arrow", "shuffle_partitions": 3}
OTHERS = {"arrow": {"engine": "arrow"}, "tasks": _TASKS, "tasks, read for": _TASKS}
"""What is held to Spark's native execution."""


def both(spark: SparkSession, place: Path, data: Path, **settings: Any) -> dict[str, tuple[Manifest, Manifest]]:
    """Run on both engines, and on Spark by both executions, whoever reads; hold what they made to each other."""
    made = _run(data, place / "spark", **settings)
    others = {}
    for name, options in OTHERS.items():
        with pytest.MonkeyPatch.context() as patch:
            if name == "tasks, read for":
                patch.setattr(reading, "left_to_spark", lambda *_: "it is asked to")
            others[name] = _run(data, place / name, **options, **settings)
    for subset, (on_spark, here) in made.items():
        for other in others.values():
            on_arrow, there = other[subset]
            assert compare(here, there) == []
            assert on_arrow.run_id == on_spark.run_id
            assert on_arrow.model_copy(update=_own(on_spark)) == on_spark
            assert spark.read.parquet(there).schema == spark.read.parquet(here).schema
    assert "spark" in others["tasks"][subset][0].versions
    return {subset: (manifest, others["arrow"][subset][0]) for subset, (manifest, _) in made.items()}


def _run(data: Path, place: Path, **settings: Any) -> dict[str, tuple[Manifest, str]]:
    values = {"s3_data_location": str(data), "output_s3_location": str(place), "mode": "local"}
    values |= {"audit": "off"} | settings
    return {subset: (manifest, str(location)) for subset, (manifest, location) in run(Settings(**values)).items()}


def _own(manifest: Manifest) -> dict[str, Any]:
    """What two runs may differ in."""
    return {name: getattr(manifest, name) for name in ("files", "lineage", "versions", "published_at")}


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    generate(tmp_path / "in", observations=20_000, files=3)
    return tmp_path / "in"


def of_every_type(rows: int) -> pa.Table:
    """Random rows of a few pupils, with nulls and repetitions in every column."""
    random = np.random.default_rng(7)
    start = datetime.datetime(2026, 3, 29, tzinfo=datetime.UTC)
    drawn: dict[str, list[Any]] = {
        "n": [1, -2, 3], "wide": [1, 2**32 - 1], "flag": [True, False], "ratio": [0.1, float("nan"), -0.0, 0.0],
        "score": [float("inf"), -0.0, 0.0, float("nan"), 1.5], "cost": [Decimal("1.125"), Decimal("-3")],
        "note": ["ä", "", "z", "\U00010000", "\uffff"], "day": [datetime.date(1969, 12, 31), datetime.date(2026, 1, 1)],
        "at": [start + datetime.timedelta(minutes=i) for i in range(40)],
        "local": [start.replace(tzinfo=None), datetime.datetime(1950, 1, 1, 0, 0, 0, 1)],  # noqa: DTZ001
    }  # fmt: skip
    columns = {
        name: [[*values, None][i] for i in random.integers(0, len(values) + 1, rows)] for name, values in drawn.items()
    }
    table = pa.table({name: pa.array(values, _KINDS[name]) for name, values in columns.items()})
    return table.append_column("who", pa.array([f"p{i}" for i in random.integers(0, 30, rows)]))


def test_generated_observations_by_hash_with_sessions(spark: SparkSession, generated: Path, tmp_path: Path) -> None:
    made = both(
        spark, tmp_path, generated, sequence_length=20, stride=7, align="end", pad_side="start", min_length=5,
        max_sequences_per_pupil=40, session_gap_seconds=3600.0, columns={"quick": "CAST(duration_s < 5 AS INT)"},
        row_filter="hints < 3", targets=["next"], features=[
            {"name": "skill", "column": "skill", "pad": "<pad>"},
            {"name": "next", "column": "quick", "pad": -1, "shift": 1},
            {"name": "duration", "column": "duration_s", "pad": -1.0},
        ],
    )  # fmt: skip

    assert set(made) == {"train", "validation", "test"}
    rules = {"filter", "other_subset", "min_length", "max_sequences_per_pupil"}
    assert set(made["train"][1].ledger.left_out) == rules


@pytest.mark.parametrize("duplicates", ["keep", "drop"])
def test_values_of_every_type(spark: SparkSession, duplicates: str, tmp_path: Path) -> None:
    put_parquet(tmp_path / "in" / "a.parquet", of_every_type(600))
    features = [{"name": name, "column": name, "pad": pad} for name, pad in _PADS.items()]

    made = both(
        spark, tmp_path, tmp_path / "in", pupil="who", order_by=["at", "flag"], sequence_length=6, features=features,
        null_time="leave_out", duplicates=duplicates, subsets={"a": 0.3, "b": 0.7},
    )  # fmt: skip

    assert made["a"][1].ledger.left_out["null_time"] > 0


@pytest.mark.parametrize("duplicates", ["keep", "drop"])
def test_whole_observations(spark: SparkSession, duplicates: str, tmp_path: Path) -> None:
    table = of_every_type(400).append_column("tags", pa.array([["x"], None, ["a", None], []] * 100))
    put_parquet(tmp_path / "in" / "a.parquet", pa.concat_tables([table, table.slice(0, 50)]))

    both(
        spark, tmp_path, tmp_path / "in", output="observations", pupil="who", order_by=["at"], null_time="leave_out",
        features=[{"name": "n", "column": "n", "pad": 0}], subsets={"all": 1.0}, duplicates=duplicates,
    )  # fmt: skip


def test_csv_files_whose_types_are_inferred(spark: SparkSession, tmp_path: Path) -> None:
    lines = [
        f"{i % 7},2026-01-0{1 + i % 9} 08:{i % 60:02}:00,{i / 4},{'true' if i % 2 else ''},w{i % 3}" for i in range(90)
    ]
    header = "pupilid,at,score,flag,word"
    put_bytes(tmp_path / "in" / "a.csv", "\n".join([header, *lines[:50]]))
    put_bytes(tmp_path / "in" / "b.csv", "\n".join([header, *lines[50:]]))
    features = [{"name": "score", "column": "score", "pad": -1.0}, {"name": "flag", "column": "flag", "pad": False}]

    both(
        spark,
        tmp_path,
        tmp_path / "in",
        order_by=["at", "word"],
        sequence_length=5,
        features=features,
        subsets={"a": 1.0},
    )


def test_json_lines(spark: SparkSession, tmp_path: Path) -> None:
    lines = [
        f'{{"pupilid":"p{i % 5}","at":"2026-01-05T08:{i:02}:00Z","score":{i}{".5" if i % 3 else ""}}}'
        for i in range(60)
    ]
    put_bytes(tmp_path / "in" / "a.jsonl", "\n".join(lines))

    both(
        spark, tmp_path, tmp_path / "in", columns={"time": "to_timestamp(at)"}, order_by=["time"], sequence_length=5,
        subsets={"a": 1.0}, features=[{"name": "score", "column": "score", "pad": 0.0}],
    )  # fmt: skip


def test_the_open_universitys_results(spark: SparkSession, tmp_path: Path) -> None:
    folder = os.environ.get("OULAD_DIR")
    if not folder:
        pytest.skip("OULAD_DIR does not name the folder of the Open University Learning Analytics Dataset")
    options = {"s3_data_location": str(Path(folder) / "studentAssessment.csv.gz"), "output_s3_location": ""}
    settings = load_settings(options, {}, _OULAD, required=())
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    own = {"s3_data_location", "output_s3_location", "engine", "execution", "shuffle_partitions", "mode", "spark"}
    data = Path(options["s3_data_location"])

    both(spark, tmp_path, data, **{name: value for name, value in values.items() if name not in own})


def test_what_one_engine_has_finished_the_other_does_not_make_again(generated: Path, tmp_path: Path) -> None:
    first = _run(generated, tmp_path / "out", engine="spark", subsets={"train": 1.0})
    second = _run(generated, tmp_path / "out", engine="arrow", subsets={"train": 1.0})

    assert second == first
    assert "spark" in second["train"][0].versions
