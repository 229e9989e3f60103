"""One way in which Spark fails, and what it means."""

from typing import NamedTuple

from obs2seq.errors import Obs2SeqError


class Cause(NamedTuple):
    """One way to fail."""

    pattern: str
    """Of Spark's words."""
    kind: type[Obs2SeqError]
    problem: str
    hint: str
