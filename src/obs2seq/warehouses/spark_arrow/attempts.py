"""What one attempt at a task has made, as it tells the driver: a line of JSON, or an error of the project's own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from obs2seq import errors
from obs2seq.domain.files import WrittenFile
from obs2seq.errors import Obs2SeqError

_TOLD = re.compile(r"AttemptFailedError: (\{.*\})")


@dataclass(frozen=True)
class Attempt:
    """The files of an attempt, and what became of the observations that it was given."""

    stage: int
    """Of Spark, whose number tells this job from the application's others."""
    files: Sequence[WrittenFile]
    counts: Mapping[str, int]
    read: Mapping[str, int] = field(default_factory=dict)
    """What became of rows of the input before any came here, as tasks that read told it."""

    def to_text(self) -> str:
        """Return the attempt as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Attempt:
        """Return the attempt that `to_text` gave."""
        told = json.loads(text)
        return cls(told["stage"], [WrittenFile(**file) for file in told["files"]], told["counts"], told["read"])


class AttemptFailedError(Exception):
    """Carries an error of the project's own out of a task, within Spark's words."""


@contextmanager
def telling() -> Iterator[None]:
    """Put the project's errors, raised within the block, into a form that `told` finds in what Spark says."""
    try:
        yield
    except Obs2SeqError as error:
        words = {"kind": type(error).__name__, "where": error.where, "problem": error.problem, "hint": error.hint}
        raise AttemptFailedError(json.dumps(words)) from error


def told(words: str) -> Obs2SeqError | None:
    """Return the error that a task raised, out of what Spark says of it; None where it was none of the project's."""
    match = _TOLD.search(words)
    if match is None:
        return None
    fields = json.loads(match[1])
    kind: type[Obs2SeqError] = getattr(errors, fields.pop("kind"))
    return kind(**fields)
