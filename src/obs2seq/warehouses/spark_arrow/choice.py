"""Which of its two executions a run on Spark takes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.vocabularies import Word
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.spark_arrow.obstacles import ObstacleError
from obs2seq.warehouses.subsets import SubsetSource

logger = logging.getLogger(__name__)


class ChosenEngine(Engine):
    """Takes the arrow execution; where that cannot be, the native one, or none.

    Args:
        native: Can do everything.
        arrow: Raises `ObstacleError` before it writes anything, where it cannot.
        lacking: Returns what the executors lack for it; asked once.
        is_required: Whether an obstacle stops the run.
    """

    def __init__(
        self, native: Engine, arrow: Engine, lacking: Callable[[], ObstacleError | None], *, is_required: bool
    ) -> None:
        self._native, self._arrow, self._lacking = native, arrow, lacking
        self._is_required = is_required

    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        try:
            self._require_executors()
            return self._arrow.make(order, found, location, run_id)
        except ObstacleError as obstacle:
            if self._is_required:
                raise
            logger.info("%s: execution native, since arrow is refused: %s", order.dataset, obstacle)
        return self._native.make(order, found, location, run_id)

    def count_pupils(self, order: Order, found: SubsetSource) -> Mapping[str, int]:
        return self._native.count_pupils(order, found)

    def first_values(self, order: Order, found: SubsetSource, columns: Sequence[str]) -> Mapping[str, Sequence[Word]]:
        return self._native.first_values(order, found, columns)

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        if self._is_required:
            self._require_executors()
        return self._native.check(order, found)

    def _require_executors(self) -> None:
        if self._obstacle is not None:
            raise self._obstacle

    @cached_property
    def _obstacle(self) -> ObstacleError | None:
        return self._lacking()
