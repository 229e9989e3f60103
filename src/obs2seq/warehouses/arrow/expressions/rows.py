"""The rows that an operation of an expression is computed for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from obs2seq.warehouses.arrow.expressions.values import Data, Value

Compute = Callable[[exp.Expr, Data | None], Value]
"""Computes what lies below a node, for the rows that are active."""


@dataclass(frozen=True)
class Rows:
    """The rows that an operation is computed for.

    Args:
        compute: Computes a part of the expression.
        is_active: The rows whose result counts; None: all.
    """

    compute: Compute
    is_active: Data | None

    def __call__(self, node: exp.Expr) -> Value:
        return self.compute(node, self.is_active)

    def where(self, condition: Data) -> Rows:
        """Return those of the rows for which a condition is true."""
        known = pc.fill_null(condition, False)
        if _is_everywhere(known):
            return self
        return Rows(self.compute, known if self.is_active is None else pc.and_(self.is_active, known))


def _is_everywhere(condition: Data) -> bool:
    """Whether a condition without nulls is true for all rows, so that no value has to be taken away."""
    return bool(condition.as_py() if isinstance(condition, pa.Scalar) else pc.all(condition, min_count=0).as_py())


Operation = Callable[[Any, Rows], Value]
