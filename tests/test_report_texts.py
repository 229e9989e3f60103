"""Reports on values as they come: any text, any number, any day; and a page that fails costs no run."""

import json
import logging
import math
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from obs2seq.bootstrap import run
from obs2seq.errors import StorageError
from obs2seq.report import writing
from obs2seq.report.octaves import label
from obs2seq.report.sums import exact_sum
from obs2seq.report.texts import in_cells, shown, stand_in
from obs2seq.settings import Settings
from tests.small_jobs import FIRST, settings_for

TEXTS = [
    "$$", "$x^$", "\\frac{", "", " ", "a\nb", "a\tb", "\x00\x1b[31m", "\u202eabc", "加法と引き算", "جمع و طرح", "חיבור",
    "👩‍👩‍👧", "<&>\"'", "%s {x}", "x" * 100_000, "_", "\ufffe",
]  # fmt: skip
DOUBLES = [1e308, 1e308, -1e308, 5e-324, -5e-324, 0.0, -0.0, math.inf, -math.inf, math.nan, 1.7976931348623157e308]
WHOLES = [2**63 - 1, -(2**63), 0, 10**18]
DECIMALS = [Decimal("9" * 38), Decimal("-" + "9" * 38), Decimal(0)]
DATES = [date.min, date.max, date(1970, 1, 1)]
TIMES = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), FIRST]
COLUMNS = {
    "text": (pa.string(), TEXTS, "$_$"),
    "double": (pa.float64(), DOUBLES, 0.0),
    "whole": (pa.int64(), WHOLES, 0),
    "decimal": (pa.decimal128(38, 0), DECIMALS, 0),
    "date": (pa.date32(), DATES, "1970-01-01"),
    "time": (pa.timestamp("us", "UTC"), TIMES, "1970-01-01"),
}


def put_columns(file: Path, columns: dict[str, tuple[pa.DataType, Sequence[Any]]], rows: int = 20) -> None:
    """Write one pupil's rows; each column's values in turn, again and again."""
    table = {
        name: pa.array([values[i % len(values)] for i in range(rows)], type_)
        for name, (type_, values) in columns.items()
    }
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table({"pupilid": pa.array([1] * rows), "n": pa.array(range(rows))} | table), file)


def run_over(folder: Path, columns: dict[str, tuple[pa.DataType, Sequence[Any], object]], **changes: object) -> str:
    """Make sequences of some columns, a feature each; return the page."""
    put_columns(folder / "in" / "part-0.parquet", {name: column[:2] for name, column in columns.items()})
    features = [{"name": f"f{i}", "column": name, "pad": pad} for i, (name, (*_, pad)) in enumerate(columns.items())]
    values: dict[str, object] = {
        "engine": "arrow",
        "order_by": ["n"],
        "stride": 1,
        "features": features,
        "report": True,
    }
    run(settings_for(str(folder / "in"), str(folder / "out"), **(values | changes)))
    assert list((folder / "out").glob("*/_CURRENT.json"))
    return next((folder / "out").glob("*/run_id=*/_REPORT.html")).read_text()


@pytest.mark.parametrize("name", COLUMNS)
def test_a_page_is_made_whatever_the_values(tmp_path: Path, name: str) -> None:
    page = run_over(tmp_path, {name: COLUMNS[name]})
    assert page.count('class="plot"') == 3


@pytest.mark.parametrize("name", ["whole", "date", "time"])
def test_a_page_is_made_whatever_the_times(tmp_path: Path, name: str) -> None:
    page = run_over(tmp_path, {name: COLUMNS[name]}, order_by=[name, "n"])
    assert page.count('class="plot"') == 4


def test_a_page_is_made_whatever_columns_and_features_are_called(tmp_path: Path) -> None:
    text = (pa.string(), TEXTS, "")
    names = {"$x^$": text, "a\nb\t": text, "加法": text, "n" * 200: text}
    features = [{"name": name, "column": name, "pad": ""} for name in names]
    page = run_over(tmp_path, names, features=features)
    assert page.count('class="plot"') == 6


