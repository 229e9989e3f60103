"""The commands as a person meets them: what they print, and their exit codes."""

import io
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from pyspark.sql import SparkSession

from obs2seq import bootstrap, cli
from obs2seq.cli import main, run_job
from obs2seq.commands import COMMANDS
from obs2seq.version import __version__
from tests.commands import FEATURES, asked, observations, put_parquet, run

Capture = pytest.CaptureFixture[str]
DONE, DATA, USAGE, SERVICE = 0, 1, 2, 3


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return put_parquet(tmp_path_factory.mktemp("data") / "part-0.parquet", observations())


def test_help_and_version_are_told(capsys: Capture) -> None:
    assert asked(capsys, "--version").out == f"obs2seq {__version__}\n"
    whole = asked(capsys, "--help")
    assert (whole.code, whole.err) == (DONE, "")
    for command in COMMANDS:
        answer = asked(capsys, command, "--help")
        assert (answer.code, answer.err) == (DONE, "")
        assert answer.out.startswith(f"usage: obs2seq {command} ")
        assert re.search(rf"^ +{command} +\S", whole.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "'obs2seq --help' lists, found: the following arguments are required: COMMAND"),
        (("rum",), "'obs2seq --help' lists, found: argument COMMAND: invalid choice: 'rum'"),
        (("show",), "'obs2seq show --help' lists, found: the following arguments are required: DATASET"),
        (("show", "here", "--sequences", "x"), "found: argument --sequences: invalid int value: 'x'"),
        (("show", "here", "--sequences", "-1"), "option --sequences: expected 0 or more, found -1"),
        (("schema", "--sequnce_length=3"), "'obs2seq schema --help' lists, found --sequnce_length (did you mean"),
        (("generate", "here", "--observations", "0"), "expected"),
    ],
)
def test_words_that_are_no_command_are_refused(capsys: Capture, words: tuple[str, ...], said: str) -> None:
    answer = asked(capsys, *words)

    assert (answer.code, answer.out) == (USAGE, "")
    assert answer.err.startswith("error: ")
    assert said in answer.err
    assert answer.err.count("\n") == 1


def test_run_says_what_became_of_every_row(spark: SparkSession, data: Path, tmp_path: Path, capsys: Capture) -> None:
    answer = run(capsys, data, tmp_path, "--row_filter", "observation_id < 20", "--subsets", "train=0.5,test=0.5")

    assert (answer.code, answer.err) == (DONE, "")
    table = [line.split() for line in answer.out.splitlines()]
    assert table[0] == ["subset", "rows", "in", "used", "left", "out", "rows", "out", "bytes", "out"]
    assert [row[:5] for row in table[1:3]] == [["train", "24", "11", "13", "3"], ["test", "24", "9", "15", "3"]]
    assert f"train: {tmp_path}/train_sequenced_4 (run " in answer.out
    assert "\n  4 left out: row_filter is not true\n" in answer.out
    assert "\n  9 left out: it belongs to another subset\n" in answer.out


def test_the_same_run_again_is_done_already(
    spark: SparkSession, data: Path, tmp_path: Path, capsys: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    first = run(capsys, data, tmp_path)
    with caplog.at_level(logging.INFO, "obs2seq"):
        second = run(capsys, data, tmp_path)

    assert second == first
    assert any("is finished already, nothing to do" in message for message in caplog.messages)


def test_check_makes_nothing_and_needs_no_output(spark: SparkSession, data: Path, capsys: Capture) -> None:
    before = sorted(data.parent.rglob("*"))

    answer = asked(capsys, "check", "--s3_data_location", data, "--features", FEATURES, "--subsets", "a=0.5,b=0.5")

    assert (answer.code, answer.err) == (DONE, "")
    assert answer.out.splitlines() == [
        "a: 24 rows in, 12 to go into the output, 12 left out",
        "  12 left out: it belongs to another subset",
        "b: 24 rows in, 12 to go into the output, 12 left out",
        "  12 left out: it belongs to another subset",
    ]
    assert sorted(data.parent.rglob("*")) == before


def test_generate_writes_what_run_reads(spark: SparkSession, tmp_path: Path, capsys: Capture) -> None:
    generated = asked(capsys, "generate", tmp_path / "in", "--observations", 500, "--seed", 3)
    again = asked(capsys, "generate", tmp_path / "in", "--observations", 500)
    made = asked(capsys, "check", "--s3_data_location", tmp_path / "in", "--subsets", "all=1")

    assert generated.out == f"500 observations of 4 pupils in 1 files at {tmp_path}/in\n"
    assert (again.code, again.err.startswith("error: location: expected an empty folder")) == (USAGE, True)
    assert made.out == "all: 500 rows in, 500 to go into the output, 0 left out\n"


@pytest.mark.parametrize(
    ("of", "good", "bad"),
    [
        ("settings", "sequence_length: 5\nsubsets: {train: 1.0}\ncolumns: {a: b}\n", "sequence_lenght: 5\n"),
        ("settings", Path("conf/base.yaml").read_text(encoding="utf-8"), "sequence_length: 0\n"),
        ("specification", f"{{order_by: [at], sequence_length: 5, features: {FEATURES}}}", "order_by: [at]\n"),
    ],
    ids=["settings", "base.yaml", "specification"],
)
def test_the_schema_tells_good_files_from_bad_ones(capsys: Capture, of: str, good: str, bad: str) -> None:
    answer = asked(capsys, "schema", of)
    schema = json.loads(answer.out)

    assert (answer.code, answer.err) == (DONE, "")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(good), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(bad), schema)


