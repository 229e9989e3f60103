"""What is told of a run while it runs: lines, spans, Spark's descriptions, and a display."""

import importlib
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pyspark import SparkContext
from pyspark.sql import SparkSession
from rich.console import Console

from obs2seq import bootstrap
from obs2seq.bootstrap.watching import watching
from obs2seq.errors import DataError
from obs2seq.orchestrator import DataSequencingOrchestrator
from obs2seq.tracing.logs import FIELDS, JsonFormatter, LoggedSpans, StderrHandler, log_as_json
from obs2seq.tracing.otel import OpenTelemetrySpans
from obs2seq.tracing.progress import Stage, TerminalProgress
from obs2seq.tracing.watch import NOBODY, Ending, Span, Watch, Watcher
from obs2seq.warehouses.spark_jobs import JobDescriptions, active_stages, description
from tests.commands import SECRET, observations, put_parquet, run
from tests.small_jobs import answers, put_answers, settings_for

RUN = "00112233aabbccdd"


class Notes(Watcher):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def started(self, span: Span) -> None:
        self.told.append(f"+{span.name}")

    def progressed(self, done: int, total: int | None) -> None:
        self.told.append((done, total))

    def ended(self, ending: Ending) -> None:
        self.told.append((ending.span.name, ending.seconds, type(ending.error).__name__ if ending.error else None))

    def finished(self) -> None:
        self.told.append("finished")


def ticking() -> Iterator[float]:
    """Moments a second apart."""
    second = 0.0
    while True:
        yield second
        second += 1.0


def watch_with(*watchers: Watcher) -> Watch:
    moments = ticking()
    return Watch(watchers, clock=lambda: next(moments))


def small_run(watch: Watch) -> None:
    """One run with one step that gets half way, and a node in it."""
    with watch.run("train_sequenced_3", RUN, "train"), watch.step("write"):
        watch.start_node("windows")
        watch.end()
        watch.progress(1, 2)


def test_watchers_are_told_in_order_and_with_seconds() -> None:
    notes = Notes()
    watch = watch_with(notes)

    small_run(watch)
    watch.close()

    assert notes.told == [
        "+train_sequenced_3",
        "+write",
        "+windows",
        ("windows", 1.0, None),
        (1, 2),
        ("write", 3.0, None),
        ("train_sequenced_3", 5.0, None),
        "finished",
    ]


def test_an_error_ends_all_that_is_open_and_passes() -> None:
    notes = Notes()
    watch = watch_with(notes)

    with pytest.raises(DataError), watch.run("train", RUN, "train"), watch.step("write"):
        raise DataError("here", SECRET)

    assert notes.told[2:] == [("write", 1.0, "DataError"), ("train", 3.0, "DataError")]


def test_nobody_is_told_at_no_cost() -> None:
    small_run(NOBODY)

    assert not NOBODY.is_told
    assert not NOBODY._open


def test_json_lines_say_run_node_and_seconds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "obs2seq")

    small_run(watch_with(LoggedSpans()))

    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    assert [[line[name] for name in FIELDS if name != "error"] for line in lines] == [
        [RUN, "train", "node", "windows", 1.0],
        [RUN, "train", "step", "write", 3.0],
        [RUN, "train", "run", "train_sequenced_3", 5.0],
    ]
    assert {*lines[0]} == {"time", "level", "logger", "message", *FIELDS} - {"error"}
    assert lines[0]["message"] == "node windows done"


def test_json_lines_of_errors_quote_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DataError), watch_with(LoggedSpans()).run("train", RUN, "train"):
        raise DataError("here", SECRET)

    (record,) = caplog.records
    line = JsonFormatter().format(record)
    assert json.loads(line)["error"] == "DataError"
    assert json.loads(line)["level"] == "ERROR"
    assert SECRET not in line


def test_the_log_of_a_run_is_json_where_that_is_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    data = put_parquet(tmp_path / "data" / "part-0.parquet", observations())

    answer = run(capsys, data, tmp_path / "out", "--engine", "arrow", "--log_format", "json")

    assert answer.code == 0
    lines = [json.loads(line) for line in answer.err.splitlines()]
    steps = [(line["kind"], line["node"]) for line in lines if "node" in line]
    assert steps == [("step", "read"), ("step", "write"), ("run", "all_sequenced_4"), ("step", "audit")]
    assert len({line["run_id"] for line in lines if line.get("subset")}) == 1  # the audit is of all subsets
    assert any(line["message"].startswith("all is ready at ") for line in lines)


def test_an_error_is_a_line_of_json_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])

    answer = run(capsys, tmp_path / "none", tmp_path / "out", "--engine", "arrow", "--log_format", "json")

    assert answer.code == 1
    lines = [json.loads(line) for line in answer.err.splitlines()]
    assert lines[-1]["level"] == "ERROR"
    assert lines[-1]["message"].startswith(f"{tmp_path / 'none'}: expected ")


