"""The embedded engine as a process of its own: no Java, no Spark, and little to import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small_jobs import answers, published_sequences, put_answers

SRC = Path(__file__).parents[1] / "src"
REPORT = """
import sys
from obs2seq.cli import main
code = main()
heavy = {'boto3', 'duckdb', 'hamilton', 'pandas', 'polars', 'py4j', 'pyspark', 'sqlglot', 'torch'}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


def process(*words: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(SRC), "JAVA_HOME": "/nowhere"}
    command = [sys.executable, "-c", REPORT, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def run_words(root: Path, *words: object) -> list[object]:
    put_answers(str(root / "in" / "a.parquet"), answers(1, [1, 0]))
    features = "[{name: correct, column: correct, pad: -1}]"
    locations = ("--s3_data_location", root / "in", "--output_s3_location", root / "out")
    return [
        "--engine",
        "arrow",
        *locations,
        "--subsets",
        "train=1",
        "--sequence_length",
        3,
        "--features",
        features,
        *words,
    ]


def test_a_run_and_a_check_import_no_spark_no_pandas_and_no_aws(tmp_path: Path) -> None:
    words = run_words(tmp_path)

    checked, ran, shown = (
        process("check", *words), process("run", *words), process("show", tmp_path / "out" / "train_sequenced_3"),
    )  # fmt: skip

    assert [each.returncode for each in (checked, ran, shown)] == [0, 0, 0], ran.stderr
    assert all(each.stderr.splitlines()[-1] == "[]" for each in (checked, ran))
    assert "2 rows in, 2 to go into the output" in " ".join(checked.stdout.split())
    assert "on Arrow" in shown.stdout
    assert published_sequences(str(tmp_path / "out" / "train_sequenced_3")) == [(1, [1, 0, -1])]


def test_expressions_import_what_reads_them(tmp_path: Path) -> None:
    ran = process("run", *run_words(tmp_path, "--row_filter", "correct = 1"))

    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines()[-1] == "['sqlglot']"
    assert published_sequences(str(tmp_path / "out" / "train_sequenced_3")) == [(1, [1, -1, -1])]


@pytest.mark.parametrize(
    ("missing", "words", "message"),
    [
        (
            "pyspark",
            ["--engine", "spark"],
            "engine: expected Spark to be installed, found no module 'pyspark'. Hint: pip",
        ),
        (
            "pyarrow",
            [],
            "expected pyarrow to be installed, found no module 'pyarrow'. Hint: pip install 'obs2seq[arrow]'.",
        ),
        ("sqlglot", ["--row_filter", "correct = 1"], "found no module 'sqlglot'. Hint: pip install 'obs2seq[arrow]'."),
    ],
)
def test_an_engine_that_is_not_installed_names_its_extra(
    missing: str, words: list[str], message: str, tmp_path: Path
) -> None:
    hidden = f"import sys\nsys.modules[{missing!r}] = None\n"
    command = [sys.executable, "-c", hidden + REPORT, "run", *map(str, run_words(tmp_path, *words))]

    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(SRC)}
    )

    assert ran.returncode == 2
    assert message in ran.stderr
