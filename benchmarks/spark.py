"""One way to start Spark for all contenders on it, and what its event log says of them."""

import json
import math
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.task import COMPRESSION, THREADS

OBSERVATIONS_PER_PARTITION = 1_000_000
FEWEST_PARTITIONS = 8


def spark_settings(observations: int, driver_memory: str, events: Path | None = None) -> dict[str, str]:
    """Return Spark's settings for a size; an event log is written to the folder `events`, which must be there."""
    partitions = max(FEWEST_PARTITIONS, math.ceil(observations / OBSERVATIONS_PER_PARTITION))
    settings = {
        "spark.master": f"local[{THREADS}]",
        "spark.driver.memory": driver_memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:+UseParallelGC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": str(partitions),
        "spark.sql.parquet.compression.codec": COMPRESSION,
        # As obs2seq sets them, so that contenders in one session do not differ.
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
    }
    if events is not None:
        settings |= {"spark.eventLog.enabled": "true", "spark.eventLog.compress": "false"}
        settings["spark.eventLog.dir"] = events.as_uri()
    return settings


def submit_command(settings: Mapping[str, str]) -> list[str]:
    """Return spark-submit with these settings, ready for a script and its arguments.

    Raises:
        FileNotFoundError: There is no spark-submit beside this Python.
    """
    submit = shutil.which("spark-submit", path=str(Path(sys.executable).parent))
    if submit is None:
        raise FileNotFoundError("spark-submit: expected it beside this Python, found none. Hint: use make bench.")
    return [submit, *(word for name, value in settings.items() for word in ("--conf", f"{name}={value}"))]


@dataclass(frozen=True)
class TaskTotals:
    """What the tasks of one or more applications did, added up."""

    shuffled_bytes: int
    """Written to the shuffle."""
    stage_s: list[float]
    """Seconds that tasks ran, for each stage that had any, in the order of their numbers."""
    gc_s: float
    """Seconds of those that went into garbage collection."""


def task_totals(events: Path) -> TaskTotals:
    """Add up the tasks in the event logs of a folder; a task that was lost has no figures."""
    metrics = [(event["Stage ID"], event["Task Metrics"]) for event in _events(events) if _is_measured_task(event)]
    seconds: dict[int, float] = {}
    for stage, one in metrics:
        seconds[stage] = seconds.get(stage, 0.0) + one["Executor Run Time"] / 1000
    return TaskTotals(
        shuffled_bytes=sum(one["Shuffle Write Metrics"]["Shuffle Bytes Written"] for _, one in metrics),
        stage_s=[round(seconds[stage], 2) for stage in sorted(seconds)],
        gc_s=round(sum(one["JVM GC Time"] for _, one in metrics) / 1000, 2),
    )


def _events(folder: Path) -> Iterator[dict[str, Any]]:
    for file in folder.rglob("*"):
        if file.is_file() and not file.name.startswith(("appstatus", ".")):
            with file.open(encoding="utf-8") as lines:
                yield from (json.loads(line) for line in lines)


def _is_measured_task(event: dict[str, Any]) -> bool:
    return event["Event"] == "SparkListenerTaskEnd" and "Task Metrics" in event
