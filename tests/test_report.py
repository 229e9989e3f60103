"""The page on a run: its figures, and that it says what the run left behind."""

import math
import os
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from obs2seq.bootstrap import run
from obs2seq.bootstrap.reports import report_published
from obs2seq.cli import main
from obs2seq.domain.spec import SequenceSpec
from obs2seq.errors import ConfigurationError, DataError
from obs2seq.loading.opening import load
from obs2seq.report import installed
from obs2seq.report.activity import Activity, activity_tally
from obs2seq.report.figures import Lengths, SubsetFigures, figures_of
from obs2seq.report.octaves import by_octave, label
from obs2seq.report.samples import PADDING, REPEATED
from obs2seq.report.sums import exact_sum
from obs2seq.report.values import Bar
from obs2seq.settings import Settings
from tests.small_jobs import answers, put_answers, settings_for

FEATURES = (
    {"name": "pupilid", "column": "pupilid", "pad": -1},
    {"name": "correct", "column": "correct", "pad": -1},
    {"name": "skill", "column": "skill", "pad": ""},
    {"name": "duration_s", "column": "duration_s", "pad": -1.0},
    {"name": "time", "column": "answered_at", "pad": "1970-01-01"},
)
TIMED = {"order_by": ["at"], "sequence_length": 2, "features": [{"name": "at", "column": "at", "pad": 0}]}
SPARK_NAMES = {pa.date32(): "date", pa.int32(): "int", pa.int64(): "bigint"}
SECTIONS = [
    "run",
    "ledger",
    "sequences",
    "lengths",
    "values",
    "activity",
    "cells",
    "quality",
    "audit",
    "dataflow",
    "catalogue",
    "changes",
]


def published(tmp_path: Path, **changes: object) -> Settings:
    """Two pupils with four answers and one, windows of three a step apart; and one pupil to test on."""
    put_answers(str(tmp_path / "in" / "train" / "part-0.parquet"), answers(1, [1, 0, 1, 1]), answers(2, [0]))
    put_answers(str(tmp_path / "in" / "test" / "part-0.parquet"), answers(3, [1, 1]))
    values: dict[str, Any] = {
        "engine": "arrow",
        "features": FEATURES,
        "stride": 1,
        "subsets": {"train": 0.5, "test": 0.5},
    }
    settings = settings_for(str(tmp_path / "in"), str(tmp_path / "out"), **(values | changes))
    run(settings)
    return settings


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> SubsetFigures:
    """The figures of the training set: windows 1 0 1, 0 1 1 and 0."""
    folder = tmp_path_factory.mktemp("published")
    published(folder)
    return figures_of("train", load(folder / "out", "train"))


def test_sequences_and_padding_are_counted(figures: SubsetFigures) -> None:
    assert (figures.sequences, figures.pupils, figures.positions, figures.real, figures.new) == (3, 2, 9, 7, 5)
    assert figures.padding == pytest.approx(2 / 9)
    assert figures.repeated == pytest.approx(2 / 7)


def test_lengths_are_those_of_histories_and_of_sequences(figures: SubsetFigures) -> None:
    assert dict(zip(figures.histories.observations, figures.histories.counts, strict=True)) == {1: 1, 4: 1}
    assert dict(zip(figures.windows.observations, figures.windows.counts, strict=True)) == {1: 1, 3: 2}


def test_values_are_counted_once_and_everywhere_and_never_as_padding(figures: SubsetFigures) -> None:
    values = {each.feature: each for each in figures.values}
    assert values["correct"].bars == [Bar("0", 2, 3), Bar("1", 3, 4)]
    assert values["skill"].bars == [Bar("addition", 5, 7)]
    assert values["duration_s"].bars == [Bar("2 to 4", 5, 7)]
    assert (values["duration_s"].least, values["duration_s"].most, values["duration_s"].mean) == (2.5, 2.5, 2.5)


