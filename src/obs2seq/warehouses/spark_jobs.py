"""What Spark shows of a run: a description of each job, so that its pages read like the dataflow; and its stages."""

from __future__ import annotations

from py4j.protocol import Py4JError
from pyspark import SparkContext

from obs2seq.tracing.progress import Stage
from obs2seq.tracing.watch import Ending, Span, Watcher


class JobDescriptions(Watcher):
    """Describes the jobs that begin within a step by the subset and the step: 'train: write train_sequenced_100'."""

    def started(self, span: Span) -> None:
        """Describe what is to come."""
        _describe(span)

    def ended(self, ending: Ending) -> None:
        """Describe again what is around it."""
        _describe(ending.span.parent)


def description(span: Span) -> str:
    """Return the words for a job; a run's own name where a step says no more than what is done."""
    run = span
    while run.parent is not None:
        run = run.parent
    what = f"{span.name} {run.name}" if span.kind == "step" else span.name
    return f"{span.subset}: {what}"


def active_stages() -> list[Stage]:
    """Return the stages that are at work, as far as a session is there and answers."""
    context = _context()
    if context is None:
        return []
    try:
        tracker = context.statusTracker()
        found = [tracker.getStageInfo(number) for number in tracker.getActiveStageIds()]
    except (Py4JError, OSError):
        return []  # the session ends at this moment
    return [Stage(each.stageId, each.numCompletedTasks, each.numTasks) for each in found if each is not None]


def _context() -> SparkContext | None:
    """Return the context, once it is whole: it is known before it is connected."""
    context = SparkContext._active_spark_context
    return context if getattr(context, "_jsc", None) is not None else None


def _describe(span: Span | None) -> None:
    context = _context()
    if context is not None:
        context.setLocalProperty("spark.job.description", description(span) if span else None)  # type: ignore[arg-type]