def test_handlers_of_an_embedding_program_keep_their_form(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, ours = logging.StreamHandler(io.StringIO()), StderrHandler()
    monkeypatch.setattr(logging.getLogger(), "handlers", [theirs, ours])

    log_as_json()

    assert theirs.formatter is None
    assert isinstance(ours.formatter, JsonFormatter)


def test_spans_lie_in_each_other() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    with pytest.raises(DataError):
        _failing_run(watch_with(OpenTelemetrySpans(provider)))

    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert list(spans) == ["windows", "write", "train_sequenced_3"]
    outer = spans["train_sequenced_3"]
    assert outer.parent is None
    assert spans["write"].parent.span_id == outer.context.span_id  # type: ignore[union-attr]
    assert spans["windows"].parent.span_id == spans["write"].context.span_id  # type: ignore[union-attr]
    told = {"obs2seq.kind": "node", "obs2seq.run_id": RUN, "obs2seq.subset": "train"}
    assert dict(spans["windows"].attributes or {}) == told
    assert spans["write"].status.description == "DataError"
    assert (outer.attributes or {})["error.type"] == "DataError"
    assert not outer.events, "an exception event would quote the message"


def _failing_run(watch: Watch) -> None:
    with watch.run("train_sequenced_3", RUN, "train"), watch.step("write"):
        watch.start_node("windows")
        watch.end()
        raise DataError("here", SECRET)


def test_traces_without_opentelemetry_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry", None)

    answer = run(capsys, tmp_path, tmp_path / "out", "--engine", "arrow", "--traces", "otel")

    assert answer.code == 2
    assert "traces: expected OpenTelemetry to be installed" in answer.err
    assert "Hint: pip install 'obs2seq[otel]'." in answer.err


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)


def drawn(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    text = file.getvalue()
    file.seek(0)
    file.truncate()
    return text


def test_a_terminal_shows_subset_step_and_share() -> None:
    console = terminal()
    progress = TerminalProgress(console, refreshes=False)
    watch = watch_with(progress)

    with watch.run("train_sequenced_3", RUN, "train"), watch.step("read"):
        watch.progress(30, 120)
        progress.refresh()
        half = drawn(console)
        watch.progress(7, None)
        progress.refresh()
        unknown = drawn(console)

    assert "train" in half
    assert "read" in half
    assert "25%" in half
    assert "7 done" in unknown


def test_a_terminal_shows_the_stages_of_spark() -> None:
    console = terminal()
    stages = [Stage(4, 3, 8), Stage(5, 0, 2)]
    progress = TerminalProgress(console, lambda: stages, refreshes=False)
    watch = watch_with(progress)

    with watch.run("train_sequenced_3", RUN, "train"), watch.step("write"):
        progress.refresh()
        shown = drawn(console)
        stages.clear()
        progress.refresh()
        later = drawn(console)

    assert "stage 4, 5: 3/10 tasks, 30%" in shown
    assert "stage" not in later


@pytest.mark.parametrize(
    ("changes", "is_terminal", "shown"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"progress": False}, True, False),
        ({"log_format": "json"}, True, False),
    ],
)
def test_progress_is_shown_in_a_terminal_alone(changes: dict[str, object], is_terminal: bool, shown: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=is_terminal)
    settings = settings_for("", "", engine="arrow", **changes)

    with watching(settings, console) as watch:
        assert any(isinstance(each, TerminalProgress) for each in watch._watchers) == shown


def test_an_embedded_run_draws_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    console = terminal()
    monkeypatch.setattr(importlib.import_module("obs2seq.bootstrap.watching"), "Console", lambda **_: console)
    put_answers(f"{tmp_path}/in/part-0.parquet", answers(1, [0, 1, 0, 1]))

    bootstrap.run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", engine="arrow"))

    assert "train" in drawn(console)


def test_pieces_and_groups_are_counted(tmp_path: Path) -> None:
    notes = Notes()
    put_answers(f"{tmp_path}/in/part-0.parquet", answers(1, [0, 1, 0, 1]))
    put_answers(f"{tmp_path}/in/part-1.parquet", answers(2, [0, 1]))
    settings = settings_for(f"{tmp_path}/in", f"{tmp_path}/out", engine="arrow")

    service = bootstrap.warehouse(settings, watch=watch_with(notes))
    DataSequencingOrchestrator(service).orchestrate(settings)

    counts = [each for each in notes.told if isinstance(each, tuple) and len(each) == 2]
    assert sorted(counts[:2], key=lambda each: each[0])[-1] == (6, 6)
    assert counts[-1] == (1, None)


def test_a_context_that_is_not_connected_yet_has_no_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SparkContext, "_active_spark_context", object())

    JobDescriptions().started(Span("run", "train_sequenced_3", RUN, "train"))

    assert active_stages() == []


def test_jobs_are_described_by_subset_and_step() -> None:
    whole = Span("run", "train_sequenced_3", RUN, "train")
    write = Span("step", "write", RUN, "train", whole)

    assert description(whole) == "train: train_sequenced_3"
    assert description(write) == "train: write train_sequenced_3"
    assert description(Span("node", "windows", RUN, "train", whole)) == "train: windows"


def test_spark_knows_what_its_jobs_are_for(spark: SparkSession, tmp_path: Path) -> None:
    notes = Notes()
    put_answers(f"{tmp_path}/in/part-0.parquet", answers(1, [0, 1, 0, 1]))
    settings = settings_for(f"{tmp_path}/in", f"{tmp_path}/out")
    context = spark.sparkContext
    seen: dict[str, str | None] = {}

    class Looking(Watcher):
        def started(self, span: Span) -> None:
            seen[span.name] = context.getLocalProperty("spark.job.description")

    watch = watch_with(JobDescriptions(), Looking(), notes)
    DataSequencingOrchestrator(bootstrap.warehouse(settings, watch=watch)).orchestrate(settings)

    assert seen["write"] == "train: write train_sequenced_3"
    assert seen["read columns"] == "train: read columns train_sequenced_3"
    assert seen["windows"] == "train: windows"
    assert context.getLocalProperty("spark.job.description") is None
    nodes = [each for each in notes.told if isinstance(each, str) and each.startswith("+")]
    assert nodes[:4] == ["+train_sequenced_3", "+start Spark", "+read columns", "+mapped_observations"]
    assert nodes[-2:] == ["+sequences", "+write"]
    assert len(set(nodes)) == len(nodes), "a node with checks is told of once"
    assert active_stages() == []
