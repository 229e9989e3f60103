"""Runs within this process."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from obs2seq.bootstrap.layouts import require_sequences
from obs2seq.domain.locations import is_s3
from obs2seq.errors import ConfigurationError
from obs2seq.ports import Storage
from obs2seq.publishing import PublishedDataset
from obs2seq.settings import Settings
from obs2seq.tracing.watch import NOBODY, Watch
from obs2seq.warehouses.arrow.limits import require_fit
from obs2seq.warehouses.service import Datasets

if TYPE_CHECKING:
    from obs2seq.warehouses.engine import Engine

_SAID_OTHERWISE = {"s3_kms_key": "let the bucket encrypt with the key by default", "s3_region": "set AWS_REGION"}


def on_arrow(settings: Settings, storage: Storage, watch: Watch = NOBODY) -> tuple[Engine, Datasets]:
    """Return the engine, and what it publishes into; raise for what Arrow does not do."""
    require_fit(settings.mode, settings.output_format)
    require_sequences(settings)
    require_usual_s3(settings, "engine is arrow", "set engine: spark")
    from obs2seq.warehouses.arrow.engine import ArrowEngine, Workshop
    from obs2seq.warehouses.arrow.memory import budget_of

    workshop = Workshop(storage, budget_of(settings.memory_budget), settings.temporary_folder, watch=watch)
    return ArrowEngine(workshop), partial(PublishedDataset, storage)


def require_usual_s3(settings: Settings, where: str, otherwise: str) -> None:
    """Raise for what Arrow cannot be told about S3.

    Args:
        settings: What a run is told.
        where: What makes it Arrow that goes about S3.
        otherwise: How to do without.
    """
    if not any(map(is_s3, filter(None, (settings.s3_data_location, settings.output_s3_location)))):
        return
    for key, hint in _SAID_OTHERWISE.items():
        if getattr(settings, key):
            problem = f"expected none where {where}, whose access to S3 knows no such thing, found one"
            raise ConfigurationError(key, problem, f"{hint}, or {otherwise}")
