"""A page is worth no run: where it cannot be made, the run goes on, and says so."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from obs2seq.errors import Obs2SeqError

logger = logging.getLogger(__name__)


@contextmanager
def attempt() -> Iterator[None]:
    """Log in one line why a page could not be made, if so; what ends the program is let through."""
    try:
        yield
    except Exception as error:  # whatever a drawing fails on, hours of work are not thrown away for it
        words = "report: the page could not be made, and the run goes on without it: %s"
        logger.warning(words, _reason(error), exc_info=logger.isEnabledFor(logging.DEBUG))


def _reason(error: Exception) -> str:
    """Say why; of errors that nobody foresaw, their kind and place alone, as their words may quote a row."""
    if isinstance(error, Obs2SeqError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}, line {place.lineno}"
    return f"unexpected {type(error).__name__} in {where}. Hint: obs2seq report OUTPUT --debug shows more"
