"""How far a run is, in a terminal: its node or step, Spark's stages, and the share that is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from obs2seq.tracing.watch import Ending, Span, Watcher

PER_SECOND = 4
"""How often the display is drawn anew, and Spark is asked."""


class Stage(NamedTuple):
    """A stage of Spark's that is at work."""

    number: int
    done: int
    total: int


Stages = Callable[[], Sequence[Stage]]


class TerminalProgress(Watcher):
    """Draws one line for the run that is open; it is gone when the run is done.

    Args:
        console: The terminal.
        stages: Tells Spark's stages; None: there is no Spark.
        refreshes: Whether a thread draws it anew by itself.
    """

    def __init__(self, console: Console, stages: Stages | None = None, *, refreshes: bool = True) -> None:
        self._display = Progress(
            TextColumn("{task.fields[subset]}"),
            TextColumn("{task.description}", style="bold"),
            _StageColumn(stages or (lambda: ())),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[share]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            auto_refresh=refreshes,
            refresh_per_second=PER_SECOND,
        )
        self._task: TaskID | None = None

    def started(self, span: Span) -> None:
        """Show a run, or what it is at."""
        if self._task is None:
            self._display.start()
            self._task = self._display.add_task(span.name, total=None, subset=span.subset, share="")
        else:
            self._display.update(self._task, description=span.name, total=None, completed=0, share="")

    def progressed(self, done: int, total: int | None) -> None:
        """Show how much is done."""
        if self._task is not None:
            share = f"{min(done / total, 1):.0%}" if total else f"{done:,} done"
            self._display.update(self._task, completed=done, total=total, share=share)

    def ended(self, ending: Ending) -> None:
        """Take the run away, or show again what is around the step."""
        if self._task is None:
            return
        if ending.span.parent is not None:
            outer = ending.span.parent.name
            self._display.update(self._task, description=outer, total=None, completed=0, share="")
            return
        self._display.remove_task(self._task)
        self._display.stop()
        self._task = None

    def refresh(self) -> None:
        """Draw it now."""
        self._display.refresh()


class _StageColumn(ProgressColumn):
    """Asks Spark each time that it is drawn, and moves the bar by the tasks that are done."""

    def __init__(self, stages: Stages) -> None:
        super().__init__()
        self._stages = stages

    def render(self, task: Task) -> Text:
        """Return the stages that are at work."""
        stages = self._stages()
        if not stages:
            return Text("")
        done, total = sum(stage.done for stage in stages), sum(stage.total for stage in stages)
        task.completed, task.total = done, total
        numbers = ", ".join(str(stage.number) for stage in stages)
        return Text(f"stage {numbers}: {done}/{total} tasks, {done / max(total, 1):.0%}")
