"""`obs2seq sql`: what a run would send to Athena, printed."""

from pathlib import Path

import pytest

from obs2seq.cli import main
from obs2seq.warehouses.athena.statements import registered_name
from tests.athena_fakes import client
from tests.athena_jobs import new_database

Capture = pytest.CaptureFixture[str]
TYPES = {
    "pupilid": "bigint",
    "answered_at": "timestamp",
    "observation_id": "bigint",
    "exercise_id": "bigint",
    "skill": "string",
    "score": "double",
    "duration_s": "double",
}
CORRECT = ["--columns", '{correct: "CAST(score AS INT)"}']


@pytest.fixture
def types(tmp_path: Path) -> str:
    path = tmp_path / "types.yaml"
    path.write_text("\n".join(f"{name}: {type_}" for name, type_ in TYPES.items()), encoding="utf-8")
    return str(path)


def _asked(capsys: Capture, *options: str) -> tuple[int, str, str]:
    code = main(["sql", *options])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_statements_of_a_run_are_printed_in_the_order_in_which_they_are_sent(capsys: Capture, types: str) -> None:
    code, out, _ = _asked(
        capsys,
        *("--athena_table", "school.answers", "--types", types, "--subset", "validation", *CORRECT),
        *("--output_s3_location", "s3://bucket/output", "--compression", "zstd"),
    )

    counts, _, unloaded = out.partition("-- What is written\n")
    assert code == 0
    assert counts.startswith("-- What is counted before anything is written\nWITH\nmapped AS (")
    assert " AS rows_out\n" in counts
    assert unloaded.startswith("UNLOAD (\nWITH\nmapped AS (")
    assert "TO 's3://bucket/output/validation_sequenced_100/run_id=<run>/'\n" in unloaded
    assert "compression = 'ZSTD'" in unloaded
    assert out.count('FROM "school"."answers"') == 2
    assert "THEN 'other_subset' END" in out


def test_what_is_printed_can_be_pasted_as_two_statements(capsys: Capture) -> None:
    _, out, _ = _asked(capsys, "--athena_table", "answers")

    first, second, rest = out.split(";\n")
    assert first.startswith("-- What is counted before anything is written\nWITH\n")
    assert second.startswith("\n-- What is written\nUNLOAD (")
    assert rest == ""


@pytest.mark.parametrize(
    ("method", "location"), [("hash", "s3://bucket/observations"), ("folder", "s3://bucket/observations/test")]
)
def test_without_a_table_it_is_the_one_that_a_run_registers(capsys: Capture, method: str, location: str) -> None:
    code, out, _ = _asked(
        capsys,
        *("--s3_data_location", "s3://bucket/observations/", "--athena_database", "school"),
        *("--subset_method", method, "--subset", "test", "--select-only"),
    )

    assert code == 0
    assert f'FROM "school"."{registered_name(location)}"' in out


def test_the_select_alone_needs_no_types(capsys: Capture) -> None:
    code, out, _ = _asked(capsys, "--athena_table", "answers", "--select-only")

    assert code == 0
    assert out.startswith("WITH\n")
    assert "UNLOAD" not in out
    assert "rows_out" not in out


def test_whole_observations_are_printed_too(capsys: Capture, types: str) -> None:
    code, out, _ = _asked(
        capsys, "--athena_table", "answers", "--types", types, "--output", "observations", "--select-only", *CORRECT
    )

    assert code == 0
    assert "ORDER BY pupil, key_0 NULLS FIRST" in out


def test_types_are_looked_up_in_glue(capsys: Capture, s3_endpoint: str) -> None:
    database = new_database()
    columns = [{"Name": name, "Type": type_} for name, type_ in TYPES.items()]
    storage = {"Columns": columns, "Location": "s3://bucket/in/"}
    client("glue").create_table(DatabaseName=database, TableInput={"Name": "answers", "StorageDescriptor": storage})

    code, out, _ = _asked(capsys, "--athena_table", f"{database}.answers", "--types", "glue", "--select-only", *CORRECT)

    assert code == 0
    assert 'CAST(CASE WHEN "score" < 0 THEN ceil("score") ELSE floor("score") END AS integer) AS "correct"' in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "error: athena_table: expected the table or view to read, found none. Hint: name one;"),
        (["--athena_table", "a", "--output_format", "delta"], "output_format: expected parquet, which is what Athena"),
        (["--athena_table", "a", "--output_s3_location", "/tmp/out"], "which Athena reads and writes, found a local"),
        (["--s3_data_location", "in"], "error: in: expected s3://<bucket>/<folder>, which Athena reads and writes"),
        (
            ["--s3_data_location", "s3://b/x", "--output_s3_location", "s3://b/x/y"],
            "expected input and output apart, found that",
        ),
        (["--athena_table", "a", "--subset_method", "folder"], "found a folder for each at s3://<bucket>/<data>"),
        (["--athena_table", "a..b"], "error: table: expected name, database.name or catalog.database.name"),
        (["--athena_table", "a", "--subset", "tset"], "expected one of train, validation, test, found 'tset'"),
        (["--athena_table", "a", "--types", "nowhere.yaml"], "error: nowhere.yaml: expected a YAML file, found none"),
        (["--athena_table", "a", *CORRECT], "of what is of no known type (name the types of the columns)"),
        (["--athena_table", "a", "--row_filter", "rand() < 0.5"], "as Spark does, found rand()"),
    ],
)
def test_what_cannot_be_written_is_said(capsys: Capture, options: list[str], words: str) -> None:
    code, out, err = _asked(capsys, *options)

    assert (code, out) == (2, "")
    assert words in err


def test_file_that_names_no_types_is_refused(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "types.yaml"
    path.write_text("[pupilid]", encoding="utf-8")

    code, _, err = _asked(capsys, "--athena_table", "a", "--types", str(path))

    assert code == 2
    assert "expected names of columns with their types, such as 'pupilid: bigint'" in err
