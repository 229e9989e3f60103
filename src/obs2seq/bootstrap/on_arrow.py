"""Runs within this process."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from obs2seq.domain.locations import is_s3
from obs2seq.errors import ConfigurationError
from obs2seq.ports import Storage
from obs2seq.publishing import PublishedDataset
from obs2seq.settings import Settings
from obs2seq.warehouses.arrow.limits import require_fit
from obs2seq.warehouses.service import Datasets

if TYPE_CHECKING:
    from obs2seq.warehouses.engine import Engine


def on_arrow(settings: Settings, storage: Storage) -> tuple[Engine, Datasets]:
    """Return the engine, and what it publishes into; raise for what Arrow does not do."""
    require_fit(settings.mode, settings.output_format)
    if settings.s3_kms_key and is_s3(settings.output_s3_location):
        problem = "expected none where engine is arrow, which cannot name the key of what it writes, found one"
        raise ConfigurationError("s3_kms_key", problem, "let the bucket encrypt with the key, or set engine: spark")
    from obs2seq.warehouses.arrow.engine import ArrowEngine, Workshop
    from obs2seq.warehouses.arrow.memory import budget_of

    workshop = Workshop(storage, budget_of(settings.memory_budget), settings.temporary_folder)
    return ArrowEngine(workshop), partial(PublishedDataset, storage)