def test_texts_are_shown_as_they_are_and_what_cannot_be_seen_is_written_out() -> None:
    assert [shown(text) for text in ("$$", "加法", "👩‍👧", "a b", "")] == ["$$", "加法", "👩‍👧", "a b", '""']
    assert [shown(text) for text in (" a", "a\nb\tc", "\x00", "\u202ea", None, 3, True)] == [
        '" a"', r"a\nb\tc", r"\x00", r"\u202ea", "null", "3", "True",
    ]  # fmt: skip
    assert shown("x" * 1000, 5) == "xxxx…"


def test_labels_of_plots_have_room_for_wide_letters() -> None:
    assert [in_cells(text, 4) for text in ("", "abcd", "abcde", "加法", "加法a")] == ["", "abcd", "abc…", "加法", "加…"]
    assert stand_in("a加👧") == "aWW"


def test_a_value_stands_in_its_plot_as_it_is(tmp_path: Path) -> None:
    page = run_over(tmp_path, {"text": (pa.string(), ["$$", "$a$", "50 %", "加法", "#000000"], "")})
    assert all(re.search(f">{re.escape(text)}</text>", page) for text in ("$$", "$a$", "50 %", "加法", "#000000"))
    assert "mathdefault" not in page


def test_means_and_ranges_of_the_largest_doubles_are_finite(tmp_path: Path) -> None:
    most = sys.float_info.max
    assert float(exact_sum(np.array([most, most, -most]))) == most
    assert float(exact_sum(np.array([most] * 4)) / 4) == most
    assert label((1, 1023)) == "8.98847e+307 to 1.79769e+308"
    page = run_over(tmp_path, {"double": (pa.float64(), [1e308, 1e308, -1e308], 0.0)}, stride=3)
    assert "-1e+308 to 1e+308" in page


REFUSED = StorageError("out/_REPORT.html", "expected to write it, found no room")


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ValueError("the value of row 7 is secret"), "unexpected ValueError in "), (REFUSED, str(REFUSED))],
)
def test_a_page_that_fails_costs_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, reason: str
) -> None:
    monkeypatch.setattr(writing, "report_of", Mock(side_effect=error))
    put_columns(tmp_path / "in" / "part-0.parquet", {"text": (pa.string(), ["a"])})

    ((manifest, _),) = run(small_settings(tmp_path, report=True)).values()

    assert manifest.rows == 7
    (line,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.startswith(f"report: the page could not be made, and the run goes on without it: {reason}")
    assert "secret" not in caplog.text


def test_a_run_of_observations_says_that_it_has_no_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put_columns(tmp_path / "in" / "part-0.parquet", {"text": (pa.string(), ["a"])})

    run(small_settings(tmp_path, report=True).model_copy(update={"output": "observations"}))

    (line,) = [record.getMessage() for record in caplog.records if record.name == "obs2seq.bootstrap.inspections"]
    assert line == "report: no page is made of output: observations; it tells of sequences"
    assert not list((tmp_path / "out").glob("*/run_id=*/_REPORT.html"))


def test_a_log_of_json_has_no_other_line_whatever_the_texts(tmp_path: Path) -> None:
    put_columns(tmp_path / "in" / "part-0.parquet", {"text": (pa.string(), TEXTS)})
    settings = {"pupil": "pupilid", "order_by": ["n"], "sequence_length": 3, "subsets": {"train": 1}, "engine": "arrow"}
    settings |= {"features": [{"name": "text", "column": "text", "pad": "加\t"}], "report": True, "log_format": "json"}
    (tmp_path / "run.yaml").write_text(json.dumps(settings))
    words = [
        sys.executable,
        "-c",
        "import sys, obs2seq.entry; sys.exit(obs2seq.entry.main())",
        "run",
        "--config",
        str(tmp_path / "run.yaml"),
        "--mode",
        "local",
    ]
    words += ["--s3_data_location", str(tmp_path / "in"), "--output_s3_location", str(tmp_path / "out")]

    done = subprocess.run(words, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": "src"})

    assert done.returncode == 0, done.stderr
    levels = {json.loads(line)["level"] for line in done.stderr.splitlines()}
    assert levels == {"INFO"}


def small_settings(folder: Path, **changes: Any) -> Settings:
    """Settings for a column of texts."""
    values: dict[str, object] = {"features": [{"name": "text", "column": "text", "pad": ""}], "order_by": ["n"]}
    return settings_for(str(folder / "in"), str(folder / "out"), engine="arrow", **(values | changes))
