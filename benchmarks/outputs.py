"""What contenders wrote, compared while it is there."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from benchmarks.comparing import Fingerprint, differences, differing, fingerprint
from benchmarks.contenders import Contender


@dataclass
class Outputs:
    """A folder with one folder a contender; the first that holds sequences stays, to compare the others with."""

    place: Path
    observations: int
    _first: tuple[Contender, Fingerprint] | None = field(default=None, init=False)

    def verdict(self, contender: Contender) -> str:
        """Say whether the contender's output is the same as the first, and where it differs."""
        try:
            found = fingerprint(self.place / contender.name, contender.makes)
        except duckdb.Error as error:
            return f"unreadable: {str(error).splitlines()[0][:100]}"
        if contender.makes == "observations":
            return "all rows" if found.rows == self.observations else f"{found.rows:,} rows"
        if self._first is None:
            self._first = contender, found
            return "the first"
        names = differing(self._first[1], found)
        if names:
            return f"differs: {', '.join(names)}{self._counts(contender, names)}"
        return "the same" if contender.makes == "sequences" else "the same where comparable"

    def remove(self, contender: Contender) -> None:
        """Remove a contender's output, unless others are to be compared with it."""
        if self._first is None or self._first[0] is not contender:
            shutil.rmtree(self.place / contender.name, ignore_errors=True)

    def _counts(self, contender: Contender, names: list[str]) -> str:
        columns = [name for name in names if name != "rows"]
        if self._first is None or not columns or contender.makes != "sequences":
            return ""
        counts = differences(self.place / self._first[0].name, self.place / contender.name, columns)
        return f" ({', '.join(f'{name} in {count:,} sequences' for name, count in counts.items())})"
