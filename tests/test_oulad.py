"""Real results of 23,000 students, by a config file alone, against a pandas script of ten lines."""

import gzip
import os
from pathlib import Path

import pandas as pd
import pytest

from obs2seq.bootstrap import run
from obs2seq.settings import load_settings

_CONFIG = Path(__file__).parents[1] / "examples" / "oulad" / "oulad.yaml"


@pytest.fixture
def results() -> Path:
    folder = os.environ.get("OULAD_DIR")
    if not folder:
        pytest.skip("OULAD_DIR does not name the folder of the Open University Learning Analytics Dataset")
    return Path(folder) / "studentAssessment.csv.gz"


@pytest.mark.usefixtures("spark")
def test_oulad_gives_what_pandas_counts(results: Path, tmp_path: Path) -> None:
    options = {"s3_data_location": str(results), "output_s3_location": str(tmp_path)}

    published = run(load_settings(options, {}, _CONFIG))

    manifests = [manifest for manifest, _ in published.values()]
    rows_in, used, sequences = _by_pandas(results)
    assert [manifest.ledger.rows_in for manifest in manifests] == [rows_in] * 3
    assert sum(manifest.ledger.sequenced for manifest in manifests) == used
    assert sum(manifest.rows for manifest in manifests) == sequences
    for manifest in manifests:
        manifest.ledger.check(manifest.dataset)


def _by_pandas(results: Path) -> tuple[int, int, int]:
    """Return the rows, those that are used, and the sequences of 8."""
    with gzip.open(results) as file:
        rows = pd.read_csv(file)
    used = rows[(rows["is_banked"] == 0) & rows["score"].notna()]
    histories = used.groupby("id_student").size()
    return len(rows), len(used), int((-(-histories // 8)).sum())
