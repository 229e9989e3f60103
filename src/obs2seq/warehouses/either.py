"""Arrow where it can do the job, and Spark where it cannot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.vocabularies import Word
from obs2seq.warehouses.arrow.limits import UnfitError
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.subsets import SubsetSource

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class EitherEngine(Engine):
    """Takes the embedded engine, and another for data that this refuses; it does so before it writes anything.

    Args:
        arrow: Raises `UnfitError` where it cannot do what the other can.
        spark: Gives the other, when it is first needed.
    """

    def __init__(self, arrow: Engine, spark: Callable[[], Engine]) -> None:
        self._arrow, self._spark = arrow, spark

    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        return self._with_either(order, lambda engine: engine.make(order, found, location, run_id))

    def count_pupils(self, order: Order, found: SubsetSource) -> Mapping[str, int]:
        return self._with_either(order, lambda engine: engine.count_pupils(order, found))

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        return self._with_either(order, lambda engine: engine.check(order, found))

    def first_values(self, order: Order, found: SubsetSource, columns: Sequence[str]) -> Mapping[str, Sequence[Word]]:
        return self._with_either(order, lambda engine: engine.first_values(order, found, columns))

    def _with_either(self, order: Order, do: Callable[[Engine], Result]) -> Result:
        try:
            return do(self._arrow)
        except UnfitError as refusal:
            logger.info("%s: engine spark, as arrow refuses: %s: %s", order.dataset, refusal.where, refusal.problem)
        return do(self._spark())
