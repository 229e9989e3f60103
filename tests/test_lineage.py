"""The steps of each engine, drawn and listed; nothing here starts a session."""

import io
import json
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from obs2seq.bootstrap.jobs import job
from obs2seq.bootstrap.lineage import graph
from obs2seq.lineage import code, modules
from obs2seq.lineage import graph as lineage_graph
from obs2seq.lineage.catalogue import catalogue, print_catalogue
from obs2seq.lineage.drawing import dot, svg, tree
from obs2seq.lineage.graph import Graph
from obs2seq.settings import Settings
from tests.commands import asked

Capture = pytest.CaptureFixture[str]
TOLD = {
    "subset_method": "time",
    "split_times": {"validation": 5, "test": 6},
    "split_context": True,
    "folds": 3,
    "rules": [{"name": "r", "kind": "not_null", "column": "c", "severity": "warn"}],
}
OVER_PUPILS = {"rules": [{"name": "r", "kind": "max_per_pupil", "most": 9, "severity": "warn"}]}
ENGINES = [
    {"mode": "local"},
    {"mode": "local", "engine": "arrow"},
    {"mode": "athena"},
    {"mode": "local", **TOLD},
    {"mode": "local", "execution": "arrow", **TOLD},
    {"mode": "local", "engine": "arrow", **TOLD},
    {"mode": "local", "engine": "arrow", **TOLD, **OVER_PUPILS},
    {"mode": "local", "engine": "arrow", "layout": "indexed"},
]
KINDS = ["sequences", "observations"]


def settings(**changes: object) -> Settings:
    return Settings(**{"mode": "local", "sequence_length": 20, **changes})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_step_has_code_a_meaning_and_an_owner(engine: dict[str, Any], kind: str) -> None:
    found = graph(settings(**engine, output=kind))

    for name, step in found.steps.items():
        assert step.roots, name
        for root in step.roots:
            where = modules.module(root.module)
            assert where is not None, root
            assert where.definition(root.name) is not None, root
        assert step.meaning, name
        assert step.owner, name
        assert set(step.upstream) <= {*list(found.steps)[: list(found.steps).index(name)], *found.inputs}


@pytest.mark.parametrize("engine", ENGINES)
def test_steps_of_one_engine_have_versions_of_their_own(engine: dict[str, Any]) -> None:
    versions = graph(settings(**engine)).versions

    assert len(set(versions.values())) == len(versions)


def test_the_settings_choose_the_steps() -> None:
    chunked, sliding = (graph(settings(stride=stride)) for stride in (20, 5))

    assert [each.name for each in chunked.steps["joined_windows"].roots] == ["joined_windows__chunked"]
    assert [each.name for each in sliding.steps["joined_windows"].roots] == ["joined_windows__overlapping"]
    before_windows = chunked.path_to("blocks").steps
    assert all(chunked.versions[name] == sliding.versions[name] for name in before_windows)
    assert chunked.versions["sequences"] != sliding.versions["sequences"]


@pytest.mark.parametrize("engine", ["spark", "arrow"])
def test_rules_folds_and_the_time_are_steps_where_they_are_asked_for(engine: str) -> None:
    plain, told = (graph(settings(engine=engine, **changes)) for changes in ({}, TOLD))

    assert {"broken_rules", "folded_sequences"} <= set(told.steps)
    assert not {"broken_rules", "folded_sequences", "times", "row_checked_observations"} & set(plain.steps)
    over_pupils = graph(settings(engine=engine, **OVER_PUPILS))
    assert "row_checked_observations" in over_pupils.path_to("observations").steps


def test_folds_have_a_version_of_their_own_and_leave_the_others_theirs() -> None:
    for engine in ("spark", "arrow"):
        without, with_folds = (graph(settings(engine=engine, **changes)) for changes in ({}, {"folds": 3}))

        before, after = without.lineage(["c_sequence"]).columns, with_folds.lineage(["c_sequence", "fold"]).columns

        assert (after["c_sequence"].step, after["fold"].step) == ("sequences", "folded_sequences")
        assert after["c_sequence"] == before["c_sequence"]
        assert after["fold"].version != after["c_sequence"].version


def test_tasks_on_spark_that_read_take_the_embedded_engines_steps() -> None:
    assert graph(settings(execution="arrow", **TOLD)) == graph(settings(engine="arrow", **TOLD))


