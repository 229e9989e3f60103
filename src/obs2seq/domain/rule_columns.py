"""The columns that quality rules name, and what is said where they are not there, or cannot be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from obs2seq.domain.padding import is_scalar
from obs2seq.domain.quality import PupilRule, RowRule, Unique
from obs2seq.domain.validation import nearest
from obs2seq.errors import ConfigurationError

Types = Mapping[str, str]
"""The type of each mapped column by Spark's name, such as decimal(9,2)."""


class RuleColumns:
    """The columns, for one rule."""

    def __init__(self, rule: RowRule | PupilRule, types: Types) -> None:
        self._rule, self._types = rule, types
        self._small = {name.lower(): type_ for name, type_ in types.items()}

    def has(self, name: str) -> bool:
        """Whether there is such a column; names match without regard to case."""
        return name.lower() in self._small

    def type(self, name: str) -> str:
        """Return a column's type; raise `ConfigurationError` where it is not there."""
        if not self.has(name):
            raise ConfigurationError(
                self._rule.setting, f"expected column '{name}', found {sorted(self._types)}", nearest(name, self._types)
            )
        return self._small[name.lower()]


def unfit(rule: RowRule | PupilRule, name: str, expected: str, type_: str) -> ConfigurationError:
    """Return the error for a column of a type that a rule cannot be tried on."""
    short = type_ if len(type_) <= 80 else f"{type_[:77]}..."
    return ConfigurationError(rule.setting, f"expected column '{name}' to be {expected}, found {short}")


def require_keys(found: Iterable[RowRule | PupilRule], types: Types) -> None:
    """Raise `ConfigurationError` for a column that has to be unique, and is not there, or is no scalar."""
    for rule in found:
        for name in rule.columns if isinstance(rule, Unique) else ():
            type_ = RuleColumns(rule, types).type(name)
            if not is_scalar(type_):
                raise unfit(rule, name, "a number, boolean, text, date or timestamp", type_)
