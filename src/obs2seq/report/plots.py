"""Plots as SVG to stand in a page, in the page's own colours and fonts."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from obs2seq.report.activity import Activity
    from obs2seq.report.figures import Lengths
    from obs2seq.report.values import Values

_BEFORE, _AFTER = "#4c78a8", "#f58518"
_BLACK = "#000000"
"""What text and axes are drawn in: the page has a colour of its own for text, and another where it is dark."""


def lengths_plot(title: str, lengths: Lengths, counted: str) -> str:
    """Draw how many there are of each length: from 1 on, in doublings where they go beyond 128."""
    import numpy as np

    most = int(lengths.observations.max(initial=1))
    edges = np.arange(1, most + 2) if most <= _FEW else 2 ** np.arange(0, int(most).bit_length() + 1)
    counts, _ = np.histogram(lengths.observations, edges, weights=lengths.counts)

    def draw(axes: Axes) -> None:
        axes.stairs(counts, edges, fill=True, color=_BEFORE)
        if most > _FEW:
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_formatter("{x:g}")
        axes.set(xlabel=counted, ylabel=title)

    return _svg(f"lengths {title}", draw)


def values_plot(values: Values) -> str:
    """Draw how often each value stands there: each observation once, and in all sequences where that differs."""
    labels = [_shortened(bar.label) for bar in values.bars]
    places = range(len(labels))
    once, everywhere = ([getattr(bar, name) for bar in values.bars] for name in ("once", "everywhere"))

    def draw(axes: Axes) -> None:
        if once != everywhere:
            axes.barh(places, everywhere, color=_AFTER, height=0.8, label="in all sequences")
        axes.barh(places, once, color=_BEFORE, height=0.8 if once == everywhere else 0.4, label="each observation once")
        axes.set_yticks(places, labels)
        axes.invert_yaxis()
        if once != everywhere:
            axes.legend(frameon=False)

    return _svg(f"values {values.feature}", draw, height=0.8 + 0.22 * len(labels))


def activity_plot(activity: Activity) -> str:
    """Draw the observations of each day."""

    def draw(axes: Axes) -> None:
        axes.bar(activity.days, activity.counts, color=_BEFORE, width=1.0)  # type: ignore[arg-type]
        axes.set(ylabel="observations a day")
        axes.figure.autofmt_xdate()

    return _svg("activity", draw)


_FEW = 128
_MOST_LETTERS = 24


def _shortened(label: str) -> str:
    return label if len(label) <= _MOST_LETTERS else f"{label[: _MOST_LETTERS - 1]}…"


def _svg(name: str, draw: Callable[[Axes], None], height: float = 2.4) -> str:
    """Return a drawing as an element that takes the width it is given; the same drawing gives the same text."""
    with _matplotlib(name) as plt:
        figure, axes = plt.subplots(figsize=(5.2, height), layout="constrained")
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_offset_text().set_visible(True)
        written = io.StringIO()
        figure.savefig(
            written, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
        )
        plt.close(figure)
    text = written.getvalue().replace(_BLACK, "currentColor")
    element, rest = text[text.index("<svg") :].split(">", 1)
    element = re.sub(r' (?:width|height)="[^"]*"', "", element)
    return f'{element} role="img" class="plot">{rest}'


@contextmanager
def _matplotlib(salt: str) -> Iterator:  # type: ignore[type-arg]
    """Lend matplotlib, with settings of its own while it draws."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt, "font.size": 9}):
        yield plt