def test_tasks_on_spark_that_do_not_read_select_as_spark_does_and_make_what_the_kernel_does() -> None:
    native, arrow = graph(settings(**TOLD)), graph(settings(engine="arrow", **TOLD))

    tasks = graph(settings(execution="arrow", input_format="delta", **TOLD))

    selected = native.path_to("observations").steps
    assert {name: tasks.versions[name] for name in selected} == {name: native.versions[name] for name in selected}
    assert set(tasks.steps) == {*selected, *list(arrow.steps)[list(arrow.steps).index("observations") + 1 :], "times"}
    assert tasks.lineage(["fold"]).columns["fold"].step == "folded_sequences"


def test_checks_are_no_steps() -> None:
    assert not [name for name in graph(settings()).steps if name.endswith("_raw") or "schema" in name]


def test_a_change_of_one_function_changes_what_is_below_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(graph(settings(session_gap_seconds=60.0)).versions)
    get_data = modules.pkgutil.get_data

    def changed(package: str, path: str) -> bytes | None:
        content = get_data(package, path)
        if path == "flow/sessions.py" and content is not None:
            content = content.replace(b"_MOST_DIGITS = 38", b"_MOST_DIGITS = 37")
        return content

    monkeypatch.setattr(lineage_graph, "remembered", lambda _, compute: compute())
    monkeypatch.setattr(modules.pkgutil, "get_data", changed)
    _forget()
    after = dict(graph(settings(session_gap_seconds=60.0)).versions)
    monkeypatch.undo()
    _forget()

    differing = {name for name in before if before[name] != after[name]}
    numbered = graph(settings(session_gap_seconds=60.0)).path_to("numbered_observations")
    assert "numbered_observations" in differing
    assert not differing & (set(numbered.steps) - {"numbered_observations"})
    assert {"sequences", "windows", "blocks", "kept_windows"} <= differing
    assert "feature_pads" not in differing


def _forget() -> None:
    for name in ("_text", "_attributes", "_references", "_annotated", "_neighbours", "_method_names"):
        getattr(code, name).cache_clear()
    modules.module.cache_clear()


def test_versions_cost_no_spark_and_no_hamilton() -> None:
    program = (
        "import sys\n"
        "from obs2seq import SequenceSpec\n"
        "from obs2seq.domain.job import Job\n"
        "from obs2seq.lineage.engines import arrow_graph\n"
        "from obs2seq.lineage.statement import athena_graph\n"
        "feature = {'name': 'c', 'column': 'c', 'pad': 0}\n"
        "job = Job(SequenceSpec(order_by=['t'], sequence_length=2, features=[feature]))\n"
        "assert arrow_graph(job, 'sequences').versions and athena_graph('sequences').versions\n"
        "assert not {'pyspark', 'hamilton', 'numpy', 'pyarrow', 'pygraphviz'} & set(sys.modules)\n"
    )

    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_tree_shows_each_step_once() -> None:
    found = Graph("spark", graph(settings()).path_to("history").steps, "history")

    lines = tree(found).splitlines()

    assert lines[0].startswith("history  ")
    assert lines[1].startswith("├── order_keys  ")
    assert lines[2].startswith("│   └── keyed_observations  ")
    assert lines[-1].startswith("└── together  ")
    assert sum(line.endswith("(above)") for line in lines) == sum("(above)" in line for line in lines) >= 1


def test_lineage_prints_the_path_to_one_step(capsys: Capture) -> None:
    answer = asked(capsys, "lineage", "--engine", "arrow", "--to", "observations")

    assert answer.code == 0
    names = [line.strip("│├└─ ").split()[0] for line in answer.out.splitlines()]
    assert names == ["observations", "mapped_observations", "raw_observations", "share"]


def test_lineage_of_a_column_leads_to_that_column(capsys: Capture, tmp_path: Path) -> None:
    answer = asked(capsys, "lineage", "--to", "correct_sequence", "--file", tmp_path / "flow.dot")

    text = (tmp_path / "flow.dot").read_text()
    assert (answer.code, answer.out) == (0, "")
    assert '"sequences" -> "column correct_sequence";' in text
    assert "column skill_sequence" not in text
    assert '"blocks" -> "joined_windows";' in text


