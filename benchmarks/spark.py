"""One way to start Spark for all contenders on it, and what its event log says of them."""

import json
import math
import shutil
import sys
from collections.abc import Iterator, Mapping
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


def shuffled_bytes(events: Path) -> int:
    """Return the bytes that all tasks wrote to the shuffle, from the event logs in a folder."""
    return sum(_written(json.loads(line)) for file in _logs(events) for line in file.read_text().splitlines())


def _logs(events: Path) -> Iterator[Path]:
    return (file for file in events.rglob("*") if file.is_file() and not file.name.startswith(("appstatus", ".")))


def _written(event: dict[str, Any]) -> int:
    if event["Event"] != "SparkListenerTaskEnd":
        return 0
    return int(event.get("Task Metrics", {}).get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0))
