"""Where long histories are cut: counts alone, without Spark."""

import random
from itertools import pairwise

import pytest

from obs2seq.domain.spreading import Interval, kept_sequences, parts_of
from tests import oracle
from tests.flow_inputs import feature, specification


def test_parts_are_cut_at_intervals_and_hold_what_their_windows_reach() -> None:
    """Three intervals of 10, 10 and 5 observations; windows of 3 reach two observations ahead, a shift one behind."""
    spec = specification(features=[feature("v", shift=-1)])
    intervals = [
        Interval(7, 2, 5, is_start=False),
        Interval(7, 0, 10, is_start=True),
        Interval(7, 1, 10, is_start=False),
    ]

    first, second, third = parts_of(intervals, spec, size=10)

    assert [part.number for part in (first, second, third)] == [1, 2, 3]
    assert [part.own for part in (first, second, third)] == [(0,), (1,), (2,)]
    assert [part.members for part in (first, second, third)] == [(0, 1), (0, 1, 2), (1, 2)]
    assert [part.skipped for part in (first, second, third)] == [0, 0, 10]
    assert {(part.first_session, part.session_start, part.last_session, part.last_end) for part in (first, third)} == {
        (0, 0, 0, 25)
    }
    assert third.kept_total == 9


def test_windows_from_the_end_reach_backwards() -> None:
    spec = specification(align="end", features=[feature("v", shift=1)])
    intervals = [Interval(1, number, 10, is_start=number == 0) for number in range(3)]

    parts = parts_of(intervals, spec, size=10)

    assert [part.members for part in parts] == [(0, 1), (0, 1, 2), (1, 2)]


def test_small_intervals_share_a_part_and_pupils_share_none() -> None:
    intervals = [Interval(pupil, number, 4, is_start=number == 0) for pupil in (1, 2) for number in range(4)]

    parts = parts_of(intervals, specification(sequence_length=1), size=8)

    assert [(part.number, part.pupil, part.own, part.skipped) for part in parts] == [
        (1, 1, (0, 1), 0),
        (2, 1, (2, 3), 8),
        (3, 2, (0, 1), 0),
        (4, 2, (2, 3), 8),
    ]


@pytest.mark.parametrize("seed", range(40))
def test_sessions_are_counted_on_across_intervals(seed: int) -> None:
    """Sessions of drawn lengths, cut anywhere, against a list of each observation's session."""
    draw = random.Random(seed)
    spec = specification(sequence_length=4, stride=draw.choice((1, 2, 4)), min_length=draw.choice((1, 3)))
    lengths = [draw.choice((1, 2, 5, 9, 30)) for _ in range(draw.choice((1, 3, 12)))]
    kept = [kept_sequences(spec, length) for length in lengths]
    sessions = [session for session, length in enumerate(lengths) for _ in range(length)]
    starts = [sum(lengths[:session]) for session in range(len(lengths))]
    bounds = sorted({0, len(sessions), *(draw.randrange(len(sessions)) for _ in range(8))})

    parts = parts_of([_interval(i, a, b, starts, kept) for i, (a, b) in enumerate(pairwise(bounds))], spec, size=6)

    assert [number for part in parts for number in part.own] == list(range(len(bounds) - 1))
    for part in parts:
        first, last = bounds[part.members[0]], bounds[part.members[-1] + 1] - 1
        assert part.skipped == first
        assert (part.first_session, part.session_start) == (sessions[first], starts[sessions[first]])
        assert (part.last_session, part.last_end) == (sessions[last], starts[sessions[last]] + lengths[sessions[last]])
        assert (part.kept_before, part.kept_total) == (sum(kept[: sessions[first]]), sum(kept))


@pytest.mark.parametrize(("length", "stride", "least"), [(4, 4, 1), (4, 4, 3), (5, 2, 4), (3, 1, 3)])
def test_kept_sequences_are_as_many_as_the_contract_makes(length: int, stride: int, least: int) -> None:
    spec = specification(sequence_length=length, stride=stride, min_length=least, features=[feature("v")])
    plain = spec.model_dump(exclude_none=True)

    for n in range(1, 30):
        rows = oracle.sequences([{"pupilid": 1, "t": t, "v": t} for t in range(n)], plain)
        assert kept_sequences(spec, n) == len(rows)


def _interval(number: int, a: int, b: int, starts: list[int], kept: list[int]) -> Interval:
    inside = [start for start in starts if a < start < b]
    between = [kept[starts.index(start)] for start in inside[:-1]]
    places = [start - a for start in inside]
    return Interval(
        1, number, b - a, a in starts, len(inside), min(places, default=None), max(places, default=None), sum(between)
    )
