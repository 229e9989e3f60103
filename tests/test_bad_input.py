"""Places, settings and expressions that cannot be used: each is refused in one line, and changes nothing."""

import socket
from pathlib import Path

import botocore.client
import pytest
from botocore.exceptions import ClientError
from pyspark.sql import SparkSession

from obs2seq.warehouses import session
from tests.commands import Published, message_of, observations, publish, put_bytes, put_parquet, run

Capture = pytest.CaptureFixture[str]
DATA, USAGE, SERVICE = 1, 2, 3


@pytest.fixture(scope="module")
def published(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(tmp_path_factory.mktemp("published"))


@pytest.fixture
def no_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spark takes seconds to start: what can be known before is said before."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(session, "local_session", refuse)


def test_a_location_without_observations_is_refused(
    published: Published, tmp_path: Path, capsys: Capture, no_spark: None
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    put_bytes(tmp_path / "hidden" / "_SUCCESS", "")
    put_bytes(tmp_path / "hidden" / ".part-0.parquet.crc", "")
    put_bytes(tmp_path / "hidden" / "_temporary" / "part-0.parquet", "")
    put_bytes(tmp_path / "notes" / "notes.txt", "")

    said = {
        name: published.refusal(capsys, DATA, data=tmp_path / name) for name in ("none", "empty", "hidden", "notes")
    }

    nothing = "expected files with observations, found"
    assert said["none"] == f"{tmp_path}/none: {nothing} nothing there. Hint: check the location."
    assert said["empty"] == f"{tmp_path}/empty: {nothing} nothing there. Hint: check the location."
    assert said["hidden"] == f"{tmp_path}/hidden: {nothing} only 3 hidden files. Hint: check the location."
    assert "expected files of one format (.parquet, .csv" in said["notes"]


def test_files_of_several_formats_are_refused(
    published: Published, tmp_path: Path, capsys: Capture, no_spark: None
) -> None:
    put_parquet(tmp_path / "part-0.parquet", observations())
    put_bytes(tmp_path / "more.csv", "pupilid\n1\n")

    said = published.refusal(capsys, DATA, data=tmp_path)

    assert "found 1 csv, 1 parquet. Hint: set input_format" in said


def test_published_output_is_no_input(published: Published, tmp_path: Path, capsys: Capture, no_spark: None) -> None:
    said = published.refusal(capsys, DATA, data=published.output, output=tmp_path / "another")

    assert "expected plain files, found what obs2seq published (all_sequenced_4/_CURRENT.json)" in said


def test_input_and_output_that_overlap_are_refused(published: Published, capsys: Capture, no_spark: None) -> None:
    root = published.data.parent
    said = [
        published.refusal(capsys, USAGE, output=published.data / "output"),
        published.refusal(capsys, USAGE, output=published.data),
        published.refusal(capsys, USAGE, output=f"{published.data}/../good/"),
        published.refusal(capsys, USAGE, output=root),
    ]

    assert ["expected input and output apart" in line for line in said] == [True] * 4
    assert "the output lies in it" in said[0]
    assert "it lies in the output" in said[3]


@pytest.mark.parametrize("scheme", ["s3a", "s3n", "hdfs", "gs"])
def test_another_scheme_is_refused(published: Published, capsys: Capture, scheme: str, no_spark: None) -> None:
    said = published.refusal(capsys, USAGE, output=f"{scheme}://bucket/output")

    assert f"expected a local path, a file:// URI or an s3:// URI, found {scheme}:" in said
    assert ("write s3://bucket/output" in said) == scheme.startswith("s3")


@pytest.mark.parametrize("place", ["below a file", "/proc/obs2seq"])
def test_an_output_that_cannot_be_written_is_refused(
    published: Published, tmp_path: Path, capsys: Capture, place: str
) -> None:
    # Permissions stop no root, so these are places where nobody can write.
    (tmp_path / "file").write_text("")
    output = place if place.startswith("/") else f"{tmp_path}/file/output"

    said = published.refusal(capsys, SERVICE, output=output)

    assert said.startswith(output)
    assert "expected to read and write here, found" in said


def test_an_endpoint_that_does_not_answer_is_refused_before_spark_starts(
    published: Published, capsys: Capture, monkeypatch: pytest.MonkeyPatch, no_spark: None
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
        said = published.refusal(capsys, SERVICE, data="s3://bucket/observations")

    assert said.startswith("s3://bucket/observations: expected S3 to answer, found no connection")


def test_a_denial_is_told(
    published: Published, capsys: Capture, monkeypatch: pytest.MonkeyPatch, s3_endpoint: str, no_spark: None
) -> None:
    def denied(_: object, operation: str, __: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, operation)  # type: ignore[typeddict-item]

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", denied)

    said = published.refusal(capsys, SERVICE, data="s3://bucket/observations")

    assert "expected S3 to answer ListObjectsV2, found access denied (AccessDenied). Hint: let the role" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--sequence_length", "0"), "option --sequence_length: expected 1 or more, found 0"),
        (("--sequence_length", "10000000"), "option --sequence_length: expected 100000 or less, found 10000000"),
        (("--sequence_length", "ten"), "option --sequence_length: expected a whole number, found 'ten'"),
        (("--stride", "5"), "option --stride: expected 1 to 4 (sequence_length), found 5"),
        (("--min_length", "5"), "option --min_length: expected 1 to 4 (sequence_length), found 5"),
        (("--mode", "emrr"), "option --mode: expected 'local', 'emr' or 'athena', found 'emrr'"),
        (("--subsets", "all=0.5"), "option --subsets: expected fractions that add up to 1, found a sum of 0.5"),
        (("--spread_pupils_above", "0"), "option --spread_pupils_above: expected"),
        (
            ("--output", "observations", "--spread_pupils_above", "9"),
            "spread_pupils_above: expected null where output is observations, which keep each history together, found",
        ),
        (("--config", "nowhere.yaml"), "nowhere.yaml: expected a YAML file, found none. Hint: check --config"),
        (("--input_format", "avro"), "option --input_format: expected"),
        (("--sequence_lenght", "5"), "found --sequence_lenght (did you mean --sequence_length?)"),
        (("--null_pupl=fail", "-x"), "found --null_pupl (did you mean --null_pupil?)"),
        (("surplus",), "expected what 'obs2seq run --help' lists, found 'surplus'"),
        (("--keep_runs",), "found: argument --keep_runs: expected one argument"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_an_option_that_cannot_be_used_is_refused(
    published: Published, capsys: Capture, options: tuple[str, ...], said: str, no_spark: None
) -> None:
    assert said in published.refusal(capsys, USAGE, *options)


def test_an_unknown_key_in_the_file_or_the_environment_is_refused(
    published: Published, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, no_spark: None
) -> None:
    config = tmp_path / "job.yaml"
    config.write_text("sequence_lenght: 5\n")

    in_file = published.refusal(capsys, USAGE, "--config", config)
    monkeypatch.setenv("OBS2SEQ_STRYDE", "2")
    in_environment = published.refusal(capsys, USAGE)

    assert in_file == (
        f"{config}: expected names of settings, found 'sequence_lenght'. Hint: did you mean 'sequence_length'."
    )
    assert in_environment == (
        "environment: expected names of settings, found 'OBS2SEQ_STRYDE'. Hint: did you mean 'OBS2SEQ_STRIDE'."
    )


def test_a_run_without_locations_is_refused(capsys: Capture, monkeypatch: pytest.MonkeyPatch, no_spark: None) -> None:
    said = message_of(run(capsys, "", ""))

    assert "expected s3_data_location and output_s3_location, found none. Hint: give --s3_data_location" in said


ROW_BY_ROW = "expected an expression over one row, found "
NEITHER = "expected a column or a Spark SQL expression over the input, found"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("cast(scor AS INT)", f"{NEITHER}: [UNRESOLVED_COLUMN.WITH_SUGGESTION]"),
        ("cast(correct AS", f"{NEITHER}: [PARSE_SYNTAX_ERROR]"),
        ("frobnicate(correct)", f"{NEITHER}: [UNRESOLVED_ROUTINE]"),
        ("correct; DROP TABLE x", f"{NEITHER}: [PARSE_SYNTAX_ERROR]"),
        ("explode(array(1, 2))", f"{NEITHER}: [UNSUPPORTED_GENERATOR"),
        ("sum(correct)", f"{ROW_BY_ROW}one over several rows"),
        ("lag(correct) OVER (ORDER BY answered_at)", f"{ROW_BY_ROW}one over several rows"),
        ("rand()", f"{ROW_BY_ROW}one that depends on chance"),
        ("monotonically_increasing_id()", f"{ROW_BY_ROW}one that depends on chance, or on how the input lies in files"),
        ("input_file_name() = ''", f"{ROW_BY_ROW}one that depends on chance, or on how the input lies in files"),
        ("unix_timestamp()", f"{ROW_BY_ROW}the clock"),
        ("datediff(current_date(), answered_at)", f"{ROW_BY_ROW}the clock"),
        ("correct IN (SELECT 1)", f"{ROW_BY_ROW}a query of its own"),
    ],
)
def test_an_expression_that_cannot_be_used_is_refused(
    published: Published, capsys: Capture, expression: str, said: str
) -> None:
    column = published.refusal(capsys, USAGE, "--columns", f'{{correct: "{expression}"}}')
    row_filter = published.refusal(capsys, USAGE, "--row_filter", expression)

    assert column.startswith(f"columns.correct: {said}")
    assert row_filter.startswith(f"row_filter: {said}")


def test_a_filter_that_is_no_condition_is_refused(published: Published, capsys: Capture) -> None:
    said = published.refusal(capsys, USAGE, "--row_filter", "correct + 1")

    assert said == "row_filter: expected a condition, found an expression of type int."
