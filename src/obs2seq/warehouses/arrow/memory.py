"""How much memory there is for observations, and how much is taken at a time."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from obs2seq.errors import ConfigurationError

LEAST_PIECE_ROWS = 1 << 14
MOST_PIECE_ROWS = 1 << 20
MOST_ROW_GROUP_VALUES = 1 << 21

_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where a container's limit stands, in the second version of control groups and in the first."""
_SHARE = 0.5
_FOR_GROUPS, _FOR_PIECES, _FOR_OUTPUT = 0.6, 0.2, 0.2
"""What parts of a budget hold pupils while they are sequenced, pieces on their way in, and row groups on theirs out."""
_COPIES_OF_PIECE = 4
_COPIES_OF_OUTPUT = 3
_ORDER_BYTES = 48
"""What the order of observations takes, for each."""
_DERIVING_BYTES, _DERIVED_BYTES = 64, 8
"""What it takes for each to derive anything, and what each thing that is derived holds; measured."""
_LIGHT = 1 << 30
"""Beyond this, groups of pupils one after another take less of the processor's time than all at once; measured."""
_WINDOW_BYTES = 96
"""What a window takes while all are laid out."""
_CODE_BYTES = 4
_ELEMENTS, _TEXT_BYTES = 4, 16
"""As many are taken for granted in an array that nobody has looked at yet, and of texts, which are not coded there, as
much for each."""
_NESTED_BYTES = 64


@dataclass(frozen=True)
class Allowance:
    """A budget, and what it means for one run.

    Args:
        budget: In bytes.
        threads: How many threads share it.
        row_bytes: What an observation takes, in the columns that are read.
        stride: Observations between two windows; 0: there are none.
        output_bytes: What one value of every column of the output takes.
        width: How many values of a column stand in one row of the output.
        derived: How many things are derived.
        counted: What is told of as rows: observations, or the elements that they are taken apart into.
    """

    budget: int
    threads: int
    row_bytes: float
    stride: int
    output_bytes: int
    width: int
    derived: int = 0
    counted: str = "observations"

    def require_enough(self) -> None:
        """Raise `ConfigurationError` where not even the smallest pieces fit."""
        piece = LEAST_PIECE_ROWS * self.row_bytes * _COPIES_OF_PIECE / _FOR_PIECES
        output = self.width * self.output_bytes * _COPIES_OF_OUTPUT / _FOR_OUTPUT
        least = int(max(piece, output) * self.threads)
        if self.budget < least:
            raise ConfigurationError(
                "memory_budget",
                f"expected at least {in_words(least)}, for a batch of observations and a row of the output for each of "
                f"{self.threads} threads, found {in_words(self.budget)}",
                "raise memory_budget",
            )

    @property
    def piece_rows(self) -> int:
        """How many rows to read at a time."""
        rows = self.budget * _FOR_PIECES / self.threads / (self.row_bytes * _COPIES_OF_PIECE)
        return max(min(int(rows), MOST_PIECE_ROWS), LEAST_PIECE_ROWS)

    @property
    def row_group_values(self) -> int:
        """How many values of a column to hold until they are written."""
        values = self.budget * _FOR_OUTPUT / self.threads / (self.output_bytes * _COPIES_OF_OUTPUT)
        return max(min(int(values), MOST_ROW_GROUP_VALUES), self.width)

    def holds(self, rows: int, size: int) -> bool:
        """Whether observations of some size in bytes can be sequenced at once."""
        return self.needed(rows, size) <= self.budget

    def is_light(self, rows: int, size: int, at_a_time: int = 1) -> bool:
        """Whether so many groups of observations can be sequenced at the same time, in memory that is soon warm."""
        return self.needed(rows, size) * at_a_time <= min(self.budget, _LIGHT)

    def needed(self, rows: int, size: int) -> int:
        """Return the budget that lets observations of some size in bytes be sequenced at once."""
        return int((2 * size + self.order_bytes(rows)) / _FOR_GROUPS)

    def order_bytes(self, rows: int) -> int:
        """What is needed to order and lay out so many observations, or their elements, beside their values."""
        derived = _DERIVING_BYTES + _DERIVED_BYTES * self.derived if self.derived else 0
        return int(rows * (_ORDER_BYTES + derived + (_WINDOW_BYTES / self.stride if self.stride else 0)))

    def require_order(self, rows: int) -> None:
        """Raise `ConfigurationError` where so many observations of pupils that cannot be parted are too many."""
        needed = int(self.order_bytes(rows) / _FOR_GROUPS)
        if needed > self.budget:
            raise ConfigurationError(
                "memory_budget",
                f"expected at least {in_words(needed)}, for a pupil with {rows:,} {self.counted}, found "
                f"{in_words(self.budget)}",
                "raise memory_budget, or leave such a pupil out by row_filter",
            )


def budget_of(setting: str | None) -> int:
    """Return a budget such as '2g' in bytes, or half of what the machine or the container has."""
    if setting is None:
        return int(_memory() * _SHARE)
    match = re.fullmatch(r"(\d+)([kmgt])b?", setting.lower())
    assert match, "settings take only sizes with a unit"
    return int(match[1]) * _UNITS[match[2]]


def in_words(size: int) -> str:
    """Return a size as a setting that is no smaller."""
    unit = next(unit for unit in ("g", "m", "k") if size >= 4 * _UNITS[unit] or unit == "k")
    return f"{-(-size // _UNITS[unit])}{unit}"


@contextmanager
def jemalloc() -> Iterator[None]:
    """Let Arrow take memory by jemalloc where it has it: measured, half of the system's time is saved."""
    before = pa.default_memory_pool()
    with suppress(NotImplementedError):
        pa.set_memory_pool(pa.jemalloc_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def row_bytes(schema: pa.Schema) -> int:
    """Return about how many bytes a row of observations takes; texts are codes."""
    return sum(map(_input_bytes, schema.types))


def _input_bytes(type_: pa.DataType) -> int:
    if not pa.types.is_list(type_):
        return value_bytes(type_)
    return _ELEMENTS * (_TEXT_BYTES if pa.types.is_string(type_.value_type) else value_bytes(type_.value_type))


def value_bytes(type_: pa.DataType) -> int:
    """Return about how many bytes a value of a type takes; texts are codes."""
    if pa.types.is_list(type_):
        return value_bytes(type_.value_type)
    if pa.types.is_dictionary(type_):
        return _CODE_BYTES
    try:
        return max(int(type_.bit_width) // 8, 1)
    except ValueError:  # of no fixed width
        return _NESTED_BYTES


def _memory() -> int:
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in _LIMITS:
        with suppress(OSError, ValueError):  # no such group, or no limit: 'max'
            limits.append(int(Path(file).read_text()))
    return min(limits)
