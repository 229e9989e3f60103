"""What each part of the flow promises the next: checked as the flow is built, on schemas alone, so without a job."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hamilton.data_quality.base import DataValidationError, DataValidator, ValidationResult
from hamilton.function_modifiers import check_output_custom
from pyspark.sql import DataFrame

from obs2seq.errors import CheckError

WHOLE = ("int", "bigint")
BITS = ("array<tinyint>",)
ARRAY = ("array<…>",)
ANY: Sequence[str] = ()

_FAILED = re.compile(r"\[(\w+):(\w+)\] validator failed\. Message was: (.*?)\. Diagnostic information is", re.DOTALL)


class Schema(DataValidator):  # type: ignore[misc]  # Hamilton has no types
    """Holds a frame to the columns that it must have, and their types.

    Args:
        columns: Name → the types that are right, by Spark's names; none: any; `array<…>`: any array.
        others: What the names of further columns begin or end with, and the types of these; None: there are none.
    """

    def __init__(self, columns: Mapping[str, Sequence[str]], others: tuple[str, Sequence[str]] | None = None) -> None:
        super().__init__("fail")
        self._columns, self._others = columns, others

    def applies_to(self, datatype: type) -> bool:
        """Whether the node gives a frame."""
        return issubclass(datatype, DataFrame)

    def description(self) -> str:
        """Return what is checked, for people."""
        return f"Has the columns {', '.join(self._columns)}, of the right types"

    @classmethod
    def name(cls) -> str:
        """Return the name of the rule."""
        return "schema"

    def validate(self, dataset: DataFrame) -> ValidationResult:
        """Compare the frame's schema; nothing is run."""
        found = {field.name: field.dataType.simpleString() for field in dataset.schema}
        problems = [*self._missing(found), *self._of_other_type(found), *self._strange(found)]
        return ValidationResult(passes=not problems, message="; ".join(problems))

    def _missing(self, found: Mapping[str, str]) -> list[str]:
        missing = [name for name in self._columns if name not in found]
        return [f"{len(missing)} columns missing: {', '.join(missing)}"] if missing else []

    def _of_other_type(self, found: Mapping[str, str]) -> list[str]:
        types = {name: self._columns[name] if name in self._columns else self._type_of_others() for name in found}
        wrong = [name for name, allowed in types.items() if not _fits(found[name], allowed)]
        listed = ", ".join(f"{name} {found[name][:40]} and not {' or '.join(types[name])}" for name in wrong)
        return [f"{len(wrong)} columns of another type: {listed}"] if wrong else []

    def _strange(self, found: Mapping[str, str]) -> list[str]:
        if self._others is not None:
            pattern, _ = self._others
            strange = [
                name for name in found if name not in self._columns and not re.fullmatch(pattern, name, re.DOTALL)
            ]
        else:
            strange = [name for name in found if name not in self._columns]
        return [f"{len(strange)} columns more: {', '.join(strange)}"] if strange else []

    def _type_of_others(self) -> Sequence[str]:
        return self._others[1] if self._others else ANY


def promises(columns: Mapping[str, Sequence[str]], others: tuple[str, Sequence[str]] | None = None) -> Any:
    """Decorate a node whose frame has these columns; see `Schema`."""
    return check_output_custom(Schema(columns, others))


def broken_promise(error: DataValidationError) -> CheckError:
    """Return the project's error for a node that does not give what it promises."""
    found = _FAILED.search(str(error.args[0][0]))
    node, rule, message = found.groups() if found else ("dataflow", "unknown", "no reason given")
    problem = f"expected what rule '{rule}' says, found {message}"
    return CheckError(f"node '{node}'", problem, "this is no fault of the data; nothing was published")


def _fits(type_: str, allowed: Sequence[str]) -> bool:
    return not allowed or type_ in allowed or (allowed == ARRAY and type_.startswith("array<"))