def test_lineage_is_drawn_as_svg(capsys: Capture, tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz")

    answer = asked(capsys, "lineage", "--file", tmp_path / "flow.svg")

    assert answer.code == 0, answer.err
    texts = {each.text for each in ET.parse(tmp_path / "flow.svg").iter("{http://www.w3.org/2000/svg}text")}
    assert {"raw_observations", "sequences", "correct_sequence"} <= texts


def test_what_graphviz_says_of_fonts_is_kept_back(monkeypatch: pytest.MonkeyPatch) -> None:
    pygraphviz = pytest.importorskip("pygraphviz")

    def draw(*_: object, **options: str) -> bytes:
        warnings.warn("Fontconfig warning: ignoring UTF-8: not a valid region tag", RuntimeWarning, stacklevel=1)
        return b"<svg/>"

    monkeypatch.setattr(pygraphviz.AGraph, "draw", draw)
    with warnings.catch_warnings(record=True) as said:
        assert svg("digraph { a }") == "<svg/>"
    assert said == []


def test_svg_without_graphviz_is_refused_with_the_way_out(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)

    answer = asked(capsys, "lineage", "--engine", "arrow", "--file", tmp_path / "flow.svg")

    assert answer.code == 2
    assert "expected Graphviz for SVG, found none installed. Hint: pip install 'obs2seq[lineage]', or" in answer.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "window"), "option --to: expected a step or a column, found 'window'. Hint: did you mean 'windows'."),
        (("--to", "correct"), "expected a step or a column, found 'correct'. Hint: did you mean 'correct_sequence'."),
        (("--to", "_id"), "Hint: did you mean 'exercise_id_sequence'."),
        (("--file", "flow.png"), "option --file: expected a file that ends in .svg, .dot or .txt, found 'flow.png'."),
    ],
)
def test_lineage_refuses_what_it_does_not_know(capsys: Capture, words: tuple[str, ...], said: str) -> None:
    answer = asked(capsys, "lineage", *words)

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_names_are_quoted_in_dot() -> None:
    assert '[label="say \\"a\\\\b\\""' in dot(graph(settings(engine="arrow")), ['say "a\\b"'])


def test_catalog_lists_steps_and_columns_as_json(capsys: Capture) -> None:
    answer = asked(capsys, "catalog", "--json", "--columns", '{correct: "CAST(score > 1 AS INT)"}')

    entries = json.loads(answer.out)
    steps, columns = ({each["name"]: each for each in entries if each["kind"] == kind} for kind in ("step", "column"))
    assert steps["observations"]["upstream"] == ["judged_observations", "row_rules", "read_columns", "tally"]
    assert steps["observations"]["type"] == "DataFrame"
    assert list(columns)[:3] == ["pupilid", "session_index", "sequence_index"]
    assert columns["duration_s_sequence"]["unit"] == "seconds"
    assert columns["correct_sequence"]["meaning"] == "values of correct = CAST(score > 1 AS INT), padded with 0"
    assert columns["correct_sequence"]["type"] == "array<type of correct>"
    assert columns["correct_sequence"]["version"] == steps["sequences"]["version"]
    assert all(each["meaning"] for each in entries)


def test_catalog_is_a_table_for_people() -> None:
    chosen = settings(engine="arrow", output="observations")
    console = Console(width=160, record=True, file=io.StringIO())

    print_catalogue(catalogue(graph(chosen), job(chosen), "observations"), console)

    text = console.export_text()
    assert "steps" in text
    assert "columns of the output" in text
    assert "prepared_observations" in text
    assert "answered_at" in text


def blocks(width: int, *, is_terminal: bool) -> str:
    chosen = settings(engine="arrow")
    console = Console(width=width, file=io.StringIO(), force_terminal=is_terminal, no_color=True, record=True)
    print_catalogue(catalogue(graph(chosen), job(chosen), "sequences"), console)
    return console.export_text()


def test_the_catalogue_in_a_narrow_terminal_says_each_field_on_a_line_of_its_own() -> None:
    lines = [line.rstrip() for line in blocks(80, is_terminal=True).splitlines()]

    start = lines.index("first_position")
    assert lines[start + 1 : start + 5] == [
        "  meaning   position of the first real observation in its session",
        "  type      int",
        "  unit      observations",
        "  owner     kernel",
    ]
    assert max(map(len, lines)) <= 80


def test_the_catalogue_elsewhere_than_in_a_terminal_has_a_line_an_entry() -> None:
    lines = blocks(80, is_terminal=False).splitlines()

    (found,) = (line for line in lines if line.startswith("session_index "))
    assert "the session's number among the pupil's; 0 without sessions" in found
    assert found.split()[-3:-1] == ["kernel", "sequences"]


def test_the_path_to_a_column_leaves_out_what_gives_values_to_others(capsys: Capture) -> None:
    feature = "[{name: share, derive: share_correct_before, of: correct, pad: 0}, {name: c, column: correct, pad: 0}]"
    told = ("lineage", "--engine", "arrow", "--features", feature, "--to")

    share, other, mask = (asked(capsys, *told, f"{name}_sequence").out for name in ("share", "c", "is_new"))

    assert ["share_correct_before" in text for text in (share, other, mask)] == [True, False, False]
    assert ["feature_values" in text for text in (share, other, mask)] == [True, True, False]
    assert "share_correct_before (input)" not in other
