"""Who watches a run, by its settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from rich.console import Console

from obs2seq.settings import Settings
from obs2seq.tracing.logs import LoggedSpans, log_as_json
from obs2seq.tracing.times import StepTimes
from obs2seq.tracing.watch import Watch, Watcher


@contextmanager
def watching(settings: Settings, console: Console | None = None) -> Iterator[Watch]:
    """Give the watch of a run, and let watchers put away what they hold at its end.

    Raises:
        ConfigurationError: Traces are wanted, and OpenTelemetry is not installed.
    """
    watch = Watch(list(_watchers(settings, console or Console(stderr=True))))
    try:
        yield watch
    finally:
        watch.close()


def _watchers(settings: Settings, console: Console) -> Iterator[Watcher]:
    is_spark = settings.mode != "athena" and settings.engine == "spark" and find_spec("pyspark") is not None
    if settings.log_format == "json":
        log_as_json()
        yield LoggedSpans()
    if settings.traces == "otel":
        from obs2seq.tracing.otel import open_telemetry

        yield open_telemetry()
    if is_spark:
        from obs2seq.warehouses.spark_jobs import JobDescriptions

        yield JobDescriptions()
    if settings.report:
        yield StepTimes()
    if settings.progress and settings.log_format == "text" and console.is_terminal:
        yield _progress(console, is_spark=is_spark)


def _progress(console: Console, *, is_spark: bool) -> Watcher:
    from obs2seq.tracing.progress import TerminalProgress

    if not is_spark:
        return TerminalProgress(console)
    from obs2seq.warehouses.spark_jobs import active_stages

    return TerminalProgress(console, active_stages)
