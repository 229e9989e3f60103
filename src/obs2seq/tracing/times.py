"""How long each step of a run took."""

from __future__ import annotations

from obs2seq.tracing.watch import Ending, Watcher


class StepTimes(Watcher):
    """Keeps the seconds of runs and their steps, in the order in which they ended.

    Attributes:
        seconds: By subset and step, such as `train: write`; a whole run by its subset alone.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def ended(self, ending: Ending) -> None:
        """Keep what a run or a step took; nodes are lazy and take none."""
        span = ending.span
        if span.kind == "node":
            return
        name = ": ".join(filter(None, (span.subset, "" if span.kind == "run" else span.name)))
        self.seconds[name] = self.seconds.get(name, 0.0) + ending.seconds
