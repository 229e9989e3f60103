"""The table of what trust costs, out of what was measured."""

from collections.abc import Iterator, Sequence

from benchmarks.records import Measurement, Run
from benchmarks.trust import GOALS, TRUSTED

TITLES = ("the job", "× CPU", "× wall", "CPU s", "wall s", "at most", "output")


def costs(run: Run) -> Iterator[Sequence[str | list[float]]]:
    """Yield a row of `TITLES` for each contender that was measured; seconds are those of all repeats."""
    measured = {one.contender: one for one in run.measurements if one.wall_s}
    for name, plain, most in GOALS:
        if one := measured.get(name):
            ratios = _ratios(one, measured.get(plain) if name != plain else None)
            yield TRUSTED[name].title, *ratios, one.cpu_s, one.wall_s, f"{most:.2f}" if most else "", one.output


def _ratios(one: Measurement, plain: Measurement | None) -> list[str]:
    """Return the least of all repeats by the least of the plain job's."""
    if plain is None:
        return ["", ""]
    return [f"{min(ours) / min(theirs):.2f}" for ours, theirs in ((one.cpu_s, plain.cpu_s), (one.wall_s, plain.wall_s))]
