"""How costs grow with the number of observations, as a picture."""

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.contenders import CONTENDERS
from benchmarks.records import Measurement, Run

_COSTS: dict[str, Callable[[Measurement], float | None]] = {
    "wall s": lambda one: min(one.wall_s),
    "CPU s": lambda one: min(one.cpu_s),
    "peak memory, GB": lambda one: one.peak_bytes / 1e9 if one.peak_bytes else None,
    "shuffle, MB": lambda one: one.shuffle_bytes / 1e6 if one.shuffle_bytes else None,
    "output, MB": lambda one: one.output_bytes / 1e6 if one.output_bytes else None,
}


def points(runs: Sequence[Run], contender: str, cost: str) -> list[tuple[float, float]]:
    """Return millions of observations and cost of the whole process, for each size that was measured."""
    found = [
        (run.observations / 1e6, _COSTS[cost](one))
        for run in runs
        for one in run.measurements
        if (run.data, one.kind, one.contender) == ("even", "process", contender) and one.wall_s
    ]
    return sorted((size, value) for size, value in found if value is not None)


def draw_growth(runs: Sequence[Run], file: Path) -> None:
    """Draw a line a contender for each cost, on logarithmic axes, as SVG that is the same for the same runs."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "obs2seq", "font.size": 9}
    from matplotlib import pyplot as plt
    from matplotlib.lines import Line2D
    from matplotlib.ticker import NullFormatter

    figure, axes = plt.subplots(2, 3, figsize=(11, 7), layout="constrained")
    panels = axes.flat
    for panel, cost in zip(panels, _COSTS, strict=False):
        for number, name in enumerate(CONTENDERS):
            if line := points(runs, name, cost):
                panel.loglog(*zip(*line, strict=True), marker="o", markersize=3, linewidth=1, color=f"C{number}")
        panel.set(title=cost, xlabel="million observations")
        panel.grid(visible=True, which="major", alpha=0.3)
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
    legend = [Line2D([], [], color=f"C{number}", marker="o", markersize=3) for number in range(len(CONTENDERS))]
    panels[-1].axis("off")
    panels[-1].legend(legend, [contender.title for contender in CONTENDERS.values()], loc="center", fontsize=7)
    figure.savefig(file, format="svg", metadata={"Date": None})
    plt.close(figure)
