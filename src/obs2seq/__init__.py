"""Observations in, sequences out."""

from typing import TYPE_CHECKING

from obs2seq.domain.spec import Feature, SequenceSpec
from obs2seq.errors import Obs2SeqError
from obs2seq.version import __version__

if TYPE_CHECKING:
    from obs2seq.flow.dataflow import sequence_observations
    from obs2seq.sql.athena import athena_select

__all__ = ["Feature", "Obs2SeqError", "SequenceSpec", "__version__", "athena_select", "sequence_observations"]


def __getattr__(name: str) -> object:
    """Import an engine only where it is used."""
    if name == "sequence_observations":
        from obs2seq.flow.dataflow import sequence_observations

        return sequence_observations
    if name == "athena_select":
        from obs2seq.sql.athena import athena_select

        return athena_select
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
