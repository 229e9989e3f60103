"""What the executors have: whether a task in Python can import there what it needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping

from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException

from obs2seq.version import __version__
from obs2seq.warehouses.failures import explanation
from obs2seq.warehouses.spark_arrow.obstacles import NATIVE, ObstacleError

OLDEST = {"pyarrow": (15,), "numpy": (1, 26)}
"""The versions that the kernel is made for, as the package asks for them too."""
_TASKS = "obs2seq.warehouses.spark_arrow.tasks"
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


def can_import(context: SparkContext, module: str) -> bool:
    """Return whether the executors have a module; costs a job of a moment, as `lacking` does."""

    def probe(_: Iterable[int]) -> Iterator[bool]:
        from importlib.util import find_spec

        yield find_spec(module) is not None

    tasks = min(context.defaultParallelism, _MOST_TASKS)
    return all(context.parallelize(range(tasks), tasks).mapPartitions(probe).collect())


def fault(found: Mapping[str, str | None], *, s3: bool) -> str | None:
    """Say what an executor lacks that answered so; None where it lacks nothing."""
    for name, oldest in OLDEST.items():
        version = found[name]
        if version is not None and _numbers(version) < oldest:
            return f"{name} {version}, older than {'.'.join(map(str, oldest))}, in {found['python']}"
    if found["missing"] is not None:
        return f"no module '{found['missing']}' in {found['python']}"
    if found["obs2seq"] != __version__:
        return f"obs2seq {found['obs2seq']} where the driver has {__version__}"
    return "no credentials for S3" if s3 and found["credentials"] is None else None


def _probe(*, s3: bool) -> Callable[[Iterable[int]], Iterable[str]]:
    needed = ["pyarrow", "numpy", "obs2seq.version", _TASKS, *(["boto3"] if s3 else [])]

    def probe(_: Iterable[int]) -> Iterator[str]:
        # It travels by value: the executors may have no obs2seq to take it from.
        import importlib
        import json
        import sys

        modules, missing = {}, None
        for name in needed:
            try:
                modules[name] = importlib.import_module(name)
            except ImportError as error:
                missing = missing or error.name or name
        found = {name: getattr(modules.get(name), "__version__", None) for name in ("pyarrow", "numpy")}
        found["obs2seq"] = getattr(modules.get("obs2seq.version"), "__version__", None)
        credentials = modules["boto3"].Session().get_credentials() if "boto3" in modules else None
        found["credentials"] = "found" if credentials else None
        yield json.dumps(found | {"missing": missing, "python": sys.executable}, sort_keys=True)

    return probe


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _refusal(found: str) -> ObstacleError:
    expected = "expected executors with Python, pyarrow, NumPy and obs2seq where execution is arrow"
    return ObstacleError("execution", f"{expected}, found {found}", _HINT)
