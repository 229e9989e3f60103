"""Values as a page can show them: what has no shape of its own is written out, and long texts are cut."""

from itertools import accumulate
from unicodedata import east_asian_width

_MOST_LETTERS = 80
_JOINERS = "\u200c\u200d"
"""Without these, Persian is spelt wrong, and an emoji falls into its parts."""


def shown(value: object, most: int = _MOST_LETTERS) -> str:
    """Return a value as one short line.

    Args:
        value: Any; one that is missing is shown as `null`, a text of nothing or with spaces at its ends in quotes.
        most: How many letters are shown; a cut is marked by `…`.
    """
    text = "null" if value is None else str(value)
    if text != text.strip(" ") or not text:
        text = f'"{_shortened(text, most - 2)}"'
    return _shortened("".join(map(_visible, text[: most + 1])), most)


def in_cells(text: str, most: int) -> str:
    """Return a text that takes no more room than these letters; one of Chinese or an emoji takes that of two."""
    ends = list(accumulate(map(_cells, text)))
    if not ends or ends[-1] <= most:
        return text
    return f"{text[: sum(end < most for end in ends)]}…"


def stand_in(text: str) -> str:
    """Return a text of the same width in the font that plots are measured with, which has no wide letters."""
    return "".join("W" if _cells(letter) == _WIDE else letter for letter in text)


_WIDE = 2


def _cells(letter: str) -> int:
    return _WIDE if east_asian_width(letter) in "WF" else 1


def _shortened(text: str, most: int) -> str:
    """Return a text of no more letters than these."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _visible(letter: str) -> str:
    """Write out what would break the line, turn its direction, or not be seen, as Python does."""
    return letter if letter.isprintable() or letter in _JOINERS else repr(letter)[1:-1]