@pytest.mark.parametrize("format_", ["parquet", "delta"])
def test_show_draws_what_is_published(
    spark: SparkSession, data: Path, tmp_path: Path, capsys: Capture, format_: str
) -> None:
    options = ("--output_format", format_, "--sequence_length", 6, "--shuffle_partitions", 1)
    assert run(capsys, data, tmp_path, *options).code == DONE
    answer = asked(capsys, "show", tmp_path / "all_sequenced_6", "--sequences", 1)

    assert (answer.code, answer.err) == (DONE, "")
    lines = [line.rstrip() for line in answer.out.splitlines()]
    where = "1 parquet file" if format_ == "parquet" else "a delta table"
    assert lines[0] == f"all_sequenced_6 at {tmp_path}/all_sequenced_6"
    assert re.fullmatch(
        rf"6 rows in {where}, published \S+ by obs2seq {__version__} on Spark {spark.version}", lines[1]
    )
    assert lines[2:4] == ["24 rows in = 24 in the output + 0 left out", ""]
    pupil = int(lines[4].split()[1].rstrip(","))
    assert lines[4] == (f"pupilid {pupil}, session 0, sequence 0: 4 observations from position 0 (· is padding)")
    assert [line.split() for line in lines[5:]] == [
        ["correct", *[str(pupil % 2)] * 4, "·", "·"],
        ["skill", *["skill", str(pupil % 3)] * 4, "·", "·"],
        ["is_new", *"1111", "·", "·"],
    ]


def test_show_draws_prepared_observations(spark: SparkSession, data: Path, tmp_path: Path, capsys: Capture) -> None:
    assert run(capsys, data, tmp_path, "--output", "observations", "--shuffle_partitions", 1).code == DONE
    answer = asked(capsys, "show", tmp_path / "all_prepared", "--sequences", 2)

    assert (answer.code, answer.err) == (DONE, "")
    rows = answer.out.splitlines()[3:]
    assert len([row for row in rows if row]) == 2
    assert re.match(r"pupilid=\d  answered_at=2026-01-05 08:0\d:00\+00:00  observation_id=", rows[1])


def test_show_reads_s3(spark: SparkSession, data: Path, bucket: str, capsys: Capture) -> None:
    assert run(capsys, data, f"s3://{bucket}/out").code == DONE
    answer = asked(capsys, "show", f"s3://{bucket}/out/all_sequenced_4")

    assert (answer.code, answer.err) == (DONE, "")
    assert answer.out.count("4 observations from position 0") == 3


@pytest.mark.parametrize("what", ["nothing", "folder", "others' table"])
def test_show_of_what_is_not_published_is_refused(
    spark: SparkSession, data: Path, tmp_path: Path, capsys: Capture, what: str
) -> None:
    location = {"nothing": tmp_path / "none", "folder": data, "others' table": tmp_path / "table"}[what]
    if what == "others' table":
        spark.range(1).write.format("delta").save(str(location))

    answer = asked(capsys, "show", location)

    assert (answer.code, answer.out) == (DATA, "")
    assert answer.err.startswith(f"error: {location}: expected a published dataset, found ")
    assert "Hint: name the folder of one dataset, such as <output>/train_sequenced_100" in answer.err


def test_the_job_passes_over_unknown_options_with_a_warning(
    spark: SparkSession, data: Path, tmp_path: Path, capsys: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    usual = ("--features", FEATURES, "--subsets", "all=1", "--mode", "local")
    words = [
        "--s3_data_location",
        str(data),
        "--output_s3_location",
        str(tmp_path),
        *usual,
        "--strid",
        "3",
        "--JOB_ID=x",
    ]

    assert run_job(words) == DONE
    assert "passed over unknown option --strid (did you mean --stride?)" in caplog.messages
    assert "passed over unknown option --JOB_ID" in caplog.messages
    assert run_job([*words, "--stride"]) == USAGE
    assert capsys.readouterr().err.endswith("found: argument --stride: expected one argument.\n")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            KeyError("Robin"),
            SERVICE,
            "error: obs2seq: expected to finish, found an unexpected KeyError. Hint: add",
        ),
        (KeyboardInterrupt(), cli.INTERRUPTED, "error: interrupted"),
    ],
    ids=["unexpected", "Ctrl-C"],
)
def test_what_nobody_expects_is_said_without_a_traceback(
    data: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(bootstrap, "run", fail)
    answer = run(capsys, data, "out")

    assert (answer.code, answer.out) == (code, "")
    assert answer.err.startswith(said)
    assert "Traceback" not in answer.err
    assert "Robin" not in answer.err


def test_who_has_seen_enough_may_close_the_pipe() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", "from obs2seq.cli import main; raise SystemExit(main(['schema']))"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert process.stdout is not None

    process.stdout.close()
    _, said = process.communicate()

    assert (process.returncode, said) == (DONE, b"")


def test_debug_shows_the_traceback_and_keeps_the_exit_code(capsys: Capture) -> None:
    answer = asked(capsys, "check", "--s3_data_location", "/nowhere/at/all", "--debug")

    assert answer.code == DATA
    assert answer.err.startswith("Traceback (most recent call last):")
    assert answer.err.splitlines()[-1].startswith("error: /nowhere/at/all: expected files with observations")


def test_what_the_terminal_cannot_print_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", terminal)

    assert main(["schema", "specification"]) == DONE
    print("naïve", file=terminal, flush=True)
    assert terminal.buffer.getvalue().endswith(b"na?ve\n")