def test_values_that_no_sequence_has_first_are_counted_all_the_same(tmp_path: Path) -> None:
    # Of the windows 0 1 and 1 0 the last stays, in which 1 is not new.
    put_answers(str(tmp_path / "in" / "part-0.parquet"), answers(1, [0, 1, 0]))
    changes = {"engine": "arrow", "stride": 1, "sequence_length": 2, "max_sequences_per_pupil": 1}
    run(settings_for(str(tmp_path / "in"), str(tmp_path / "out"), **changes))

    (correct,) = figures_of("train", load(tmp_path / "out", "train")).values

    assert (correct.distinct, correct.bars) == (2, [Bar("0", 1, 1), Bar("1", 0, 1)])


def test_no_pupil_is_shown(figures: SubsetFigures) -> None:
    pupils = next(each for each in figures.values if each.feature == "pupilid")
    assert (pupils.distinct, list(pupils.bars)) == (2, [])
    assert "pupilid" not in [sample.feature for sample in figures.samples]


def test_activity_counts_each_observation_once(figures: SubsetFigures) -> None:
    assert figures.activity is not None
    assert [(day.isoformat(), n) for day, n in figures.activity.rows] == [("2026-01-05", 5)]
    assert (figures.activity.unit, figures.activity.column) == ("observations a day", "answered_at")


def activity_over(type_: pa.DataType, *lists: list[object]) -> Activity:
    tally = activity_tally(SequenceSpec.model_validate(TIMED), f"array<{SPARK_NAMES[type_]}>")
    for values in lists:
        tally.add(pa.chunked_array([pa.array([values], pa.list_(type_))]), np.ones(len(values), bool))
    return tally.activity()


def test_activity_over_years_is_counted_by_weeks_from_monday() -> None:
    monday = date(2024, 1, 1)
    activity = activity_over(pa.date32(), [monday, monday], [monday + timedelta(6), monday + timedelta(7 * 60)])
    assert (activity.unit, activity.rows) == ("observations in 7 days", [(monday, 3), (date(2025, 2, 24), 1)])


def test_activity_over_numbers_is_counted_in_steps_of_tens() -> None:
    assert activity_over(pa.int32(), [-1, 3], [3]).rows == [(-1, 1), (3, 2)]
    activity = activity_over(pa.int64(), [-1, 0], [9, 398, 399, 4_000])
    assert (activity.unit, activity.step) == ("observations in steps of 100", 100)
    assert activity.rows == [(-100, 1), (0, 2), (300, 2), (4_000, 1)]


def test_activity_needs_a_time_that_can_be_counted() -> None:
    spec = SequenceSpec.model_validate(TIMED)
    assert activity_tally(spec, "array<double>") is None
    assert activity_tally(spec, None) is None


def test_long_histories_are_counted_by_doublings() -> None:
    lengths = Lengths(np.array([1, 3, 128, 300]), np.array([5, 1, 2, 1]))
    assert [bar.row for bar in lengths.bars if bar.count] == [
        ("1", 5), ("2 to 3", 1), ("128 to 255", 2), ("256 to 511", 1),
    ]  # fmt: skip
    assert (lengths.total, lengths.sum, lengths.most) == (9, 564, 300)


def test_samples_tell_values_padding_and_repeats_apart(figures: SubsetFigures) -> None:
    correct = next(sample for sample in figures.samples if sample.feature == "correct")
    rows = sorted(correct.rows, key=str)
    assert [row.count(PADDING) for row in rows] == [0, 0, 2] or sum(row.count(PADDING) for row in rows) == 2
    assert sum(row.count(REPEATED) for row in rows) == 2
    assert len({cell for row in rows for cell in row if cell >= 0}) == 2


