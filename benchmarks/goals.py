"""What obs2seq is meant to reach, and how far it is from that."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.records import Measurement, Run
from benchmarks.trust import GOALS as TRUST_GOALS
from benchmarks.trust import TRUST


@dataclass(frozen=True)
class Goal:
    """A ratio of wall seconds, the least of all repeats each, that should not be exceeded."""

    contender: str
    baseline: str
    kind: str
    most: float
    sizes: tuple[int, int] = (10_000_000, 100_000_000)
    """From and to how many observations it holds."""
    data: str = "even"


MILLION = 1_000_000
GOALS = (
    Goal("obs2seq_flow", "spark_floor", "warm", 1.35, (10 * MILLION, 30 * MILLION)),
    Goal("obs2seq_spark_arrow", "spark_floor", "warm", 0.75, (10 * MILLION, 30 * MILLION)),
    Goal("obs2seq_spark_arrow", "spark_floor", "process", 0.6, (100 * MILLION, 100 * MILLION)),
    Goal("obs2seq_arrow", "polars_lazy", "process", 0.5),
    Goal("obs2seq_arrow", "duckdb_list", "process", 0.33, (10 * MILLION, 30 * MILLION)),
    Goal("obs2seq_arrow", "duckdb_list", "process", 0.45, (100 * MILLION, 100 * MILLION)),
    *(Goal(name, plain, "process", most, data=TRUST) for name, plain, most in TRUST_GOALS if most),
)
MOST_BYTES = 2_000_000_000
"""What obs2seq without Spark may hold in memory at 100 million observations, told to take a gigabyte."""
MOST_SKEW = 1.3
"""The wall time of the whole job on Spark where one pupil owns a fifth, to that of as many observations without."""


@dataclass(frozen=True)
class Reached:
    """A goal, and what was measured of it."""

    what: str
    run: Run
    measured: float
    most: float

    @property
    def verdict(self) -> str:
        """Say whether it is met, or by how much it is missed."""
        return "met" if self.measured <= self.most else f"missed by {self.measured / self.most - 1:.0%}"


def reached(runs: Sequence[Run], title_of: Callable[[str], str]) -> list[Reached]:
    """Return all goals of which these runs measured something."""
    return [*_ratios(runs, title_of), *_memory(runs, title_of), *_skew(runs, title_of)]


def least_wall(run: Run, contender: str, kind: str) -> float | None:
    """Return the least of a contender's wall seconds; None where there are none."""
    found = measurement(run, contender, kind)
    return min(found.wall_s) if found is not None and found.wall_s else None


def measurement(run: Run, contender: str, kind: str) -> Measurement | None:
    """Return a contender's measurement in a run, if it took part."""
    return next((one for one in run.measurements if (one.contender, one.kind) == (contender, kind)), None)


def _ratios(runs: Sequence[Run], title_of: Callable[[str], str]) -> Iterator[Reached]:
    for goal in GOALS:
        for run in runs:
            ours, theirs = (least_wall(run, name, goal.kind) for name in (goal.contender, goal.baseline))
            if run.data == goal.data and goal.sizes[0] <= run.observations <= goal.sizes[1] and ours and theirs:
                what = f"{title_of(goal.contender)} to {title_of(goal.baseline)}, wall, {goal.kind}"
                yield Reached(what, run, ours / theirs, goal.most)


def _memory(runs: Sequence[Run], title_of: Callable[[str], str]) -> Iterator[Reached]:
    for run in runs:
        found = measurement(run, "obs2seq_arrow_1g", "process")
        if run.observations == 100 * MILLION and found is not None and found.peak_bytes is not None:
            what = f"{title_of(found.contender)}: peak memory, GB"
            yield Reached(what, run, found.peak_bytes / 1e9, MOST_BYTES / 1e9)


def _skew(runs: Sequence[Run], title_of: Callable[[str], str]) -> Iterator[Reached]:
    even = {run.observations: run for run in runs if run.data == "even"}
    for run in runs:
        if run.data != "heavy" or run.observations < 10 * MILLION or run.observations not in even:
            continue
        theirs = least_wall(even[run.observations], "obs2seq_spark", "process")
        for name in ("obs2seq_spark", "obs2seq_spread"):
            ours = least_wall(run, name, "process")
            if ours and theirs:
                what = f"{title_of(name)}, one heavy pupil to none without spreading, wall"
                yield Reached(what, run, ours / theirs, MOST_SKEW)
