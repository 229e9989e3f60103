"""The page: all figures of a run in one HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from obs2seq.domain.audit import MEANINGS as CHECKS
from obs2seq.domain.rules import MEANINGS, meaning
from obs2seq.report.installed import require_installed
from obs2seq.report.plots import activity_plot, lengths_plot, values_plot
from obs2seq.report.quality import tried_rules
from obs2seq.report.samples import COLOURS

if TYPE_CHECKING:
    from markupsafe import Markup

    from obs2seq.domain.audit import Audit
    from obs2seq.domain.manifest import Manifest
    from obs2seq.lineage.catalogue import Entry
    from obs2seq.report.figures import SubsetFigures


@dataclass(frozen=True)
class Subset:
    """What the page shows of one subset."""

    manifest: Manifest
    figures: SubsetFigures


@dataclass(frozen=True)
class Content:
    """What the page shows."""

    subsets: Sequence[Subset]
    audit: Audit | None = None
    seconds: Mapping[str, float] | None = None
    """How long each step took, in order."""
    dataflow: str | None = None
    """Its picture, as SVG or as text."""
    catalogue: Sequence[Entry] = ()
    """Its steps, and the output's columns."""
    changes: Sequence[str] | None = None
    """What differs from the run before, a sentence each; None where there is none."""


def rendered(content: Content) -> str:
    """Return the page as HTML.

    Raises:
        ConfigurationError: What draws it is not installed.
    """
    require_installed()
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("obs2seq.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"n": _number, "share": _share, "moment": _moment, "told": _text}

    def drawn(svg: str) -> Markup:
        return Markup(svg)

    return environment.get_template("page.html.j2").render(
        content=content,
        first=content.subsets[0],
        checks=CHECKS,
        built_in=MEANINGS,
        meaning=meaning,
        tried=tried_rules([each.manifest for each in content.subsets]),
        colours=COLOURS,
        settings=_settings(content.subsets[0].manifest.settings),
        drawn=drawn,
        lengths_plot=lengths_plot,
        values_plot=values_plot,
        activity_plot=activity_plot,
    )


def _number(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:,.4g}"


def _share(share: float) -> str:
    return f"{share:.1%}"


def _moment(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


_PAIR = 2


def _settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return what shaped the run, a line each; the specification's fields first."""
    flat = dict(settings.get("specification", {})) | {k: v for k, v in settings.items() if k != "specification"}
    return {name: _text(value) for name, value in flat.items() if value not in (None, {}, [], "")}


def _text(value: Any) -> str:
    """Return a value as people read it: names with values without brackets, and a list of such a line each."""
    if isinstance(value, Mapping):
        named = {name: inner for name, inner in value.items() if inner is not None}
        first = {"name": named.pop("name")} if "name" in named else {}
        return ", ".join(f"{name}: {_text(inner)}" for name, inner in (first | named).items())
    if isinstance(value, list | tuple):
        if all(isinstance(each, list) and len(each) == _PAIR for each in value):
            return _text(dict(value))
        return ("\n" if value and isinstance(value[0], Mapping) else ", ").join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'