def test_measures_fall_into_doublings() -> None:
    values = np.array([0.0, -0.0, 1.0, 1.99, 2.0, 0.25, -3.0, -4.0, math.inf, -math.inf, math.nan, 5e-324])
    octaves = by_octave(values)
    assert {label(each): octaves[each] for each in sorted(octaves)} == {
        "-∞": 1,
        "-8 to -4": 1,
        "-4 to -2": 1,
        "0": 2,
        "4.94066e-324 to 9.88131e-324": 1,
        "0.25 to 0.5": 1,
        "1 to 2": 2,
        "2 to 4": 1,
        "∞": 1,
        "NaN": 1,
    }


def test_sums_of_doubles_are_exact() -> None:
    chance = np.random.default_rng(0)
    sizes = np.ldexp(chance.random(5_000) - 0.5, chance.integers(-1074, 1000, 5_000))
    for values in (sizes, np.array([1e16, 1.0, -1e16]), np.array([5e-324, -0.0, 5e-324]), np.array([0.1] * 10)):
        assert exact_sum(values) == math.fsum(values.tolist())
    with pytest.raises(OverflowError):
        exact_sum(np.array([1.7e308, 1.7e308]))


def test_a_run_leaves_its_report_with_every_subset(tmp_path: Path) -> None:
    published(tmp_path, report=True, audit="warn")
    pages = [path.read_text() for path in (tmp_path / "out").glob("*/run_id=*/_REPORT.html")]
    assert len(pages) == 2
    assert pages[0] == pages[1]
    assert re.findall(r'<section id="(\w+)">', pages[0]) == SECTIONS
    assert "no pupil is in two subsets" in pages[0]
    assert not re.search(r'(src|href)="?(https?:)?//|@import|url\((?!#)', pages[0])


RULES = (
    {"name": "right", "kind": "allowed", "column": "correct", "values": (1,), "severity": "quarantine"},
    {"name": "early", "kind": "range", "column": "observation_id", "most": 1001, "severity": "warn"},
    {"name": "there", "kind": "not_null", "column": "skill", "severity": "fail"},
)


def quality(page: str) -> list[list[str]]:
    """The cells of the section on quality, row by row."""
    (section,) = re.findall(r'<section id="quality">(.*?)</section>', page, re.S)
    rows = re.findall(r"<tr>(.*?)</tr>", section, re.S)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S) for row in rows]


def test_a_report_lists_rules_with_their_counts_and_the_rows_that_lie_aside(tmp_path: Path) -> None:
    published(tmp_path, report=True, rules=RULES)

    page = next((tmp_path / "out").glob("test*/run_id=*/_REPORT.html")).read_text()

    assert quality(page) == [
        ["rule", "kind", "needs", "severity", "train", "test"],
        ["right", "allowed", "column: correct, values: 1", "quarantine", "2", "0"],
        ["early", "range", "column: observation_id, most: 1001", "warn", "2", "2"],
        ["there", "not_null", "column: skill", "fail", "0", "0"],
        ["train", "2 of 5 rows lie aside, in _quarantine/part-00000.parquet"],
        ["test", "no row lies aside"],
    ]
    assert "quarantined: the rule &#39;right&#39; is broken" in page
    assert report_published(str(tmp_path / "out"), ["train"]).count("lie aside") == 1


def test_a_report_says_where_no_rule_quarantines_and_where_there_are_none(tmp_path: Path) -> None:
    published(tmp_path / "warned", report=True, rules=RULES[1:])
    published(tmp_path / "plain", report=True)

    warned, plain = (
        next((tmp_path / name / "out").glob("train*/run_id=*/_REPORT.html")).read_text() for name in ("warned", "plain")
    )

    assert quality(warned)[-2:] == [["train", "no rule quarantines"], ["test", "no rule quarantines"]]
    assert quality(plain) == []
    assert "No rules are set." in plain


