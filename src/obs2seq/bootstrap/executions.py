"""Which execution of a job on Spark the settings ask for, and what stands in the way of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from obs2seq.domain.locations import is_s3
from obs2seq.domain.rule_sets import pupil_rules
from obs2seq.errors import ConfigurationError
from obs2seq.ports import Storage
from obs2seq.settings import Settings

if TYPE_CHECKING:
    from obs2seq.warehouses.engine import Engine
    from obs2seq.warehouses.spark import Tools

logger = logging.getLogger(__name__)
_HINT = "set execution: native"
_TO_S3 = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def chosen(settings: Settings, tools: Tools, storage: Storage) -> Engine:
    """Return the engine for an execution.

    Raises:
        ConfigurationError: It has to be arrow, or native, and a setting asks for what that cannot do.
    """
    if settings.execution == "native":
        return _native(settings, tools)
    obstacle = next(_obstacles(settings), None)
    if obstacle is None:
        return _with_arrow(settings, tools, storage)
    if settings.execution == "arrow":
        raise obstacle
    logger.info("execution native: %s", obstacle)
    return _native(settings, tools)


def _native(settings: Settings, tools: Tools) -> Engine:
    from obs2seq.warehouses.spark import SparkEngine, require_native

    if settings.output == "sequences":
        require_native(settings.spec)
    return SparkEngine(tools)


def _with_arrow(settings: Settings, tools: Tools, storage: Storage) -> Engine:
    from obs2seq.warehouses.spark import SparkEngine
    from obs2seq.warehouses.spark_arrow.choice import ChosenEngine
    from obs2seq.warehouses.spark_arrow.engine import ArrowSparkEngine
    from obs2seq.warehouses.spark_arrow.executors import lacking
    from obs2seq.warehouses.spark_arrow.sizes import Sizes

    sizes = Sizes(settings.shuffle_partitions, settings.memory_budget, settings.temporary_folder)
    s3 = is_s3(settings.output_s3_location)
    return ChosenEngine(
        SparkEngine(tools),
        ArrowSparkEngine(tools, storage, sizes, _way_to_s3(settings), reads_s3=s3, spark=settings.spark),
        lambda: lacking(tools.sessions().sparkContext, s3=s3),
        is_required=settings.execution == "arrow" or _is_for_tasks_alone(settings),
    )


def _is_for_tasks_alone(settings: Settings) -> bool:
    return settings.output == "sequences" and settings.spec.keeps_together


def _way_to_s3(settings: Settings) -> dict[str, str]:
    """Return what executors are told of the driver's environment: where S3 is, never who asks."""
    region = {"AWS_REGION": settings.s3_region} if settings.s3_region else {}
    return {name: os.environ[name] for name in _TO_S3 if name in os.environ} | region


def _obstacles(settings: Settings) -> Iterator[ConfigurationError]:
    """Yield what the settings ask for that tasks in Python do not do."""
    refusal = partial(_refusal, settings)
    if missing := [name for name in ("pyarrow", "numpy", "pandas") if find_spec(name) is None]:
        yield ConfigurationError(
            "execution",
            f"expected {settings.execution} with pyarrow, NumPy and pandas installed, found no {missing[0]}",
            _HINT,
        )
    if settings.output_format == "delta":
        yield refusal("output_format", "parquet", "delta")
    if settings.s3_kms_key and is_s3(settings.output_s3_location):
        yield refusal("s3_kms_key", "none", "one, which Arrow's access to S3 knows nothing of")
    if whole := pupil_rules(settings.rules):
        named = ", ".join(rule.name for rule in whole)
        yield refusal("rules", "none over pupils", f"{named}, which take a second shuffle")
    if settings.spread_pupils_above is not None:
        yield refusal("spread_pupils_above", "null", "a number, but a task in Python sequences whole histories")


def _refusal(settings: Settings, key: str, expected: str, found: str) -> ConfigurationError:
    problem = f"expected {expected} where execution is {settings.execution}, found {found}"
    return ConfigurationError(key, problem, _HINT)
