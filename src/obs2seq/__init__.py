"""Observations in, sequences out."""

from typing import TYPE_CHECKING

from obs2seq.domain.spec import Feature, SequenceSpec
from obs2seq.errors import Obs2SeqError
from obs2seq.version import __version__

if TYPE_CHECKING:
    from obs2seq.flow.dataflow import sequence_observations
    from obs2seq.kernel.sequencing import sequence_table

__all__ = ["Feature", "Obs2SeqError", "SequenceSpec", "__version__", "sequence_observations", "sequence_table"]


def __getattr__(name: str) -> object:
    """Import Spark, Arrow and NumPy only where they are used."""
    if name == "sequence_observations":
        from obs2seq.flow.dataflow import sequence_observations

        return sequence_observations
    if name == "sequence_table":
        from obs2seq.kernel.sequencing import sequence_table

        return sequence_table
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