def test_a_report_tells_what_changed_since_the_run_before(tmp_path: Path) -> None:
    published(tmp_path, report=True)
    pages = {path: path.read_text() for path in (tmp_path / "out").glob("train*/run_id=*/_REPORT.html")}
    assert "There is no run before this one." in next(iter(pages.values()))
    published(tmp_path, report=True, stride=2)
    second = next(path for path in (tmp_path / "out").glob("train*/run_id=*/_REPORT.html") if path not in pages)
    assert "settings: stride 1 → 2" in second.read_text()


def test_a_report_names_steps_with_their_seconds_and_columns_with_their_versions(tmp_path: Path) -> None:
    published(tmp_path, report=True)
    page = next((tmp_path / "out").glob("train*/run_id=*/_REPORT.html")).read_text()
    assert re.search(r"<th>train</th><td class=\"n\">\d+\.\d\d s", page)
    assert re.search(r"<td>correct_sequence</td>", page)
    assert re.search(r'<section id="dataflow">.*sequences.*</section>', page, re.S)


def test_a_run_with_a_leak_is_reported_and_not_published(tmp_path: Path) -> None:
    for subset in ("train", "test"):
        put_answers(str(tmp_path / "in" / subset / "part-0.parquet"), answers(1, [1, 0]))
    changes = {"engine": "arrow", "subsets": {"train": 0.5, "test": 0.5}, "audit": "fail", "report": True}
    with pytest.raises(DataError, match="pupils that are in both: 1"):
        run(settings_for(str(tmp_path / "in"), str(tmp_path / "out"), **changes))
    page = next((tmp_path / "out").glob("*/run_id=*/_REPORT.html")).read_text()
    assert "pupils that are in both: 1" in page
    assert not list((tmp_path / "out").glob("*/_CURRENT.json"))


def test_what_is_published_can_be_reported_on_later(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published(tmp_path)
    page = report_published(str(tmp_path / "out"), ["train", "test"])
    assert "The run was not audited." in page
    words = ["report", str(tmp_path / "out"), "--to", str(tmp_path / "page.html"), "--subsets", "train=0.5,test=0.5"]
    assert main(words) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == page


def test_texts_in_settings_and_values_cannot_become_markup(tmp_path: Path) -> None:
    rows = [row | {"skill": "<script>alert(1)</script>"} for row in answers(1, [1, 0])]
    put_answers(str(tmp_path / "in" / "part-0.parquet"), rows)
    features = (*FEATURES[:2], {"name": "skill", "column": "skill", "pad": "<b>"})
    run(settings_for(str(tmp_path / "in"), str(tmp_path / "out"), engine="arrow", features=features))
    page = report_published(str(tmp_path / "out"), ["train"])
    assert "<script" not in page
    assert "<b>" not in page


def test_a_report_that_cannot_be_drawn_stops_a_run_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "_NEEDED", ("jinja2", "not_there"))
    with pytest.raises(ConfigurationError, match=r"report: expected .* found no module 'not_there'"):
        published(tmp_path, report=True)


def test_plot_libraries_say_nothing_of_fonts_and_caches(tmp_path: Path) -> None:
    noisy = tmp_path / "fc-list"
    noisy.write_text("#!/bin/sh\necho 'Fontconfig warning: ignoring UTF-8: not a valid region tag' >&2\n")
    noisy.chmod(0o755)
    (tmp_path / "file").touch()
    script = "from obs2seq.report.plots import lengths_plot; from obs2seq.report.figures import LengthBar\n"
    script += "assert '<svg' in lengths_plot('pupils', [LengthBar(1, 1, 2)], 'observations')"
    path, source = f"{tmp_path}{os.pathsep}{os.environ['PATH']}", str(Path(__file__).parents[1] / "src")

    for folder in (tmp_path / "new", tmp_path / "file" / "none"):  # a font list is made anew; no place for it
        environment = os.environ | {"PATH": path, "PYTHONPATH": source, "MPLCONFIGDIR": str(folder)}
        drawn = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment
        )
        assert (drawn.returncode, drawn.stdout, drawn.stderr) == (0, "", "")
