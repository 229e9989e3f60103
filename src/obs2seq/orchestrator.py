"""Ties the warehouse to one use case: every configured subset, made ready for training. Computes nothing itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from obs2seq.domain.job import DEFAULT_SUBSETS
from obs2seq.domain.secrets import masked
from obs2seq.errors import Obs2SeqError

if TYPE_CHECKING:
    from obs2seq.ports import PublishedPath, WarehouseServiceInterface

logger = logging.getLogger(__name__)
_DEFAULTS: Mapping[str, object] = {"subsets": DEFAULT_SUBSETS, "output": "sequences", "mode": "emr"}


class Arguments(Protocol):
    """What a run is told at the least; the settings and an `argparse.Namespace` both fit.

    `subsets` (their names), `output` (`sequences` or `observations`) and `mode` count too where they are there.
    """

    @property
    def s3_data_location(self) -> str:
        """Where the observations lie."""

    @property
    def output_s3_location(self) -> str:
        """Below which location to publish."""

    @property
    def sequence_length(self) -> int:
        """L, in observations."""


class DataSequencingOrchestrator:
    """Runs the warehouse over all subsets: all of them are published, or none.

    Args:
        warehouse_service: Does the work.
    """

    def __init__(self, warehouse_service: WarehouseServiceInterface) -> None:
        self._warehouse_service = warehouse_service

    def orchestrate(self, args: Arguments) -> dict[str, PublishedPath]:
        """Make every subset ready and publish them together; log the arguments, and what came of them.

        Returns:
            Where each subset was published, by its name.

        Raises:
            Exception: Whatever the warehouse raised, as it was, after it has been logged; nothing is published then.
        """
        arguments = _with_defaults(vars(args))
        logger.info("mode %s, arguments: %s", arguments["mode"], _listed(args))
        locations: dict[str, PublishedPath] = {}
        step = "start"
        try:
            with self._warehouse_service.all_or_none():
                for subset in arguments["subsets"]:
                    step = subset
                    locations[subset] = self._make(arguments, subset)
                step = "publishing"
        except Exception as error:
            logger.error("%s failed: %s", step, _said(error))
            raise
        for subset, location in locations.items():
            logger.info("%s is ready at %s", subset, location)
        return locations

    def _make(self, arguments: Mapping[str, Any], subset: str) -> PublishedPath:
        data, output = arguments["s3_data_location"], arguments["output_s3_location"]
        if arguments["output"] == "observations":
            return self._warehouse_service.prepare_dataset(data, output, subset)
        return self._warehouse_service.sequence_dataset(data, arguments["sequence_length"], output, subset)


def _with_defaults(given: Mapping[str, object]) -> dict[str, Any]:
    return dict(given) | {name: given.get(name) or default for name, default in _DEFAULTS.items()}


def _listed(args: Arguments) -> str:
    """List what the run was told, or everything where the arguments do not tell it from what they have by default."""
    told: Mapping[str, object] | None = getattr(args, "told", None)
    listed = ", ".join(f"{name}={value!r}" for name, value in masked(_with_defaults(told or vars(args))).items())
    return f"{listed}; the others as by default" if told else listed


def _said(error: Exception) -> str:
    """Return the message of the project's own errors; what others say may quote a row."""
    return str(error) if isinstance(error, Obs2SeqError) else type(error).__name__
