"""One pupil with most of the rows: a history is never held in one row, or in memory."""

from pathlib import Path

from pyarrow import parquet
from pyspark.sql import SparkSession

from obs2seq import SequenceSpec, sequence_observations
from obs2seq.generator import generate

_LENGTH = 100
_HEAVIEST, _OTHERS = 5_000_000, 500_000


def test_a_pupil_with_five_million_observations_passes_with_a_2_gb_heap(spark: SparkSession, tmp_path: Path) -> None:
    assert spark.conf.get("spark.driver.memory") == "2g"
    rows = _HEAVIEST + _OTHERS
    generate(tmp_path / "in", observations=rows, pupils=4_001, heaviest_share=_HEAVIEST / rows)
    spec = SequenceSpec.model_validate(
        {
            "order_by": ["answered_at", "observation_id"],
            "sequence_length": _LENGTH,
            "features": [
                {"name": "correct", "column": "correct", "pad": -1},
                {"name": "skill", "column": "skill", "pad": "<pad>"},
                {"name": "duration_s", "column": "duration_s", "pad": 0.0},
            ],
        }
    )

    sequence_observations(spark.read.parquet(str(tmp_path / "in")), spec).write.parquet(str(tmp_path / "out"))

    made = parquet.read_table(tmp_path / "out", columns=["pupilid", "n_observations"])
    assert sum(made["n_observations"].to_pylist()) == rows
    by_pupil = made.group_by("pupilid").aggregate([("n_observations", "sum"), ("n_observations", "count")])
    heaviest = by_pupil.sort_by([("n_observations_sum", "descending")]).slice(0, 1).to_pylist()[0]
    assert heaviest["n_observations_sum"] == _HEAVIEST
    assert heaviest["n_observations_count"] == _HEAVIEST // _LENGTH
