"""What contenders wrote, compared while it is there."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from benchmarks.comparing import Fingerprint, differences, differing, fingerprint
from benchmarks.contenders import Contender


@dataclass
class Outputs:
    """A folder with one folder a contender; the first with sequences of some observations stays, for comparison."""

    place: Path
    observations: int
    _firsts: dict[str, tuple[Contender, Fingerprint]] = field(default_factory=dict, init=False)
    """By the observations that they take."""

    def verdict(self, contender: Contender) -> str:
        """Say whether the contender's output is the same as the first, and where it differs."""
        try:
            found = fingerprint(self.place / contender.name, contender.makes)
        except duckdb.Error as error:
            return f"unreadable: {str(error).splitlines()[0][:100]}"
        if contender.makes == "observations":
            return "all rows" if found.rows == self.observations else f"{found.rows:,} rows"
        first, expected = self._firsts.setdefault(contender.takes, (contender, found))
        if first is contender:
            return "the first"
        names = differing(expected, found)
        if names:
            return f"differs: {', '.join(names)}{self._counts(first, contender, names)}"
        return "the same" if contender.makes == "sequences" else "the same where comparable"

    def remove(self, contender: Contender) -> None:
        """Remove a contender's output, unless others are to be compared with it."""
        if not any(first is contender for first, _ in self._firsts.values()):
            shutil.rmtree(self.place / contender.name, ignore_errors=True)

    def _counts(self, first: Contender, contender: Contender, names: list[str]) -> str:
        columns = [name for name in names if name != "rows"]
        if not columns or contender.makes != "sequences":
            return ""
        counts = differences(self.place / first.name, self.place / contender.name, columns)
        return f" ({', '.join(f'{name} in {count:,} sequences' for name, count in counts.items())})"
