"""Plots as SVG to stand in a page, in the page's own colours and fonts."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

from obs2seq.report.quiet import nothing_on_stderr, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from obs2seq.report.activity import Activity
    from obs2seq.report.figures import LengthBar
    from obs2seq.report.values import Values

_BEFORE, _AFTER = "#4c78a8", "#f58518"
_BLACK = "#000000"
"""What text and axes are drawn in: the page has a colour of its own for text, and another where it is dark."""


def lengths_plot(title: str, bars: Sequence[LengthBar], counted: str) -> str:
    """Draw how many there are of each length."""
    is_each = bars[-1].first == bars[-1].last
    counts, edges = [bar.count for bar in bars], [*(bar.first for bar in bars), bars[-1].last + 1]

    def draw(axes: Axes) -> None:
        axes.stairs(counts, [edge - 0.5 for edge in edges] if is_each else edges, fill=True, color=_BEFORE)
        _count_along(axes.yaxis)
        if is_each:
            _count_along(axes.xaxis)
        else:
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_formatter("{x:,g}")
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
        _count_along(axes.xaxis)
        if once != everywhere:
            axes.figure.legend(loc="outside upper right", ncols=2, frameon=False)

    return _svg(f"values {values.feature}", draw, height=1.0 + 0.22 * len(labels))


def activity_plot(activity: Activity) -> str:
    """Draw the observations of each step."""

    def draw(axes: Axes) -> None:
        axes.bar(activity.starts, activity.counts, color=_BEFORE, width=activity.step, align="edge")  # type: ignore[arg-type]
        axes.set(ylabel=activity.unit)
        _count_along(axes.yaxis)
        if isinstance(activity.starts[0], date):
            axes.figure.autofmt_xdate()
        else:
            axes.set_xlabel(activity.column)

    return _svg("activity", draw)


_MOST_LETTERS = 24
_MOST_TICKS = 6


def _count_along(axis: Axis) -> None:
    """Let an axis name a few whole numbers, as the page writes them."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(_MOST_TICKS, integer=True))
    axis.set_major_formatter("{x:,.0f}")


def _shortened(label: str) -> str:
    return label if len(label) <= _MOST_LETTERS else f"{label[: _MOST_LETTERS - 1]}…"


def _svg(name: str, draw: Callable[[Axes], None], height: float = 2.4) -> str:
    """Return a drawing as an element that takes the width it is given; the same drawing gives the same text."""
    with _matplotlib(name) as plt:
        figure, axes = plt.subplots(figsize=(5.2, height), layout="constrained")
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
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
    with quiet("matplotlib"):
        import matplotlib as mpl

        mpl.use("svg")
        plt = _pyplot()
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt, "font.size": 9}):
            yield plt


@cache
def _pyplot() -> ModuleType:
    with nothing_on_stderr():  # it asks Fontconfig which fonts there are
        from matplotlib import pyplot as plt
    return plt
