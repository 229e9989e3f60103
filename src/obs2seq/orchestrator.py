"""Ties the warehouse to one use case: every configured subset, made ready for training. Computes nothing itself."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from obs2seq.errors import Obs2SeqError

if TYPE_CHECKING:
    from obs2seq.ports import PublishedPath, WarehouseServiceInterface

logger = logging.getLogger(__name__)


class Arguments(Protocol):
    """What a run is told; the settings and an `argparse.Namespace` both fit."""

    s3_data_location: str
    output_s3_location: str
    sequence_length: int
    subsets: Iterable[str]
    output: str
    mode: str


class DataSequencingOrchestrator:
    """Runs the warehouse over all subsets: all of them are published, or none.

    Args:
        warehouse_service: Does the work.
    """

    def __init__(self, warehouse_service: WarehouseServiceInterface) -> None:
        self._warehouse_service = warehouse_service

    def orchestrate(self, args: Arguments) -> dict[str, PublishedPath]:
        """Make every subset ready and publish them together.

        Args:
            args: The locations, the length, the subsets' names, what to make (`sequences` or `observations`) and the
                mode.

        Returns:
            Where each subset was published, by its name.

        Raises:
            Obs2SeqError: Whatever the warehouse raised, logged with the subset's name; nothing is published then.
        """
        logger.info("mode %s: making %s of %s", args.mode, args.output, args.s3_data_location)
        with self._warehouse_service.all_or_none():
            return {subset: self._make(args, subset) for subset in args.subsets}

    def _make(self, args: Arguments, subset: str) -> PublishedPath:
        try:
            location = self._call(args, subset)
        except Obs2SeqError as error:
            logger.error("%s failed: %s", subset, error)
            raise
        logger.info("%s is ready at %s", subset, location)
        return location

    def _call(self, args: Arguments, subset: str) -> PublishedPath:
        if args.output == "observations":
            return self._warehouse_service.prepare_dataset(args.s3_data_location, args.output_s3_location, subset)
        return self._warehouse_service.sequence_dataset(
            args.s3_data_location, args.sequence_length, args.output_s3_location, subset
        )
