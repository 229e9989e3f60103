"""Whole runs that explode a column: from files to files by the embedded engine, and by Spark's tasks as it does."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

import obs2seq
from obs2seq import SequenceSpec
from obs2seq.bootstrap import check, compare, run
from obs2seq.bootstrap.audits import audit_published, changed_future, prepared
from obs2seq.domain import rules
from obs2seq.domain.manifest import Manifest
from obs2seq.errors import ConfigurationError, DataError, DataNotFoundError, SpecificationError
from obs2seq.warehouses.arrow import memory, steps, store, writing
from obs2seq.warehouses.arrow.mapped import mapped
from tests.athena_fakes import FakeAthena
from tests.athena_jobs import athena_service
from tests.commands import put_parquet
from tests.explode_oracle import exploded
from tests.flow_inputs import sorted_rows
from tests.small_jobs import published_rows, put, settings_for
from tests.test_arrow_engine import LEAVING_OUT, in_files
from tests.test_explode import cases, told_by_oracle

ARROW: dict[str, Any] = {"engine": "arrow"}
SKILL = {"name": "skill", "column": "skills", "pad": "-"}
EXPLODED: dict[str, Any] = {
    "order_by": ("at",),
    "sequence_length": 4,
    "explode": "skills",
    "features": (SKILL, {"name": "correct", "column": "correct", "pad": -1}),
}
ROWS: list[dict[str, Any]] = [
    {"pupilid": 1, "at": 1, "skills": ["add"], "correct": 1},
    {"pupilid": 1, "at": 2, "skills": None, "correct": 0},
    {"pupilid": 1, "at": 3, "skills": ["add", "times", "add"], "correct": 0},
    {"pupilid": 2, "at": 1, "skills": [], "correct": 1},
    {"pupilid": 2, "at": 2, "skills": ["minus", None], "correct": 1},
]
SCHEMA = pa.schema({"pupilid": pa.int64(), "at": pa.int64(), "skills": pa.list_(pa.string()), "correct": pa.int32()})


def made(data: Path | str, place: Path, **changes: Any) -> tuple[Manifest, list[dict[str, Any]]]:
    """Run on Arrow; return the manifest of the subset train, and what readers find, in order."""
    told = EXPLODED | ARROW | changes
    run(settings_for(str(data), str(place), **told))
    manifest, rows = published_rows(f"{place}/train_sequenced_{told['sequence_length']}")
    return manifest, sorted_rows(rows)


def put_rows(place: Path, rows: list[dict[str, Any]] = ROWS, schema: pa.Schema = SCHEMA) -> str:
    put_parquet(place / "in" / "part-0.parquet", pa.Table.from_pylist(rows, schema))
    return f"{place}/in"


@pytest.mark.parametrize("budget", [None, "40k"], ids=["in memory", "in temporary files"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases(), duplicates=st.sampled_from(["keep", "drop"]), layout=st.sampled_from(["expanded", "indexed"]))
def test_files_of_random_cases_become_what_the_oracle_says(
    case: tuple[pa.Table, list[dict[str, Any]], dict[str, Any]],
    duplicates: str,
    layout: str,
    budget: str | None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(memory, "LEAST_PIECE_ROWS", 1)
    monkeypatch.setattr(memory, "_LIGHT", 2_000 if budget else 1 << 30)  # so that a dozen elements go to files
    monkeypatch.setattr(steps, "_WORTH_A_THREAD", 8)
    monkeypatch.setattr(writing, "FILE_ELEMENTS", 30)
    table, rows, fields = case
    (aside := tmp_path / "temporary").mkdir(exist_ok=True)
    kept = [row for row in rows if row["pupilid"] is not None and row["at"] is not None]
    expected = told_by_oracle(kept, fields, drops_duplicates=duplicates == "drop")
    options = fields | LEAVING_OUT | ARROW | {"duplicates": duplicates, "memory_budget": budget, "force": True}
    options |= {"layout": layout, "temporary_folder": str(aside)}
    told = settings_for(str(in_files(table, tmp_path / "in", 3)), f"{tmp_path}/{layout}", **options)
    if expected is None:
        with pytest.raises(DataError, match=r"expected at most .* elements of 'skills'"):
            run(told)
        return
    if not expected.sequences:
        with pytest.raises(DataNotFoundError):
            run(told)
        return

    ((manifest, _),) = run(told).values()

    length = fields["sequence_length"]
    found = obs2seq.load(f"{tmp_path}/{layout}", "train", sequence_length=length).table().to_pylist()
    assert repr(sorted_rows(found)) == repr(expected.sequences)
    ledger, counts = manifest.ledger, expected.counts
    assert (ledger.rows_in, ledger.expanded, ledger.sequenced) == (len(rows), counts["expanded"], counts["sequenced"])
    for rule, count in ((rules.MIN_LENGTH, "min_length"), (rules.MAX_SEQUENCES, "max_sequences")):
        assert ledger.left_out.get(rule, 0) == counts[count]
    assert (ledger.left_out | ledger.noted).get("duplicate", 0) == counts["duplicate"]
    ledger.check("train")
    assert list(aside.iterdir()) == []


def test_arrays_survive_temporary_files_and_pupils_that_fit_no_budget(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "LEAST_PIECE_ROWS", 2)
    spilled: list[int] = []
    monkeypatch.setattr(store, "mapped", lambda *told: spilled.append(1) or mapped(*told))
    heavy = [ROWS[2] | {"at": at} for at in range(200)]
    others = [row | {"pupilid": pupil} for pupil in range(2, 12) for row in ROWS]
    data = put_rows(tmp_path, [*others, *heavy])
    ids = {"name": "id", "column": "skills", "encode": "vocabulary"}
    options = {"features": (SKILL, ids), "sequence_length": 5, "explode_cuts": "keep_together"}

    manifest, expected = made(data, tmp_path / "memory", **options)
    again, rows = made(data, tmp_path / "files", memory_budget="160k", **options)

    assert rows == expected
    assert again.ledger == manifest.ledger
    assert manifest.ledger.expanded == 400 + 10 * 3
    assert spilled == [1]
    with pytest.raises(ConfigurationError, match=r"for a pupil with 600 elements, found 64k\."):
        made(data, tmp_path / "none", memory_budget="64k", **options)


def test_a_manifest_tells_what_was_added_and_the_added_features(tmp_path: Path) -> None:
    manifest, rows = made(put_rows(tmp_path), tmp_path / "out", min_length=2)

    assert manifest.ledger.to_json() == {
        "rows_in": 5,
        "sequenced": 7,
        "left_out": {"min_length": 1},
        "noted": {"duplicate": 0},
        "expanded": 3,
    }
    assert [row["skill_sequence"] for row in rows] == [["add", "-", "add", "times"], ["-", "minus", "-", "-"]]
    assert list(manifest.columns)[-3:] == ["correct_sequence", "group_sequence", "is_repeat_sequence"]
    assert manifest.settings["specification"]["explode"] == "skills"
    assert set(manifest.columns) <= set(manifest.lineage.columns if manifest.lineage else ())


@pytest.mark.parametrize("schema", [None, "pupilid long, at long, skills array<string>, correct int"])
@pytest.mark.parametrize("last", ["", '{"pupilid": 2, "at": 0, "skills": ["a", 1], "correct": 1}\n'])
def test_arrays_in_json_are_read_as_they_are_in_parquet(schema: str | None, last: str, tmp_path: Path) -> None:
    """Arrays of several types are what Arrow's parser leaves to Python's."""
    lines = "".join(f"{json.dumps(row)}\n" for row in ROWS)
    put(f"{tmp_path}/json/part-0.json", (lines + last).encode())

    _, from_json = made(f"{tmp_path}/json", tmp_path / "a", row_filter="at > 0", input_schema=schema)
    _, from_parquet = made(put_rows(tmp_path), tmp_path / "b")

    assert from_json == from_parquet


@pytest.mark.parametrize(
    ("values", "type_name"),
    [
        (["[1, 2]", "[]", "null"], "array<bigint>"),
        (["[1, 2.5]", "[null]"], "array<double>"),
        (["[1]", "[12345678901234567]", "[1234567890123456789]"], "array<bigint>"),
        (["[]", "null"], "array<string>"),
        (['["2026-01-05 08:00:00"]'], "array<string>"),
        (["[true, false]"], "array<boolean>"),
    ],
)
def test_json_tells_the_type_of_arrays_by_all_their_members(values: list[str], type_name: str, tmp_path: Path) -> None:
    lines = "".join(f'{{"pupilid": 1, "at": {i}, "skills": {value}}}\n' for i, value in enumerate(values))
    put(f"{tmp_path}/in/part-0.json", lines.encode())
    told = settings_for(f"{tmp_path}/in", f"{tmp_path}/out", **(EXPLODED | ARROW | {"features": (SKILL,)}))

    run(told.model_copy(update={"output": "observations"}))

    manifest, rows = published_rows(f"{tmp_path}/out/train_prepared")
    assert manifest.columns["skills"] == type_name
    assert [row["skills"] for row in rows] == [json.loads(value) for value in values]


@pytest.mark.parametrize("type_", [pa.large_list(pa.large_string()), pa.list_(pa.string(), 2)], ids=str)
def test_arrays_of_every_kind_in_parquet_are_read_as_spark_reads_them(type_: pa.DataType, tmp_path: Path) -> None:
    pairs = [row | {"skills": ["add", "times"]} for row in ROWS[:2]]

    manifest, rows = made(put_rows(tmp_path, pairs, SCHEMA.set(2, pa.field("skills", type_))), tmp_path / "out")

    assert manifest.columns["skill_sequence"] == "array<string>"
    assert [row["skill_sequence"] for row in rows] == [["add", "times", "add", "times"]]


def test_texts_in_csv_are_taken_apart_after_the_settings_columns(tmp_path: Path) -> None:
    put(f"{tmp_path}/in/part-0.csv", b"pupilid,at,told,correct\n1,1,Add; minus,1\n1,2,,0\n")

    _, rows = made(f"{tmp_path}/in", tmp_path / "out", columns={"skills": "lower(told)"}, explode_delimiter=";")

    assert [row["skill_sequence"] for row in rows] == [["add", "minus", "-", "-"]]
    assert [row["group_sequence"] for row in rows] == [[0, 0, 1, -1]]


def test_rules_and_duplicates_look_at_whole_observations(tmp_path: Path) -> None:
    twice = [*ROWS, ROWS[2], {"pupilid": 2, "at": 2, "skills": ["minus"], "correct": 1}]
    rule = {"name": "right", "kind": "range", "column": "correct", "least": 1, "severity": "quarantine"}

    manifest, _ = made(put_rows(tmp_path, twice), tmp_path / "dropped", duplicates="drop")
    checked, rows = made(f"{tmp_path}/in", tmp_path / "checked", rules=(rule,))

    assert (manifest.ledger.left_out, manifest.ledger.expanded) == ({"duplicate": 1}, 3)
    assert checked.ledger.left_out == {"right": 3}
    assert checked.quarantine is not None
    assert checked.quarantine.rows == 3
    assert [row["skill_sequence"] for row in rows] == [["add", "-", "-", "-"], ["-", "minus", "minus", "-"]]


def test_context_is_all_elements_of_its_observations(tmp_path: Path) -> None:
    times = {"subset_method": "time", "subsets": {"train": 0.5, "test": 0.5}, "split_times": {"test": 3}}
    run(settings_for(put_rows(tmp_path), f"{tmp_path}/out", **(EXPLODED | ARROW | times), split_context=True, stride=2))

    manifest, rows = published_rows(f"{tmp_path}/out/test_sequenced_4")

    expected = exploded(
        [row for row in ROWS if row["pupilid"] == 1],
        json.loads(SequenceSpec(**EXPLODED, stride=2).model_dump_json()),
        is_context=lambda row: row["at"] < 3,
    )
    assert sorted_rows(rows) == expected.sequences
    assert (manifest.ledger.expanded, manifest.ledger.sequenced) == (2, 3)
    manifest.ledger.check("test")


def test_folds_are_told_by_pupil(tmp_path: Path) -> None:
    _, rows = made(put_rows(tmp_path), tmp_path / "out", folds=2)

    assert all(row["fold"] in (0, 1) for row in rows)
    assert len({(row["pupilid"], row["fold"]) for row in rows}) == 2


# --- vocabularies


def test_elements_are_encoded_by_first_appearance_of_each(tmp_path: Path) -> None:
    ids = {"name": "id", "column": "skills", "encode": "vocabulary"}

    _, rows = made(put_rows(tmp_path), tmp_path / "out", features=(ids,))

    # add at 1, minus at 2 (null is none), times at 3
    assert [row["id_sequence"] for row in rows] == [[3, 1, 3, 5], [3, 0, 0, 0], [1, 4, 1, 0]]
    assert [row["group_sequence"] for row in rows] == [[0, 1, 2, 2], [2, -1, -1, -1], [0, 1, 1, -1]]


def test_texts_and_arrays_have_the_same_vocabulary_and_the_raw_elements_beside_it(tmp_path: Path) -> None:
    features = (SKILL, {"name": "id", "column": "skills", "encode": "vocabulary"})
    told = [None if row["skills"] is None else ",".join(part or "" for part in row["skills"]) for row in ROWS]
    texts = [row | {"skills": text} for row, text in zip(ROWS, told, strict=True)]
    schema = SCHEMA.set(2, pa.field("skills", pa.string()))

    _, of_arrays = made(put_rows(tmp_path / "a"), tmp_path / "x", features=features)
    _, of_texts = made(put_rows(tmp_path / "b", texts, schema), tmp_path / "y", features=features)

    assert of_texts == of_arrays
    names = {3: "add", 4: "minus", 5: "times"}
    for row in of_arrays:
        assert [names.get(i, "-") for i in row["id_sequence"]] == row["skill_sequence"]


def test_another_subset_and_a_later_run_keep_ids_of_elements(tmp_path: Path) -> None:
    ids = ({"name": "id", "column": "skills", "encode": "vocabulary"},)
    for subset, pupil in (("train", 1), ("test", 2)):
        rows = [row for row in ROWS if row["pupilid"] == pupil]
        put_parquet(tmp_path / "in" / subset / "a.parquet", pa.Table.from_pylist(rows, SCHEMA))
    told = EXPLODED | ARROW | {"features": ids, "subsets": {"train": 0.5, "test": 0.5}}

    run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", **told))
    _, unknown = published_rows(f"{tmp_path}/out/test_sequenced_4")
    put_parquet(
        tmp_path / "in" / "train" / "b.parquet",
        pa.Table.from_pylist([{"pupilid": 3, "at": 0, "skills": ["minus", "add"], "correct": 1}], SCHEMA),
    )
    run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", **told))
    _, known = published_rows(f"{tmp_path}/out/test_sequenced_4")

    assert unknown[0]["id_sequence"] == [1, 2, 1, 0]
    assert known[0]["id_sequence"] == [1, 5, 1, 0]


def test_whole_observations_stay_whole_and_have_no_ids_of_elements(tmp_path: Path) -> None:
    ids = {"name": "id", "column": "skills", "encode": "vocabulary"}
    told = settings_for(put_rows(tmp_path), f"{tmp_path}/out", **(EXPLODED | ARROW | {"features": (SKILL, ids)}))

    run(told.model_copy(update={"output": "observations"}))

    manifest, rows = published_rows(f"{tmp_path}/out/train_prepared")
    assert rows == ROWS
    assert manifest.ledger.expanded == 0
    assert changed_future(told, prepared(told)) == []


def test_a_feature_that_reads_a_later_element_is_found(tmp_path: Path) -> None:
    later = ({"name": "next", "column": "skills", "pad": "-", "shift": 1},)
    told = settings_for(put_rows(tmp_path), f"{tmp_path}/out", **(EXPLODED | ARROW | {"features": later}))

    assert [finding.where for finding in changed_future(told, prepared(told))] == ["feature 'next'"]


def test_the_audit_finds_no_leak_in_repeats(tmp_path: Path) -> None:
    for subset, pupils in (("train", range(20)), ("test", range(20, 30))):
        rows = [row | {"pupilid": pupil} for pupil in pupils for row in ROWS[:3]]
        put_parquet(tmp_path / "in" / subset / "a.parquet", pa.Table.from_pylist(rows, SCHEMA))
    told = EXPLODED | ARROW | {"subsets": {"train": 0.5, "test": 0.5}, "audit": "fail"}

    run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", **told))

    assert audit_published(f"{tmp_path}/out", settings_for(f"{tmp_path}/in", f"{tmp_path}/out", **told)).leaks == []


# --- what is refused before anything runs


@pytest.mark.parametrize("kind", ["sequences", "observations"])
def test_a_column_that_cannot_be_exploded_stops_the_run_before_it_reads(kind: str, tmp_path: Path) -> None:
    schema = SCHEMA.set(2, pa.field("skills", pa.list_(pa.list_(pa.string()))))
    nested = [row | {"skills": [["add"]]} for row in ROWS]
    told = settings_for(put_rows(tmp_path, nested, schema), f"{tmp_path}/out", **(EXPLODED | ARROW))
    told = told.model_copy(update={"output": kind})

    for start in (run, check):
        with pytest.raises(DataError, match=r"found array<array<string>>\. Hint: map it under columns"):
            start(told)
    assert not list(tmp_path.glob("out/**/*.parquet"))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"subset_method": "column", "subset_column": "Skills"}, "Skills"),
        ({"subset_method": "auto", "columns": {"subset": "skills"}}, "subset"),
    ],
    ids=["column", "auto"],
)
def test_a_subset_column_of_arrays_stops_the_run_before_it_reads(
    changes: dict[str, Any], name: str, tmp_path: Path
) -> None:
    told = settings_for(put_rows(tmp_path), f"{tmp_path}/out", **(EXPLODED | ARROW | changes))

    for start in (run, check):
        with pytest.raises(DataError, match=rf"^observations: expected column '{name}' to be .*, found array<string>"):
            start(told)
    assert not list(tmp_path.glob("out/**/*.parquet"))


def test_athena_refuses_to_explode_by_name(s3_endpoint: str) -> None:
    with pytest.raises(SpecificationError, match=r"^explode: expected null where Athena computes, found skills"):
        athena_service(FakeAthena(), "s3://bucket", "school", **EXPLODED)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"explode_cuts": "keep_together"},
            "^explode_cuts: expected allow where execution is native, found keep_together",
        ),
        (
            {"explode_cuts": "keep_together", "execution": "auto", "spread_pupils_above": 9},
            "^explode_cuts: expected allow where execution is native",
        ),
        ({"spread_pupils_above": 9}, "^spread_pupils_above: expected null where explode is set"),
    ],
)
def test_what_spark_does_not_do_is_refused_by_name(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    data = put_rows(tmp_path)

    with pytest.raises(ConfigurationError, match=message):
        run(settings_for(data, f"{tmp_path}/out", **(EXPLODED | changes)))
    assert not list(tmp_path.glob("out/**/*.parquet"))


# --- on Spark, by its tasks


@pytest.mark.parametrize("cuts", ["allow", "keep_together"])
def test_sparks_tasks_publish_what_the_embedded_engine_does(spark: SparkSession, tmp_path: Path, cuts: str) -> None:
    rows = [
        row | {"pupilid": pupil, "at": row["at"] + 10 * more} for pupil in range(7) for more in range(3) for row in ROWS
    ]
    features = (
        SKILL,
        {"name": "id", "column": "skills", "encode": "vocabulary"},
        {"name": "attempt", "derive": "attempt_number", "of": "skills", "pad": 0},
        {"name": "place", "derive": "position", "pad": -1},
    )
    told = EXPLODED | {"features": features, "explode_cuts": cuts, "duplicates": "drop", "min_length": 2}
    data = put_rows(tmp_path, rows)

    made = {
        name: run(settings_for(data, f"{tmp_path}/{name}", vocabulary_location=f"{tmp_path}/words", **told, **more))
        for name, more in (("arrow", ARROW), ("spark", {"execution": "arrow", "shuffle_partitions": 2}))
    }

    (here, there) = (made[name]["train"] for name in ("arrow", "spark"))
    assert compare(str(here[1]), str(there[1])) == []
    assert here[0].ledger == there[0].ledger
    assert there[0].ledger.expanded > 0
