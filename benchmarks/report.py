"""The tables in RESULTS.md, between two markers; what people write around them stays."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.goals import least_wall, reached
from benchmarks.records import Measurement, Run
from benchmarks.trust import KNOWN, TRUST
from benchmarks.trust_costs import TITLES, costs

BEGIN, END = "<!-- make bench: begin -->", "<!-- make bench: end -->"
LEAST_STAGE_S = 0.1
"""Stages that took less are left out of tables."""
_BASELINES = ("polars_lazy", "spark_floor")
_DATA = {"even": "", "heavy": ", a fifth of them one pupil's", TRUST: ": what trust costs"}
_KINDS = {
    "process": "A process of its own, from start to end:",
    "warm": "Warmed: the same again in a process that did it before, the first turn dropped; Spark in one session:",
}
_TRUST = (
    "A process of its own, from start to end. Ratios are those of the least of all repeats to that of the plain job of "
    "the same engine and subsets, which has no rules, no audit and no report:"
)


def write_report(file: Path, runs: Sequence[Run]) -> None:
    """Put the tables of the runs between the markers of a Markdown file; at its end where it has none."""
    text = file.read_text("utf-8") if file.exists() else "# Results\n"
    before, found, rest = text.partition(BEGIN)
    after = rest.partition(END)[2] if found else "\n"
    file.write_text(f"{before.rstrip()}\n\n{BEGIN}\n{report(runs)}\n{END}{after}", "utf-8")


def report(runs: Sequence[Run]) -> str:
    """Return the tables of the runs, with what to know of each: machine, versions, command, date, load."""
    parts = [_goals(runs), *(_section(run) for run in runs)]
    return "\n\n".join(part for part in parts if part)


def title_of(contender: str) -> str:
    """Return how a contender is called in tables; one that is no more is called as its records do."""
    return KNOWN[contender].title if contender in KNOWN else contender


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _goals(runs: Sequence[Run]) -> str:
    rows = [
        [one.what, _million(one.run), f"{one.measured:.2f}", f"{one.most:.2f}", one.verdict]
        for one in reached(runs, title_of)
    ]
    return "### Goals\n\n" + table(["goal", "million", "measured", "at most", ""], rows) if rows else ""


def _section(run: Run) -> str:
    load = " at the start and ".join(f"{load:.1f}" for load in run.load)
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    facts = f"{run.at}, {run.machine}; load {load} at the end. {versions}."
    parts = [f"### {_million(run)} million observations{_DATA[run.data]}", f"```\n{run.command}\n```", facts]
    if run.data == TRUST:
        parts += [_TRUST, _costs(run)]
    for kind, introduction in _KINDS.items():
        measurements = [one for one in run.measurements if one.kind == kind]
        if measurements and run.data != TRUST:
            parts += [introduction, _measurements(run, measurements)]
    if staged := [one for one in run.measurements if one.stage_s]:
        parts += ["Where tasks on Spark spent their time:", _stages(staged)]
    return "\n\n".join(parts)


def _measurements(run: Run, measurements: Sequence[Measurement]) -> str:
    is_whole = measurements[0].kind == "process"
    titles = ["way", "× polars", "× Spark's floor", "wall s", "CPU s"]
    titles += ["peak MB", "shuffle MB", "output MB", "output"] if is_whole else []
    rows = []
    for one in measurements:
        if one.failure is not None or not one.wall_s:
            rows.append(
                [title_of(one.contender), f"not measured: {one.failure or 'interrupted'}", *[""] * (len(titles) - 2)]
            )
            continue
        row = [title_of(one.contender), *_ratios(run, one), _range(one.wall_s), _range(one.cpu_s)]
        sizes = [_megabytes(size) for size in (one.peak_bytes, one.shuffle_bytes, one.output_bytes)]
        rows.append([*row, *sizes, one.output] if is_whole else row)
    return table(titles, rows)


def _costs(run: Run) -> str:
    return table(TITLES, [[cell if isinstance(cell, str) else _range(cell) for cell in cells] for cells in costs(run)])


def _stages(measurements: Sequence[Measurement]) -> str:
    rows = [
        [
            title_of(one.contender),
            " + ".join(f"{seconds:.1f}" for seconds in one.stage_s if seconds >= LEAST_STAGE_S),
            "" if one.gc_s is None else f"{one.gc_s:.1f}",
        ]
        for one in measurements
    ]
    return table(
        ["way", f"seconds of all tasks, by stage (from {LEAST_STAGE_S} on)", "of these garbage collection"], rows
    )


def _ratios(run: Run, one: Measurement) -> Iterator[str]:
    """Yield the least wall time by that of each baseline."""
    for baseline in _BASELINES:
        theirs = least_wall(run, baseline, one.kind)
        yield f"{min(one.wall_s) / theirs:.2f}" if theirs else ""


def _range(seconds: Sequence[float]) -> str:
    """Return the least, and the most where there is more than one."""
    digits = 1 if min(seconds) >= 10 else 2
    least, most = (f"{which(seconds):.{digits}f}" for which in (min, max))
    return least if len(seconds) == 1 else f"{least} – {most}"


def _megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:,.0f}"


def _million(run: Run) -> str:
    return f"{run.observations / 1e6:g}"
