"""A page on a run as its reader finds it: the tables and sentences of each section, by the headings above them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

Row = tuple[str, ...]
_HEADINGS = ("h3", "h4", "summary")
_TEXTS = ("td", "th", "p", "i", *_HEADINGS)


@dataclass
class Part:
    """What stands under a heading."""

    rows: list[Row] = field(default_factory=list)
    """Of its tables, headers included."""
    sentences: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """Reads a page.

    Attributes:
        sections: Their names, in order.
        parts: What stands under each section with headings, such as `("values", "train", "score")`.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sections: list[str] = []
        self.parts: dict[Row, Part] = {}
        self._place: dict[str, str] = {}
        self._open: list[list[str]] = []
        self._cells: list[str] = []
        self.feed(html)

    def part(self, *place: str) -> Part:
        """Return what stands there; a part of nothing where there is no such place."""
        return self.parts.get(place, Part())

    def counts(self, *place: str) -> dict[str, tuple[int, ...]]:
        """Return the rows of a table but its header: a label each, and numbers."""
        return {label: tuple(map(number, cells)) for label, *cells in self.part(*place).rows[1:]}

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag == "section":
            self.sections.append(dict(attrs)["id"] or "")
            self._place = {"section": self.sections[-1]}
        if tag == "tr":
            self._cells = []
        if tag in _TEXTS:
            self._open.append([])

    def handle_data(self, data: str) -> None:
        for texts in self._open:
            texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in _TEXTS:
            self._read(tag, " ".join("".join(self._open.pop()).split()))
        if tag == "tr":
            self._here().rows.append(tuple(self._cells))
        if tag == "details":
            self._place.pop("summary", None)

    def _read(self, tag: str, text: str) -> None:
        if tag in _HEADINGS:
            below = _HEADINGS[_HEADINGS.index(tag) :]
            self._place = {name: found for name, found in self._place.items() if name not in below} | {tag: text}
        elif tag == "p":
            self._here().sentences.append(text)
        elif tag in ("td", "th"):
            self._cells.append(text)

    def _here(self) -> Part:
        return self.parts.setdefault(tuple(self._place.values()), Part())


def number(text: str) -> int:
    """Return a number as the page writes it."""
    return int(text.replace(",", ""))
