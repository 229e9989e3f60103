"""Runs with layout indexed: the same sequences, ledger and columns as expanded, in files that hold a session once."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import obs2seq
from obs2seq import SequenceSpec
from obs2seq.bootstrap import check, compare, run, warehouse
from obs2seq.domain.manifest import Manifest
from obs2seq.errors import ConfigurationError, SpecificationError
from obs2seq.generator import generate
from obs2seq.publishing import resolve
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage
from obs2seq.warehouses.arrow import memory, steps, writing
from tests import oracle
from tests.arrow_vectors import ArrowVector, load_arrow_vectors
from tests.commands import asked
from tests.small_jobs import answers, files_at, put_answers, settings_for
from tests.test_arrow_engine import LEAVING_OUT, in_files
from tests.test_kernel import FLOATS, SCHEMA, in_order, observations, specifications

OVERLAPPING: dict[str, Any] = {"sequence_length": 7, "stride": 2, "session_gap_seconds": 3600.0}
SMALL: dict[str, Any] = {
    "stride": 3,
    "features": (
        {"name": "skill", "column": "skill", "pad": "<pad>"},
        {"name": "next", "column": "correct", "pad": -1, "shift": 1},
        {"name": "duration", "column": "duration_s", "pad": 0.0},
        {"name": "at", "column": "answered_at", "pad": "1970-01-01T00:00:00Z"},
    ),
}


def indexed(data: Path | str, place: Path | str, **changes: Any) -> tuple[Manifest, list[dict[str, Any]]]:
    """Run on Arrow; return the manifest of the subset train, and the sequences that the loader gives."""
    run(settings_for(str(data), str(place), **({"engine": "arrow", "layout": "indexed"} | changes)))
    length = changes.get("sequence_length", 3)
    manifest, _ = resolve(RoutedStorage(), f"{place}/train_sequenced_{length}")
    return manifest, obs2seq.load(str(place), "train", sequence_length=length).table().to_pylist()


def both(data: Path, place: Path, **changes: Any) -> tuple[Manifest, Manifest]:
    """Run in both layouts, and hold what they made to each other."""
    manifests = []
    for layout in ("expanded", "indexed"):
        run(settings_for(str(data), str(place / layout), **({"engine": "arrow", "layout": layout} | changes)))
        dataset = f"{place}/{layout}/train_sequenced_{changes.get('sequence_length', 3)}"
        manifests.append(resolve(RoutedStorage(), dataset)[0])
    assert compare(*(f"{place}/{layout}/{manifests[0].dataset}" for layout in ("expanded", "indexed"))) == []
    return manifests[0], manifests[1]


@pytest.mark.parametrize("vector", load_arrow_vectors(), ids=lambda vector: vector.name)
def test_files_of_a_vector_become_its_sequences(vector: ArrowVector, tmp_path: Path) -> None:
    data = in_files(vector.observations, tmp_path / "in")
    spec = SequenceSpec.model_validate(vector.spec)

    manifest, rows = indexed(data, tmp_path / "out", **vector.spec)

    assert in_order(rows, spec) == in_order(vector.sequences, spec)
    assert manifest.rows == len(rows)
    assert tuple(manifest.columns) == spec.outputs


@pytest.mark.parametrize("budget", [None, "16k"], ids=["in memory", "in temporary files"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=observations(FLOATS), fields=specifications(), duplicates=st.sampled_from(["keep", "drop"]))
def test_files_of_random_cases_become_what_the_oracle_says(
    rows: list[dict[str, Any]],
    fields: dict[str, Any],
    duplicates: str,
    budget: str | None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(memory, "LEAST_PIECE_ROWS", 4)
    monkeypatch.setattr(steps, "_WORTH_A_THREAD", 8)
    monkeypatch.setattr(writing, "FILE_ELEMENTS", 30)
    monkeypatch.setattr("obs2seq.warehouses.arrow.indexed_making.OBSERVATIONS_AT_A_TIME", 5)
    spec = SequenceSpec.model_validate(fields)
    kept = [row for row in rows if row["pupilid"] is not None and row["answered_at"] is not None]
    distinct = list({repr(sorted(row.items())): row for row in kept}.values())
    expected = in_order(oracle.sequences(distinct if duplicates == "drop" else kept, fields), spec)
    if not expected:
        return
    options = fields | LEAVING_OUT | {"duplicates": duplicates, "memory_budget": budget, "force": True}

    manifest, found = indexed(
        in_files(pa.Table.from_pylist(rows, SCHEMA), tmp_path / "in", 3), tmp_path / "o", **options
    )

    assert repr(in_order(found, spec)) == repr(expected)
    assert manifest.ledger.sequenced == sum(sum(row["is_new_sequence"]) for row in expected)
    assert manifest.rows == len(expected)


@pytest.mark.parametrize("budget", [None, "3m"], ids=["in memory", "in temporary files"])
def test_both_layouts_hold_the_same_and_tell_the_same(
    budget: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "LEAST_PIECE_ROWS", 256)
    monkeypatch.setattr(steps, "_WORTH_A_THREAD", 1000)
    monkeypatch.setattr(writing, "FILE_ELEMENTS", 4000)
    generate(tmp_path / "in", observations=12_000, files=3)

    expanded, made = both(
        tmp_path / "in", tmp_path, memory_budget=budget, duplicates="drop", **(SMALL | {"sequence_length": 12})
    )

    own = ("run_id", "files", "settings", "lineage", "published_at")
    assert made.model_copy(update={name: getattr(expanded, name) for name in own}) == expanded
    assert made.run_id != expanded.run_id
    paths = sorted(file.path for file in made.files)
    names = [path.removeprefix("sessions/") for path in paths if path.startswith("sessions/")]
    assert len(names) > 1
    assert paths == [f"{folder}/{name}" for folder in ("sessions", "windows") for name in names]


def test_derived_features_are_held_with_their_session(tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/a.parquet", answers(1, [1, 0, 1, 1, 0]), answers(2, [0, 1]))
    features = (
        {"name": "pause", "derive": "seconds_since_previous", "pad": -1.0},
        {"name": "share", "derive": "share_correct_before", "of": "correct", "pad": -1.0, "shift": 1},
        {"name": "attempt", "derive": "attempt_number", "of": "correct", "pad": 0},
    )

    both(tmp_path / "in", tmp_path, stride=1, features=features)

    attempts = obs2seq.load(f"{tmp_path}/indexed", "train").arrays(["attempt"])["attempt"]
    assert attempts.tolist() == [[1, 1, 2], [1, 2, 3], [2, 3, 2], [1, 1, 0]]


def test_files_lie_in_pairs_and_hold_each_session_once(tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/a.parquet", answers(1, [1, 0, 1, 1]), answers(2, [0]))

    manifest, _ = indexed(tmp_path / "in", tmp_path / "out", stride=1)

    dataset = tmp_path / "out" / "train_sequenced_3"
    folder = f"run_id={manifest.run_id}"
    assert [path for path in files_at(str(dataset)) if path.endswith(".parquet")] == [
        f"{folder}/sessions/part-00000.parquet",
        f"{folder}/windows/part-00000.parquet",
    ]
    assert [(file.path, file.rows) for file in manifest.files] == [
        ("sessions/part-00000.parquet", 2),
        ("windows/part-00000.parquet", 3),
    ]
    assert manifest.rows == 3
    sessions, windows = (pq.ParquetFile(dataset / folder / file.path).read() for file in manifest.files)
    assert sessions["correct_session"].to_pylist() == [[1, 0, 1, 1], [0]]
    assert windows["session"].to_pylist() == [0, 0, 1]
    assert manifest.columns["correct_sequence"] == "array<int>"
    assert manifest.columns["is_pad_sequence"] == "array<tinyint>"


def test_an_indexed_run_is_shown_as_the_expanded_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/a.parquet", answers(1, [1, 0, 1, 1]), answers(2, [0]))
    both(tmp_path / "in", tmp_path, **SMALL)

    shown = {
        layout: asked(capsys, "show", tmp_path / layout / "train_sequenced_3", "--sequences", 2)
        for layout in ("expanded", "indexed")
    }

    drawn = {layout: answer.out[answer.out.index("\npupilid 1,") :] for layout, answer in shown.items()}
    assert drawn["indexed"] == drawn["expanded"]
    assert "sequence 1: 1 observations from position 3" in drawn["indexed"]
    assert "3 rows in 2 parquet files" in shown["indexed"].out


def test_a_difference_between_layouts_is_placed(tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/a/x.parquet", answers(1, [1, 0, 1, 1]))
    put_answers(f"{tmp_path}/b/x.parquet", answers(1, [1, 0, 1, 0]))
    indexed(tmp_path / "a", tmp_path / "one", stride=1)
    run(settings_for(f"{tmp_path}/b", f"{tmp_path}/other", engine="arrow", stride=1))

    found = compare(*(f"{tmp_path}/{place}/train_sequenced_3" for place in ("one", "other")))

    assert found == ["column 'correct_sequence': first differs in row 1, at element 2"]


def test_the_same_indexed_run_again_does_nothing(tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/a.parquet", answers(1, [1, 0, 1, 1]))

    first, _ = indexed(tmp_path / "in", tmp_path / "out")
    second, _ = indexed(tmp_path / "in", tmp_path / "out")

    assert second == first


def test_an_indexed_run_goes_to_s3(bucket: str) -> None:
    put_answers(f"s3://{bucket}/in/a.parquet", answers(1, [1, 0, 1, 1]), answers(2, [0]))

    manifest, rows = indexed(f"s3://{bucket}/in", f"s3://{bucket}/out", stride=1)

    assert manifest.rows == 3
    assert [row["correct_sequence"] for row in rows] == [[1, 0, 1], [0, 1, 1], [0, -1, -1]]


def test_pytorch_gets_the_same_from_either_layout(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from obs2seq.torch import SequenceDataset

    put_answers(f"{tmp_path}/in/a.parquet", answers(1, [1, 0, 1, 1]), answers(2, [0]))
    both(tmp_path / "in", tmp_path, stride=1)

    items = {
        layout: [
            {name: value.tolist() for name, value in item.items()}
            for item in SequenceDataset(obs2seq.load(f"{tmp_path}/{layout}", "train"), ["correct", "is_pad"])
        ]
        for layout in ("expanded", "indexed")
    }

    assert items["indexed"] == items["expanded"]
    assert len(items["indexed"]) == 3


def test_a_check_reads_for_an_indexed_run_too(tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/a.parquet", answers(1, [1, 0, 1, 1]))

    ledgers = check(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", engine="arrow", layout="indexed"))

    assert ledgers["train"].rows_in == 4


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"engine": "spark"}, "layout: expected expanded where Spark computes, found indexed. Hint: set layout"),
        ({"engine": "spark", "mode": "emr"}, "layout: expected expanded where Spark computes, found indexed"),
        ({"engine": "spark", "output_format": "delta"}, "layout: expected expanded where Spark computes"),
        ({"mode": "athena"}, "layout: expected expanded where Athena computes, found indexed"),
        ({"output_format": "delta"}, "output_format: expected parquet where engine is arrow, found delta"),
        ({"output": "observations"}, "layout: expected expanded where output is observations, found indexed"),
    ],
)
def test_what_cannot_be_indexed_is_refused_before_a_run(changes: dict[str, Any], refusal: str, tmp_path: Path) -> None:
    chosen = {"s3_data_location": str(tmp_path), "output_s3_location": "out", "mode": "local", "engine": "arrow"}
    asked_for = Settings(**(chosen | {"layout": "indexed"} | changes))

    with pytest.raises(ConfigurationError, match=refusal):
        warehouse(asked_for)


def test_a_pupil_with_a_lists_name_is_refused_before_rows_are_read(tmp_path: Path) -> None:
    rows = [{"correct_session": 1, "at": 1, "correct": 1}]
    put = tmp_path / "in" / "a.parquet"
    put.parent.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), put)

    with pytest.raises(SpecificationError, match="pupil: expected another name than 'correct_session'"):
        indexed(tmp_path / "in", tmp_path / "out", pupil="correct_session", order_by=("at",))
    assert not list((tmp_path / "out").rglob("*.parquet"))
