"""What the executors have: whether a task in Python can import there what it needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException

from obs2seq.version import __version__
from obs2seq.warehouses.failures import explanation
from obs2seq.warehouses.spark_arrow.obstacles import NATIVE, ObstacleError

OLDEST = {"pyarrow": (15,), "numpy": (1, 26)}
"""The versions that the kernel is made for, as the package asks for them too."""
_MOST_TASKS = 32
_HINT = f"ship it there (obs2seq package makes the archives), or {NATIVE}, which needs no Python there"


def lacking(context: SparkContext, *, s3: bool) -> ObstacleError | None:
    """Return what keeps tasks in Python from their work; None where nothing does.

    Costs a job of a moment, on as many tasks as run at the same time.

    Args:
        context: Of the cluster.
        s3: Whether tasks write to S3.
    """
    tasks = min(context.defaultParallelism, _MOST_TASKS)
    try:
        answers = context.parallelize(range(tasks), tasks).mapPartitions(_probe(s3=s3)).distinct().collect()
    except (Py4JError, PySparkException) as error:
        return _refusal(f"that Python does not start: {explanation(error, 'executors').problem}")
    found = next(filter(None, (fault(json.loads(answer), s3=s3) for answer in answers)), None)
    return _refusal(found) if found else None


def fault(found: dict[str, str | None], *, s3: bool) -> str | None:
    """Say what an executor lacks that has these versions; None where it lacks nothing."""
    for name, oldest in OLDEST.items():
        version = found[name]
        if version is None or _numbers(version) < oldest:
            wanted = ".".join(map(str, oldest))
            return f"{name} {version}, older than {wanted}" if version else f"no module '{name}'"
    if found["obs2seq"] != __version__:
        return (
            f"obs2seq {found['obs2seq']} where the driver has {__version__}"
            if found["obs2seq"]
            else ("no module 'obs2seq'")
        )
    return "no credentials for S3 (or no module 'boto3')" if s3 and not found["credentials"] else None


def _probe(*, s3: bool) -> Callable[[Iterable[int]], Iterable[str]]:
    def probe(_: Iterable[int]) -> Iterator[str]:
        # It travels by value: the executors may have no obs2seq to take it from.
        import importlib
        import json

        def attribute(module: str, name: str) -> str | None:
            try:
                return str(getattr(importlib.import_module(module), name))
            except ImportError:
                return None

        found = {name: attribute(name, "__version__") for name in ("pyarrow", "numpy")}
        found["obs2seq"] = attribute("obs2seq.version", "__version__")
        if s3:
            try:
                found["credentials"] = importlib.import_module("boto3").Session().get_credentials() and "found"
            except ImportError:
                found["credentials"] = None
        yield json.dumps(found, sort_keys=True)

    return probe


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _refusal(found: str) -> ObstacleError:
    expected = "expected executors with Python, pyarrow, NumPy and obs2seq where execution is arrow"
    return ObstacleError("execution", f"{expected}, found {found}", _HINT)
