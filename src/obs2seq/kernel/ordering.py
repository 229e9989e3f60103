"""The contract's total order, found by refinement: each key sorts only what the keys before it have left tied."""

from collections.abc import Iterable, Iterator

import numpy as np

from obs2seq.kernel.columns import Array, Key

_BITS = 64


class Ordering:
    """Rows in order, and which of them tie with the row before.

    Args:
        n_rows: Rows as they came, all tied.
    """

    def __init__(self, n_rows: int) -> None:
        self._rows: Array | None = None
        self._is_tied = np.ones(n_rows, bool)
        self._is_tied[:1] = False

    @property
    def rows(self) -> Array:
        """The rows' numbers, in order."""
        return np.arange(len(self._is_tied)) if self._rows is None else self._rows

    def refine(self, keys: Iterable[Key]) -> "Ordering":
        """Order what is tied by further keys, which are asked for only while something is."""
        for key in keys:
            places = self._open()
            if isinstance(places, np.ndarray) and len(places) == 0:
                break
            self._refine(key, places)
        return self

    def starts(self) -> Array:
        """Return the places where the keys so far change."""
        return np.flatnonzero(~self._is_tied)

    def ties(self) -> Array:
        """Return for each place whether the keys so far tie its row with the one before."""
        return self._is_tied.copy()

    def _open(self) -> Array | slice:
        """Return the places that tie with a neighbour, or all where that is most of them."""
        is_open = self._is_tied.copy()
        is_open[:-1] |= self._is_tied[1:]
        is_most = np.count_nonzero(is_open) * 2 > len(is_open)
        return slice(None) if is_most else np.flatnonzero(is_open)

    def _refine(self, key: Key, places: Array | slice) -> None:
        rows = places if self._rows is None else self._rows[places]
        is_tied = self._is_tied[places]
        values = key(rows)
        if (is_tied[1:] & (values[1:] < values[:-1])).any():
            order = sorted_places(_groups(is_tied), values)
            values = values[order]
            self._place(places, order, rows)
        is_tied[1:] &= values[1:] == values[:-1]
        self._is_tied[places] = is_tied

    def _place(self, places: Array | slice, order: Array, rows: Array | slice) -> None:
        if isinstance(rows, slice):
            self._rows = order
        else:
            self._rows = self.rows
            self._rows[places] = rows[order]


def sorted_places(groups: Array | None, values: Array) -> Array:
    """Return the places of values (integers or booleans) by group and value, stably.

    A digit and a place make one 64-bit number: to sort such numbers is several times as fast as to sort places.
    What is large is changed in place: fresh memory costs more than the arithmetic.
    """
    place_bits = max(len(values) - 1, 1).bit_length()
    places: Array | None = None
    for digit in _digits(groups, values, _BITS - place_bits):
        packed = digit if places is None else digit[places]
        packed <<= np.uint64(place_bits)
        packed |= np.arange(len(values), dtype=np.uint64)
        packed.sort()
        packed &= np.uint64((1 << place_bits) - 1)
        places = packed.view(np.int64) if places is None else places[packed.view(np.int64)]
    return np.arange(len(values)) if places is None else places


def _digits(groups: Array | None, values: Array, bits: int) -> Iterator[Array]:
    """Yield (group, value) in digits of so many bits, the lightest first; each may be overwritten."""
    for part in _parts(groups, values):
        width = int(part.max()).bit_length()
        if width <= bits:
            yield part
        else:
            yield from ((part >> np.uint64(shift)) & np.uint64((1 << bits) - 1) for shift in range(0, width, bits))


def _parts(groups: Array | None, values: Array) -> list[Array]:
    """Return value and group as unsigned numbers, as one where they fit."""
    light = _from_zero(values)
    if groups is None:
        return [light]
    light_bits = int(light.max()).bit_length()
    if light_bits + int(groups[-1]).bit_length() > _BITS:
        return [light, groups]
    groups <<= np.uint64(light_bits)
    groups |= light
    return [groups]


def _groups(is_tied: Array) -> Array | None:
    """Number the groups of ties; None where there is but one."""
    if np.count_nonzero(is_tied) == len(is_tied) - 1:
        return None
    return np.cumsum(~is_tied, dtype=np.uint64)


def _from_zero(values: Array) -> Array:
    """Return values less their least, exactly, as unsigned 64-bit numbers of their own."""
    least = values.min().astype(np.uint64)
    numbers = values.astype(np.uint64)
    numbers -= least
    return numbers
