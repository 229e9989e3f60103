"""The embedded engine from files to files: the contract's cases, the oracle, the rules, and a budget that forces spilling."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from obs2seq import SequenceSpec
from obs2seq.bootstrap import run
from obs2seq.domain.manifest import Manifest
from tests.arrow_vectors import ArrowVector, load_arrow_vectors
from tests.commands import put_parquet
from tests.small_jobs import published_rows, settings_for
from tests.test_kernel import in_order


def made(data: Path, output: Path, **changes: Any) -> tuple[Manifest, list[dict[str, Any]]]:
    """Run on Arrow; return the manifest of the subset train, and what readers find."""
    run(settings_for(str(data), str(output), **({"engine": "arrow"} | changes)))
    kind = "prepared" if changes.get("output") == "observations" else f"sequenced_{changes.get('sequence_length', 3)}"
    return published_rows(f"{output}/train_{kind}")


def in_files(table: pa.Table, folder: Path, files: int = 2) -> Path:
    """Lay a table's rows into several files."""
    step = -(-len(table) // files) or 1
    for number in range(files):
        put_parquet(folder / f"part-{number}.parquet", table.slice(number * step, step))
    return folder


@pytest.mark.parametrize("vector", load_arrow_vectors(), ids=lambda vector: vector.name)
def test_files_of_a_vector_become_its_sequences(vector: ArrowVector, tmp_path: Path) -> None:
    data = in_files(vector.observations, tmp_path / "in")
    spec = SequenceSpec.model_validate(vector.spec)

    manifest, rows = made(data, tmp_path / "out", **vector.spec)

    assert in_order(rows, spec) == in_order(vector.sequences, spec)
    assert manifest.rows == len(rows)
