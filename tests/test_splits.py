import hashlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obs2seq.domain.splits import HashRange, hash_range

FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}
PUPILS = [f"pupil-{n}" for n in range(20_000)]


def subset_of(pupil: str, fractions: dict[str, float], salt: str = "") -> str:
    (subset,) = (name for name in fractions if hash_range(fractions, name, salt).holds(pupil))
    return subset


def split(pupils: list[str], fractions: dict[str, float], salt: str = "") -> dict[str, str]:
    ranges = {name: hash_range(fractions, name, salt) for name in fractions}
    return {pupil: name for pupil in pupils for name, range_ in ranges.items() if range_.holds(pupil)}


def test_bounds_are_the_shares_laid_end_to_end():
    assert hash_range({"a": 0.5, "b": 0.25, "c": 0.25}, "a") == HashRange("", "00000000", "80000000")
    assert hash_range({"a": 0.5, "b": 0.25, "c": 0.25}, "b") == HashRange("", "80000000", "c0000000")
    assert hash_range({"a": 0.5, "b": 0.25, "c": 0.25}, "c") == HashRange("", "c0000000", None)
    assert hash_range({"all": 1.0}, "all", "s") == HashRange("s", "00000000", None)


def test_bounds_are_exact_where_floating_point_sums_are_not():
    """0.1 + 0.2 is more than 0.3 in floating point; 3/10 of 16⁸ is 1288490188.8."""
    assert hash_range({"a": 0.1, "b": 0.2, "c": 0.7}, "c").first == f"{1288490189:08x}"
    assert hash_range({"a": 0.3, "c": 0.7}, "c").first == f"{1288490189:08x}"


def test_pupil_belongs_where_the_leading_digits_of_its_md5_lie():
    digits = hashlib.md5("s:größe".encode()).hexdigest()[:8]

    assert HashRange("s", digits, None).holds("größe")
    assert not HashRange("s", "00000000", digits).holds("größe")
    assert not HashRange("s", f"{int(digits, 16) + 1:08x}", None).holds("größe")
    assert HashRange("s", "00000000", f"{int(digits, 16) + 1:08x}").holds("größe")


def test_known_pupils_stay_where_every_engine_has_put_them():
    """Their digests by coreutils' md5sum, so that no change of the code moves anybody."""
    firsts = {":1": "3558193c", ":2": "343a10e6", "2026:1": "ac5071b6", ":größe": "8e9258ed"}

    for salted, digits in firsts.items():
        salt, _, pupil = salted.partition(":")
        assert HashRange(salt, digits, f"{int(digits, 16) + 1:08x}").holds(pupil)


@pytest.mark.parametrize("salt", ["", "2026", "\U0001f600"])
def test_fractions_are_honoured(salt):
    counts = [list(split(PUPILS, FRACTIONS, salt).values()).count(name) for name in FRACTIONS]

    for count, fraction in zip(counts, FRACTIONS.values(), strict=True):
        deviation = math.sqrt(len(PUPILS) * fraction * (1 - fraction))
        assert abs(count - len(PUPILS) * fraction) < 4 * deviation
    assert sum(counts) == len(PUPILS)


def test_new_pupils_move_nobody():
    before = split(PUPILS, FRACTIONS)
    after = split([f"new-{n}" for n in range(6_000)] + PUPILS[::-1], FRACTIONS)

    assert len(after) == 26_000
    assert {pupil: after[pupil] for pupil in PUPILS} == before


def test_order_of_subsets_lays_out_the_shares():
    forwards = split(PUPILS, {"a": 0.5, "b": 0.5})
    backwards = split(PUPILS, {"b": 0.5, "a": 0.5})

    assert all(forwards[pupil] != backwards[pupil] for pupil in PUPILS)


def test_growing_the_first_subset_takes_from_the_next_alone():
    small = split(PUPILS, {"a": 0.5, "b": 0.3, "c": 0.2})
    large = split(PUPILS, {"a": 0.6, "b": 0.2, "c": 0.2})

    moves = {(small[pupil], large[pupil]) for pupil in PUPILS if small[pupil] != large[pupil]}
    assert moves == {("b", "a")}


def test_another_salt_is_another_independent_split():
    """Of the pupils in one half, half are in the same half under another salt, within four standard deviations."""
    halves = {"a": 0.5, "b": 0.5}
    one, other = split(PUPILS, halves, "one"), split(PUPILS, halves, "other")

    same = sum(one[pupil] == other[pupil] for pupil in PUPILS)
    assert abs(same - len(PUPILS) / 2) < 4 * math.sqrt(len(PUPILS) / 4)


@given(
    parts=st.lists(st.integers(1, 10**9), min_size=1, max_size=6),
    salt=st.text(st.characters(exclude_categories=["Cs"])),
    pupil=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_every_pupil_belongs_to_one_subset(parts, salt, pupil):
    fractions = {str(i): part / sum(parts) for i, part in enumerate(parts)}

    assert subset_of(pupil, fractions, salt) in fractions


@pytest.mark.parametrize("tiny", [1e-9, 1e-10, 1e-12, 5e-324])
def test_share_too_small_for_the_hash_leaves_the_others_whole(tiny):
    """A share that rounds to everything must not turn into a bound of nine digits."""
    fractions = {"most": 1 - tiny, "least": tiny}

    assert set(split(PUPILS, fractions).values()) == {"most"}
    assert len(split(PUPILS, fractions)) == len(PUPILS)
