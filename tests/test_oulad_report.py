"""The page on real results of 23,000 students: what its reader sees is what pandas counts in the raw files."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from obs2seq.bootstrap import run
from obs2seq.settings import load_settings
from tests.oulad_by_pandas import LENGTH, SUBSETS, Figures, Options, Rule, bars, doublings, figures
from tests.report_pages import Page
from tests.test_report import SECTIONS
from tests.test_report_page import CHROMIUM, WIDTHS, browse

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: make browser"),
    pytest.mark.skipif(
        not os.environ.get("OULAD_DIR"),
        reason="OULAD_DIR does not name the folder of the Open University Learning Analytics Dataset",
    ),
]
CONFIG = Path(__file__).parents[1] / "examples" / "oulad" / "oulad.yaml"
DATA = Path(os.environ.get("OULAD_DIR", ""))
RULES = (
    Rule("begun", "quarantine", lambda rows: rows["day"] >= 0),
    Rule("serious", "quarantine", lambda rows: rows["score"] >= 20),
    Rule("listed", "quarantine", lambda rows: rows["assessment"].isin(_assessments())),
    Rule("passed", "warn", lambda rows: rows["correct"] == 1),
    Rule("one_a_day", "warn", lambda rows: ~rows.duplicated(["pupil", "day"]), is_of_pupils=True),
    Rule("few", "quarantine", lambda rows: rows.groupby("pupil")["day"].transform("size") <= 20, is_of_pupils=True),
)
RULES_AS_SET = (
    {"kind": "range", "column": "answered_on", "least": 0},
    {"kind": "predicate", "predicate": "score >= 20"},
    {"kind": "known", "column": "id_assessment", "file": str(DATA / "assessments.csv")},
    {"kind": "allowed", "column": "correct", "values": [1]},
    {"kind": "unique", "columns": ["pupilid", "answered_on"]},
    {"kind": "max_per_pupil", "most": 20},
)
CASES: dict[str, tuple[Options, dict[str, Any]]] = {
    "as it is": (Options(), {}),
    "overlapping, with rules": (
        Options(stride=3, min_length=2, most_sequences=3, rules=RULES),
        {
            "stride": 3,
            "min_length": 2,
            "max_sequences_per_pupil": 3,
            "rules": [
                {"name": rule.name, "severity": rule.severity, **told}
                for rule, told in zip(RULES, RULES_AS_SET, strict=True)
            ],
        },
    ),
}


@dataclass(frozen=True)
class Case:
    """A run of the example, and what its figures have to be."""

    file: Path
    page: Page
    said: str
    bytes: dict[str, int]
    expected: dict[str, Figures]


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    options, told = CASES[request.param]
    output = tmp_path_factory.mktemp("oulad")
    locations = {"s3_data_location": str(DATA / "studentAssessment.csv.gz"), "output_s3_location": str(output)}
    run(load_settings({**locations, "engine": "arrow", "report": True, **told}, {}, CONFIG))
    (written,) = (output / f"train_sequenced_{LENGTH}").glob("run_id=*/_REPORT.html")
    file = written.rename(tmp_path_factory.mktemp("page") / "report.html")  # browsers leave things beside it
    elements, said = browse(file, "--dump-dom")
    sizes = {name: _size(output / f"{name}_sequenced_{LENGTH}") for name in SUBSETS}
    return Case(file, Page(elements), said, sizes, figures(DATA, options))


def _size(dataset: Path) -> int:
    return sum(file.stat().st_size for file in dataset.glob("run_id=*/part-*.parquet"))


def _assessments() -> "pd.Series[int]":
    return pd.read_csv(DATA / "assessments.csv")["id_assessment"]


def _different(expected: Figures, feature: str) -> str:
    counts = expected.new[feature].value_counts()
    frequent = f"; the 12 most frequent hold {counts[:12].sum() / counts.sum():.1%} of the observations"
    return f"{len(counts):,} different values{frequent if len(counts) > 12 else ''}"


def _by_size(sizes: "pd.Series[int]") -> dict[str, tuple[int]]:
    counts = sizes.value_counts().reindex(range(1, sizes.max() + 1), fill_value=0)
    return {str(size): (int(count),) for size, count in counts.items()}


def test_it_opens_without_errors_and_has_every_section(case: Case) -> None:
    assert "CONSOLE" not in case.said
    assert case.page.sections == SECTIONS


@pytest.mark.parametrize("width", [500, 1400])
def test_it_fits_the_width_of_a_phone_and_of_a_screen(case: Case, tmp_path: Path, width: int) -> None:
    page = tmp_path / "page.html"
    page.write_text(case.file.read_text(encoding="utf-8") + WIDTHS, encoding="utf-8")
    elements, _ = browse(page, "--dump-dom", width=width)
    assert f"<title>{width} of {width}</title>" in elements


def test_the_ledger_says_where_every_row_went(case: Case) -> None:
    for name, expected in case.expected.items():
        rows = dict(case.page.part("ledger", f"{name}: 173,912 rows in").rows)
        kept = {words: int(n.replace(",", "")) for words, n in rows.items() if "but noted" not in words}
        assert kept == {"in sequences, each once": len(expected.new), **expected.left_out}
        assert sum(kept.values()) == expected.rows_in == 173_912


def test_sequences_and_padding_are_counted(case: Case) -> None:
    _, *rows = case.page.part("sequences").rows
    assert rows == [
        (
            name,
            f"{len(expected.histories):,}",
            f"{len(expected.new):,}",
            f"{len(expected.sequences):,}",
            f"{1 - len(expected.cells) / len(expected.sequences) / LENGTH:.1%}",
            f"{1 - len(expected.new) / len(expected.cells):.1%}",
            f"{case.bytes[name]:,}",
        )
        for name, expected in case.expected.items()
    ]


def test_lengths_are_counted_before_and_after(case: Case) -> None:
    for name, expected in case.expected.items():
        assert case.page.counts("lengths", name, "pupils in numbers") == _by_size(expected.histories)
        assert case.page.counts("lengths", name, "sequences in numbers") == _by_size(expected.sequences)
        assert case.page.part("lengths", name).sentences == [
            f"{len(sizes):,} {what}: {sizes.mean():,.4g} observations on average, {sizes.max()} at the most"
            for what, sizes in (("pupils", expected.histories), ("sequences", expected.sequences))
        ]


def test_values_are_counted_once_and_in_all_sequences(case: Case) -> None:
    for name, expected in case.expected.items():
        for feature in ("assessment", "correct", "next_correct", "day"):
            here = ("values", name, feature)
            assert case.page.counts(*here, f"{feature} in numbers") == bars(expected.cells, feature)
            assert case.page.part(*here).sentences == [_different(expected, feature)]
        scores = expected.new["score"]
        assert case.page.counts("values", name, "score", "score in numbers") == doublings(expected.cells, "score")
        assert case.page.part("values", name, "score").sentences == [
            f"{scores.min():g} to {scores.max():g}, {scores.mean():.4g} on average"
        ]


def test_activity_is_counted_by_ten_days(case: Case) -> None:
    for name, expected in case.expected.items():
        days = (expected.new["day"] // 10 * 10).value_counts().sort_index()
        here = ("activity", name, "activity in numbers")
        assert case.page.part(*here).rows[0] == ("answered_on", "observations in steps of 10")
        assert case.page.counts(*here) == {str(day): (n,) for day, n in days.items()}


def test_quality_lists_the_rows_that_break_each_rule(case: Case) -> None:
    if not next(iter(case.expected.values())).broken:
        assert case.page.part("quality").sentences == ["No rules are set."]
        return
    header, *rows = case.page.part("quality").rows
    assert header == ("rule", "kind", "needs", "severity", *SUBSETS)
    found = {row[0]: tuple(int(n.replace(",", "")) for n in row[4:]) for row in rows if len(row) == len(header)}
    assert found == {rule.name: tuple(each.broken[rule.name] for each in case.expected.values()) for rule in RULES}
    for name, expected in case.expected.items():
        aside = sum(expected.broken[rule.name] for rule in RULES if rule.severity == "quarantine")
        told = dict(row for row in rows if len(row) == 2)
        assert told[name].startswith(f"{aside:,} of 173,912 rows lie aside, in ")


def test_noted_rows_stand_in_the_ledger_too(case: Case) -> None:
    for name, expected in case.expected.items():
        rows = dict(case.page.part("ledger", f"{name}: 173,912 rows in").rows)
        noted = {words: int(n.replace(",", "")) for words, n in rows.items() if "but noted" in words}
        warned = (rule.name for rule in RULES if rule.severity == "warn" and rule.name in expected.broken)
        assert noted == {f"kept, but noted: the rule '{name}' is broken": expected.broken[name] for name in warned}
