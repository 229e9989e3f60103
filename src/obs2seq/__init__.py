"""Observations in, sequences out."""

from importlib import import_module
from typing import TYPE_CHECKING

from obs2seq.errors import Obs2SeqError
from obs2seq.version import __version__

if TYPE_CHECKING:
    from obs2seq.domain.spec import Feature, SequenceSpec
    from obs2seq.flow.dataflow import sequence_observations
    from obs2seq.kernel.sequencing import sequence_table
    from obs2seq.loading.encoded import vocabulary
    from obs2seq.loading.opening import load
    from obs2seq.sql.athena import athena_select

__all__ = [
    "Feature",
    "Obs2SeqError",
    "SequenceSpec",
    "__version__",
    "athena_select",
    "load",
    "sequence_observations",
    "sequence_table",
    "vocabulary",
]

_MODULES = {
    "Feature": "obs2seq.domain.spec",
    "SequenceSpec": "obs2seq.domain.spec",
    "athena_select": "obs2seq.sql.athena",
    "load": "obs2seq.loading.opening",
    "sequence_observations": "obs2seq.flow.dataflow",
    "sequence_table": "obs2seq.kernel.sequencing",
    "vocabulary": "obs2seq.loading.encoded",
}


_PACKAGES = ("online", "torch")


def __getattr__(name: str) -> object:
    """Import an engine, be it Spark, Arrow or SQL, the loader, and the specification only where it is used."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    if name in _PACKAGES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
