"""Runs contenders in turn, as processes and warmed, and compares what they write."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from benchmarks.contenders import Contender
from benchmarks.measuring import RunFailedError, measured
from benchmarks.outputs import Outputs
from benchmarks.records import Measurement
from benchmarks.spark import spark_settings, submit_command, task_totals
from benchmarks.task import THREADS
from benchmarks.warm import WarmWorker

ROOT = Path(__file__).parents[1]
WORKER = Path(__file__).with_name("worker.py")


@dataclass
class Course:
    """One set of observations, and how contenders are run on it."""

    data: Path
    observations: int
    place: Path
    """Where outputs and logs lie; each output is removed once it has been compared."""
    driver_memory: str
    timeout_s: float
    say: Callable[[str], None]
    environment: dict[str, str] = field(default_factory=dict)


def process_environment() -> dict[str, str]:
    """Return the environment of every contender: this Python, this clone, two threads."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    threads = {name: str(THREADS) for name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS")}
    return os.environ | threads | {"PYTHONPATH": paths, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}


def run_processes(course: Course, contenders: Sequence[Contender], repeats: int, into: list[Measurement]) -> None:
    """Run each contender in a process of its own, in turn, so often; compare what the first turn writes.

    A contender that fails once is left out of further turns.
    """
    measurements = {contender.name: Measurement(contender.name, "process") for contender in contenders}
    into.extend(measurements.values())
    outputs = Outputs(course.place / "out", course.observations)
    for turn in range(repeats):
        for contender in contenders:
            measurement = measurements[contender.name]
            for _ in range(contender.often):
                if measurement.failure is None:
                    _run_once(course, contender, measurement)
            if turn == 0 and measurement.failure is None:
                measurement.output = outputs.verdict(contender)
                course.say(f"{contender.name}: {measurement.output}")
            outputs.remove(contender)
    shutil.rmtree(course.place / "out", ignore_errors=True)


def _run_once(course: Course, contender: Contender, measurement: Measurement) -> None:
    events, out = course.place / "events" / contender.name, course.place / "out" / contender.name
    shutil.rmtree(events, ignore_errors=True)
    shutil.rmtree(out, ignore_errors=True)
    events.mkdir(parents=True)
    try:
        command = [*_launcher(course, contender, events), str(WORKER), contender.name, str(course.data), str(out)]
        cost = measured(command, course.environment, events.with_suffix(".log"), course.timeout_s)
    except RunFailedError as error:
        measurement.failure = str(error)
        course.say(f"{contender.name}: {error}")
        return
    measurement.add(cost.wall_s, cost.cpu_s, cost.peak_bytes)
    measurement.output_bytes = sum(file.stat().st_size for file in out.rglob("*") if _is_data(file))
    if contender.is_spark:
        totals = task_totals(events)
        measurement.shuffle_bytes, measurement.gc_s = totals.shuffled_bytes, totals.gc_s
        measurement.stage_s = totals.stage_s
    course.say(f"{contender.name}: {cost.wall_s:.1f} s, {cost.cpu_s:.1f} CPU s, {(cost.peak_bytes or 0) / 1e6:.0f} MB")


def _launcher(course: Course, contender: Contender, events: Path) -> list[str]:
    if not contender.is_spark:
        return [sys.executable]
    return submit_command(spark_settings(course.observations, course.driver_memory, events))


def _is_data(file: Path) -> bool:
    return file.suffix in (".parquet", ".csv") and file.is_file()


def run_warm(course: Course, contenders: Sequence[Contender], repeats: int, into: list[Measurement]) -> None:
    """Run contenders in processes that stay, in turn, so often and once more before: that first turn is dropped.

    Those on Spark share one session, the others have a process each.
    """
    measurements = {contender.name: Measurement(contender.name, "warm") for contender in contenders}
    into.extend(measurements.values())
    settings = spark_settings(course.observations, course.driver_memory)
    with ExitStack() as stack:

        @cache
        def worker(process: str) -> WarmWorker:
            log = course.place / f"warm-{process}.log"
            spark = settings if process == "spark" else {}
            return stack.enter_context(WarmWorker(spark, course.environment, log, course.timeout_s))

        for turn in range(1 + repeats):
            for contender in contenders:
                if measurements[contender.name].failure is None:
                    process = "spark" if contender.is_spark else contender.name
                    _ask(course, worker(process), contender, measurements[contender.name], is_kept=turn > 0)


def _ask(course: Course, worker: WarmWorker, contender: Contender, measurement: Measurement, *, is_kept: bool) -> None:
    out = course.place / "warm" / contender.name
    shutil.rmtree(out, ignore_errors=True)
    try:
        cost = worker.ask(contender.name, course.data, out)
    except RunFailedError as error:
        measurement.failure = str(error)
        course.say(f"{contender.name}, warm: {error}")
        return
    finally:
        shutil.rmtree(out, ignore_errors=True)
    if is_kept:
        measurement.add(cost.wall_s, cost.cpu_s)
        course.say(f"{contender.name}, warm: {cost.wall_s:.1f} s, {cost.cpu_s:.1f} CPU s")
