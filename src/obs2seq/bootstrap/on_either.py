"""Runs on Arrow where that can do the job, else on Spark."""

from __future__ import annotations

import logging
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from obs2seq.bootstrap.on_arrow import on_arrow
from obs2seq.bootstrap.on_spark import on_spark
from obs2seq.ports import Storage
from obs2seq.settings import Settings
from obs2seq.tracing.watch import NOBODY, Watch
from obs2seq.warehouses.arrow.limits import UnfitError
from obs2seq.warehouses.service import Datasets

if TYPE_CHECKING:
    from obs2seq.warehouses.engine import Engine

logger = logging.getLogger(__name__)


def on_either(settings: Settings, storage: Storage, watch: Watch = NOBODY) -> tuple[Engine, Datasets]:
    """Return the engine that fits the settings, and what it publishes into; Arrow may still pass data on to Spark."""
    try:
        arrow, datasets = on_arrow(settings, storage, watch)
    except UnfitError as refusal:
        logger.info("engine spark, as arrow refuses: %s: %s", refusal.where, refusal.problem)
        return on_spark(settings, storage, watch)
    if find_spec("pyspark") is None:
        logger.info("engine arrow: Spark is not installed")
        return arrow, datasets
    from obs2seq.warehouses.either import EitherEngine

    logger.info("engine arrow: the settings ask for nothing that Spark alone does")
    return EitherEngine(arrow, cache(lambda: on_spark(settings, storage, watch)[0])), datasets
