"""Values as a page can show them: what has no shape of its own is written out, and long texts are cut."""

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
        text = f'"{shortened(text, most - 2)}"'
    return shortened("".join(map(_visible, text[: most + 1])), most)


def shortened(text: str, most: int) -> str:
    """Return a text of no more letters than these."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _visible(letter: str) -> str:
    """Write out what would break the line, turn its direction, or not be seen, as Python does."""
    return letter if letter.isprintable() or letter in _JOINERS else repr(letter)[1:-1]
