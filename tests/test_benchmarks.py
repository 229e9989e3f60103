"""The harness of the benchmarks: what it measures, compares and writes. What things cost is not tested."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest
from pyarrow import parquet
from pyspark.sql import SparkSession

from benchmarks.__main__ import contenders, main, observations_of, size_of
from benchmarks.comparing import differences, differing, fingerprint
from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.goals import reached
from benchmarks.measuring import RunFailedError, measured
from benchmarks.outputs import Outputs
from benchmarks.plots import draw_growth, points
from benchmarks.records import Measurement, Run, append, newest, read
from benchmarks.report import BEGIN, END, report, table, title_of, write_report
from benchmarks.spark import TaskTotals, spark_settings, task_totals
from benchmarks.trust import SKILLS, TRUSTED
from benchmarks.warm import WarmWorker
from obs2seq.generator import curriculum

OBSERVATIONS = 3_000
MILLION = 1_000_000
NO_LIMIT_S = 200.0


# ------------------------------------------------------------------------------------------------ measuring


def _python(tmp_path: Path, code: str, timeout_s: float = NO_LIMIT_S) -> Any:
    return measured([sys.executable, "-c", code], {}, tmp_path / "log", timeout_s)


def test_memory_and_cpu_of_a_tree_are_those_of_all_its_processes(tmp_path: Path) -> None:
    child = "import time; held = bytearray(b'x') * 60_000_000\nwhile time.process_time() < 0.4: pass"
    start = f"subprocess.run([sys.executable, '-c', {child!r}])"
    parent = f"import subprocess, sys; held = bytearray(b'x') * 60_000_000; {start}"

    cost = _python(tmp_path, parent)

    assert cost.cpu_s >= 0.4
    assert 120_000_000 < cost.peak_bytes < 400_000_000


def test_a_process_that_fails_is_told_with_its_exit_code_and_last_line(tmp_path: Path) -> None:
    with pytest.raises(RunFailedError, match=r"^exit code 3: no room$"):
        _python(tmp_path, "import sys; print('working', flush=True); print('no room', file=sys.stderr); sys.exit(3)")


def _has_ended(pid: int) -> bool:
    """Give a process that was killed the time to end; one that nobody asks after may stay, as a zombie."""
    try:
        process = psutil.Process(pid)
        _, alive = psutil.wait_procs([process], timeout=5)
        return not alive or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_process_that_is_late_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """Both would wait forever; the parent says who its child is."""
    wait = "import threading; threading.Event().wait()"
    parent = (
        f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {wait!r}]).pid, flush=True); {wait}"
    )

    with pytest.raises(RunFailedError, match=r"^stopped after 2 s$"):
        _python(tmp_path, parent, timeout_s=2)

    child = int((tmp_path / "log").read_text())
    assert _has_ended(child)


def _task(stage: int, run_ms: int, gc_ms: int, shuffled: int) -> dict[str, Any]:
    metrics = {"Executor Run Time": run_ms, "JVM GC Time": gc_ms}
    metrics["Shuffle Write Metrics"] = {"Shuffle Bytes Written": shuffled}
    return {"Event": "SparkListenerTaskEnd", "Stage ID": stage, "Task Metrics": metrics}


def test_tasks_in_the_event_log_are_added_up_by_stage(tmp_path: Path) -> None:
    events = [
        {"Event": "SparkListenerApplicationStart"},
        _task(10, 500, 0, 0),
        _task(2, 1000, 100, 40),
        _task(2, 250, 50, 2),
        {"Event": "SparkListenerTaskEnd", "Stage ID": 2},
    ]
    (tmp_path / "local-1").write_text("\n".join(json.dumps(event) for event in events))

    assert task_totals(tmp_path) == TaskTotals(shuffled_bytes=42, stage_s=[1.25, 0.5], gc_s=0.15)


def test_partitions_of_spark_grow_with_the_observations() -> None:
    partitions = "spark.sql.shuffle.partitions"

    assert spark_settings(MILLION, "4g")[partitions] == "8"
    assert spark_settings(96 * MILLION + 1, "4g")[partitions] == "97"


# ------------------------------------------------------------------------------------------------ contenders


@pytest.fixture(scope="module")
def observations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return observations_of(OBSERVATIONS, "heavy", tmp_path_factory.mktemp("benchmarks"))


def test_observations_are_generated_once_and_lie_in_several_files(observations: Path) -> None:
    written = {file: file.stat().st_mtime_ns for file in observations.iterdir()}

    again = observations_of(OBSERVATIONS, "heavy", observations.parent)

    assert (again, len(written)) == (observations, 8)
    assert {file: file.stat().st_mtime_ns for file in again.iterdir()} == written


@pytest.mark.parametrize("name", ["duckdb_list", "obs2seq_table", "pandas_loop", "pykt_text"])
def test_contenders_write_the_same_sequences(name: str, observations: Path, tmp_path: Path) -> None:
    outputs = Outputs(tmp_path, OBSERVATIONS)
    first, other = CONTENDERS["polars_lazy"], CONTENDERS[name]
    first.sequences()(observations, tmp_path / first.name)
    other.sequences()(observations, tmp_path / other.name)

    assert outputs.verdict(first) == "the first"
    assert outputs.verdict(other) == ("the same" if other.makes == "sequences" else "the same where comparable")


def test_contenders_on_spark_write_the_same_sequences(observations: Path, tmp_path: Path, spark: SparkSession) -> None:
    outputs = Outputs(tmp_path, OBSERVATIONS)
    verdicts = {}
    for name in ("polars_lazy", "spark_floor", "spark_naive", "obs2seq_flow"):
        CONTENDERS[name].sequences()(observations, tmp_path / name)
        verdicts[name] = outputs.verdict(CONTENDERS[name])

    assert list(verdicts.values()) == ["the first", "all rows", "the same", "the same"]


def test_a_process_that_stays_answers_each_time_and_tells_why_it_ended(observations: Path, tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    environment = {"PYTHONPATH": f"{root}:{root / 'src'}"}
    with WarmWorker({}, environment, tmp_path / "log", NO_LIMIT_S) as worker:
        costs = [worker.ask("duckdb_list", observations, tmp_path / out) for out in ("a", "b")]

        assert all(cost.wall_s > 0 and cost.peak_bytes is None for cost in costs)
        assert differing(fingerprint(tmp_path / "a"), fingerprint(tmp_path / "b")) == []
        with pytest.raises(RunFailedError, match="ended without an answer: FileExistsError"):
            worker.ask("duckdb_list", observations, tmp_path / "a")


def test_contenders_take_part_up_to_the_size_that_they_bear() -> None:
    assert [one.name for one in contenders(["pandas_loop", "polars_lazy"], MILLION)] == ["polars_lazy", "pandas_loop"]
    assert [one.name for one in contenders(["pandas_loop", "polars_lazy"], MILLION + 1)] == ["polars_lazy"]


@pytest.mark.parametrize(("text", "size"), [("10m", 10_000_000), ("100K", 100_000), ("0.1m", 100_000), ("250", 250)])
def test_size_is_read_in_thousands_and_millions(text: str, size: int) -> None:
    assert size_of(text) == size


def test_size_that_is_no_number_is_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="found '10x'"):
        size_of("10x")


# ------------------------------------------------------------------------------------------------ comparing

_FIRST = {
    "pupilid": 7,
    "session_index": 0,
    "sequence_index": 0,
    "first_position": 0,
    "n_observations": 1,
    "is_pad_sequence": [0, 1],
    "is_new_sequence": [1, 0],
    "pupilid_sequence": [7, -1],
    "exercise_id_sequence": [3, -1],
    "skill_sequence": ["a", "<pad>"],
    "correct_sequence": [1, -1],
    "duration_s_sequence": [2.5, 0.0],
}
_SECOND = _FIRST | {"pupilid": 8, "pupilid_sequence": [8, -1]}


def _written(folder: Path, *files: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    for number, rows in enumerate(files):
        parquet.write_table(pa.Table.from_pylist(rows), folder / f"{number}.parquet")
    return folder


def test_outputs_are_the_same_whatever_their_files_order_and_further_columns(tmp_path: Path) -> None:
    ours = _written(tmp_path / "ours", [_FIRST, _SECOND])
    theirs = _written(tmp_path / "theirs", [_SECOND | {"further": 1}], [_FIRST])

    assert differing(fingerprint(ours), fingerprint(theirs)) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [("skill_sequence", ["<pad>", "a"]), ("duration_s_sequence", [2.5, None]), ("n_observations", 2)],
)
def test_outputs_differ_by_one_value_and_the_column_is_named(tmp_path: Path, column: str, value: object) -> None:
    ours = _written(tmp_path / "ours", [_FIRST, _SECOND])
    theirs = _written(tmp_path / "theirs", [_FIRST, _SECOND | {column: value}])

    assert differing(fingerprint(ours), fingerprint(theirs)) == [column]
    assert differences(ours, theirs, [column, "pupilid_sequence"]) == {column: 1, "pupilid_sequence": 0}


def test_values_that_changed_places_between_pupils_differ(tmp_path: Path) -> None:
    ours = _written(tmp_path / "ours", [_FIRST | {"correct_sequence": [0, -1]}, _SECOND])
    theirs = _written(tmp_path / "theirs", [_FIRST, _SECOND | {"correct_sequence": [0, -1]}])

    assert differing(fingerprint(ours), fingerprint(theirs)) == ["correct_sequence"]


def test_verdict_says_in_how_many_sequences_a_column_differs(tmp_path: Path) -> None:
    _written(tmp_path / "polars_lazy", [_FIRST, _SECOND])
    _written(tmp_path / "duckdb_list", [_FIRST, _SECOND | {"correct_sequence": [0, -1]}])
    outputs = Outputs(tmp_path, 2)
    outputs.verdict(CONTENDERS["polars_lazy"])

    said = outputs.verdict(CONTENDERS["duckdb_list"])

    assert said == "differs: correct_sequence (correct_sequence in 1 sequences)"


def test_only_the_first_output_stays_for_others_to_be_compared_with(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path, 2)
    for name in ("polars_lazy", "duckdb_list"):
        _written(tmp_path / name, [_FIRST])
        outputs.verdict(CONTENDERS[name])
        outputs.remove(CONTENDERS[name])

    assert [folder.name for folder in tmp_path.iterdir()] == ["polars_lazy"]


def test_an_output_that_lacks_a_column_is_unreadable(tmp_path: Path) -> None:
    _written(tmp_path / "polars_lazy", [{"pupilid": 7}])

    assert Outputs(tmp_path, 2).verdict(CONTENDERS["polars_lazy"]).startswith("unreadable: ")


# ------------------------------------------------------------------------------------------------ writing


def _run(*measurements: Measurement, at: str = "2026-01-01", size: int = 10 * MILLION, data: str = "even") -> Run:
    return Run(at, size, data, "make bench", "2 cores", {"polars": "2"}, [0.5, 1.5], list(measurements))


def _measurement(contender: str, *wall_s: float, kind: str = "process", **fields: Any) -> Measurement:
    return Measurement(contender, kind, list(wall_s), [2 * seconds for seconds in wall_s], **fields)


def test_records_are_read_as_they_were_written(tmp_path: Path) -> None:
    runs = [_run(_measurement("polars_lazy", 1.5, 2.0, peak_bytes=10)), _run(at="2026-01-02")]

    for run in runs:
        append(tmp_path / "results.jsonl", run)

    assert read(tmp_path / "results.jsonl") == runs
    assert read(tmp_path / "none.jsonl") == []


def test_a_run_that_is_interrupted_keeps_what_it_has_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(arguments: argparse.Namespace, run: Run) -> None:
        run.measurements += [_measurement("polars_lazy", 1.0), Measurement("duckdb_list", "process")]
        raise KeyboardInterrupt

    words = ["benchmarks", "--size", "1k", "--results", str(tmp_path), "--place", str(tmp_path / "place")]
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr("benchmarks.__main__.measure", interrupted)

    with pytest.raises(KeyboardInterrupt):
        main()

    (run,) = read(tmp_path / "results.jsonl")
    assert (run.observations, run.data, len(run.load)) == (1_000, "even", 2)
    assert run.measurements[0] == _measurement("polars_lazy", 1.0)
    assert f"| {title_of('duckdb_list')} | not measured: interrupted |" in (tmp_path / "RESULTS.md").read_text()


def test_newest_run_counts_for_each_size_and_set() -> None:
    small, old, new = _run(size=MILLION), _run(at="2026-01-01"), _run(at="2026-01-02")
    heavy = _run(data="heavy")

    assert newest([heavy, old, small, new]) == [small, new, heavy]


def test_table_gives_the_least_of_all_repeats_and_its_ratios() -> None:
    run = _run(
        _measurement("polars_lazy", 5.0, 4.0, peak_bytes=3_000_000, output_bytes=1_000_000, output="the first"),
        _measurement("spark_floor", 8.0, shuffle_bytes=2_000_000, output="all rows"),
    )

    lines = report([run]).splitlines()

    polars, floor = (title_of(name) for name in ("polars_lazy", "spark_floor"))
    assert f"| {polars} | 1.00 | 0.50 | 4.00 – 5.00 | 8.00 – 10.00 | 3 |  | 1 | the first |" in lines
    assert f"| {floor} | 2.00 | 1.00 | 8.00 | 16.0 |  | 2 |  | all rows |" in lines
    assert "### 10 million observations" in lines
    assert "2026-01-01, 2 cores; load 0.5 at the start and 1.5 at the end. polars 2." in lines


def test_table_of_stages_leaves_out_what_took_no_time() -> None:
    run = _run(_measurement("spark_floor", 8.0, stage_s=[0.01, 3.0, 12.25], gc_s=0.5))

    assert f"| {title_of('spark_floor')} | 3.0 + 12.2 | 0.5 |" in report([run]).splitlines()


def test_table_says_why_something_was_not_measured() -> None:
    run = _run(_measurement("polars_lazy", failure="stopped after 5 s"), _measurement("duckdb_list", 1.0))

    lines = report([run]).splitlines()

    assert f"| {title_of('polars_lazy')} | not measured: stopped after 5 s |  |  |  |  |  |  |  |" in lines
    assert f"| {title_of('duckdb_list')} |  |  | 1.00 | 2.00 |  |  |  |  |" in lines


def test_table_keeps_its_columns_where_a_cell_holds_a_bar() -> None:
    assert table(["a"], [["x|y"]]) == "| a |\n| --- |\n| x/y |"


def test_report_replaces_what_is_between_the_markers_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    file.write_text(f"# By hand\n\n{BEGIN}\nold\n{END}\n\nBy hand, too.\n")

    write_report(file, [_run(_measurement("polars_lazy", 1.0))])
    once = file.read_text()
    write_report(file, [_run(_measurement("polars_lazy", 1.0))])

    assert file.read_text() == once
    assert once.startswith(f"# By hand\n\n{BEGIN}\n### 10 million")
    assert once.endswith(f"\n{END}\n\nBy hand, too.\n")
    assert "old" not in once


def test_report_without_markers_is_put_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    file.write_text("# By hand\n")

    write_report(file, [])

    assert file.read_text() == f"# By hand\n\n{BEGIN}\n\n{END}\n"


def test_goals_are_met_or_missed_by_a_share() -> None:
    run = _run(
        _measurement("polars_lazy", 10.0, 12.0),
        _measurement("duckdb_list", 20.0),
        _measurement("obs2seq_arrow", 6.0),
    )

    goals = reached([run], title_of)

    assert [(round(goal.measured, 2), goal.most, goal.verdict) for goal in goals] == [
        (0.60, 0.5, "missed by 20%"),
        (0.30, 0.33, "met"),
    ]


def test_goals_hold_from_ten_million_on_and_not_for_the_heavy_set() -> None:
    measurements = (_measurement("polars_lazy", 10.0), _measurement("obs2seq_arrow", 6.0))

    assert reached([_run(*measurements, size=MILLION), _run(*measurements, data="heavy")], title_of) == []


def test_goal_for_skew_compares_the_heavy_set_with_the_even_one() -> None:
    even = _run(_measurement("obs2seq_spark", 10.0))
    heavy = _run(_measurement("obs2seq_spark", 12.0), _measurement("obs2seq_spread", 15.0), data="heavy")

    whole, spread = reached([even, heavy], title_of)

    assert (whole.measured, whole.verdict) == (1.2, "met")
    assert (spread.measured, spread.verdict) == (1.5, "missed by 15%")


def test_growth_has_a_point_for_each_size_of_the_even_set() -> None:
    runs = [
        _run(_measurement("polars_lazy", 9.0, 8.0, peak_bytes=2_000_000_000)),
        _run(_measurement("polars_lazy", 1.0), size=MILLION),
        _run(_measurement("polars_lazy", 7.0), data="heavy"),
    ]

    assert points(runs, "polars_lazy", "wall s") == [(1.0, 1.0), (10.0, 8.0)]
    assert points(runs, "polars_lazy", "peak memory, GB") == [(10.0, 2.0)]
    assert points(runs, "duckdb_list", "wall s") == []


def test_growth_is_drawn_the_same_for_the_same_runs(tmp_path: Path) -> None:
    runs = [_run(_measurement("polars_lazy", 9.0)), _run(_measurement("polars_lazy", 1.0), size=MILLION)]

    for name in ("a.svg", "b.svg"):
        draw_growth(runs, tmp_path / name)

    drawn = (tmp_path / "a.svg").read_bytes()
    assert drawn == (tmp_path / "b.svg").read_bytes()
    assert b"polars, lazy" in drawn


def test_every_contender_has_a_module_of_its_name() -> None:
    folder = Path(sys.modules[Contender.__module__].__file__ or "").parent
    modules = {file.stem for file in folder.glob("*.py")} - {"__init__"}

    assert modules == set(CONTENDERS)
    assert {contender.module for contender in TRUSTED.values()} <= modules


# ------------------------------------------------------------------------------------------------ trust


def test_the_rules_know_every_skill_that_is_generated() -> None:
    assert tuple(SKILLS.split(", ")) == curriculum.SKILLS


def test_only_the_set_trust_has_the_job_beside_itself() -> None:
    assert [one.name for one in contenders(None, MILLION, "trust")] == list(TRUSTED)
    assert not {one.name for one in contenders(None, MILLION, "even")} & set(TRUSTED)


def test_the_set_trust_takes_the_even_observations(tmp_path: Path) -> None:
    even = tmp_path / "observations-50-even"
    even.mkdir()

    assert observations_of(50, "trust", tmp_path) == even


@pytest.mark.parametrize("way", ["rules", "pupils", "split", "both"])
def test_ways_that_leave_no_row_out_write_the_same_sequences(way: str, observations: Path, tmp_path: Path) -> None:
    outputs = Outputs(tmp_path, OBSERVATIONS)
    verdicts = {}
    for name in ("trust_arrow_plain", f"trust_arrow_{way}"):
        TRUSTED[name].sequences()(observations, tmp_path / name)
        verdicts[name] = outputs.verdict(TRUSTED[name])

    assert list(verdicts.values()) == ["the first", "the same"]


def test_rows_that_go_aside_are_compared_with_what_leaves_out_the_same(observations: Path, tmp_path: Path) -> None:
    outputs = Outputs(tmp_path, OBSERVATIONS)
    plain, aside = TRUSTED["trust_arrow_plain"], TRUSTED["trust_arrow_aside"]
    for contender in (plain, aside):
        contender.sequences()(observations, tmp_path / contender.name)

    assert [outputs.verdict(contender) for contender in (plain, aside)] == ["the first", "the first"]
    rows = pa.concat_tables(map(parquet.read_table, tmp_path.rglob("_quarantine/*.parquet")))
    assert rows["duration_s"].null_count == len(rows) > 0


def test_table_of_trust_compares_each_way_with_its_own_plain_job() -> None:
    run = _run(
        _measurement("trust_arrow_plain", 4.0, 5.0, output="the first"),
        _measurement("trust_arrow_rules", 4.2, output="the same"),
        _measurement("trust_arrow_split", 8.0, output="the same"),
        _measurement("trust_arrow_audit", 10.0, output="the same"),
        _measurement("trust_spark_rules", 40.0),
        data="trust",
    )

    lines = report([run]).splitlines()

    assert "| engine: arrow, one subset, plain |  |  | 8.00 – 10.00 | 4.00 – 5.00 |  | the first |" in lines
    assert "| engine: arrow, six rules that all rows keep | 1.05 | 1.05 | 8.40 | 4.20 | 1.10 | the same |" in lines
    assert "| engine: arrow, two subsets, audit | 1.25 | 1.25 | 20.0 | 10.0 |  | the same |" in lines
    assert "| Spark, six rules that all rows keep |  |  | 80.0 | 40.0 | 1.10 |  |" in lines
    assert not any("× polars" in line for line in lines)
    assert [(goal.measured, goal.most) for goal in reached([run], title_of)] == [(1.05, 1.1)]
