"""Log lines as JSON, one object a line, and a line for each step of a run."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from obs2seq.tracing.watch import Ending, Watcher

FIELDS = ("run_id", "subset", "kind", "node", "seconds", "error")
"""What a line of a step holds beside its words."""

logger = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object: time, level, logger, message, and the fields of a step where it has them."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        instant = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": instant, "level": record.levelname, "logger": record.name, "message": record.getMessage()}
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at that moment: a progress display takes its place for a while."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        self.stream = sys.stderr
        super().emit(record)


def log_as_json() -> None:
    """Let the handler of the command line write JSON from here on; those of an embedding program stay as they are."""
    for handler in _own_handlers():
        handler.setFormatter(JsonFormatter())


def logs_json() -> bool:
    """Whether the command line's log is JSON."""
    return any(isinstance(handler.formatter, JsonFormatter) for handler in _own_handlers())


def _own_handlers() -> list[StderrHandler]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, StderrHandler)]


class LoggedSpans(Watcher):
    """Writes a line for each step that ends; an error by its kind alone, for its words may quote a row."""

    def ended(self, ending: Ending) -> None:
        """Write the line."""
        span, seconds, error = ending
        fields: dict[str, object] = {"run_id": span.run_id, "subset": span.subset, "kind": span.kind}
        fields |= {"node": span.name, "seconds": round(seconds, 6)}
        fields |= {"error": type(error).__name__} if error else {}
        words = f"{span.kind} {span.name} {'failed' if error else 'done'}"
        logger.log(logging.ERROR if error else logging.INFO, words, extra=fields)
