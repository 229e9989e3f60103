"""Waiting for what AWS runs."""

from collections.abc import Iterator

import pytest

from obs2seq.aws.states import RunState, Status, state_of
from obs2seq.aws.waiting import Patience, wait


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def run_through(words: list[str], patience: Patience) -> tuple[Status, list[str], Clock]:
    """Wait for a run that goes through these states, one a poll, and stays in the last."""
    clock, seen = Clock(), list[str]()
    states: Iterator[str] = iter([*words, *[words[-1]] * 1000])

    def poll() -> Status:
        word = next(states)
        return Status(state_of(word), word)

    last = wait(poll, patience, changed=lambda status: seen.append(status.word), clock=clock, sleep=clock.sleep)
    return last, seen, clock


def test_only_changes_are_told() -> None:
    last, seen, _ = run_through(["QUEUED", "QUEUED", "RUNNING", "RUNNING", "RUNNING", "SUCCEEDED"], Patience())

    assert seen == ["QUEUED", "RUNNING", "SUCCEEDED"]
    assert last.state is RunState.SUCCEEDED


def test_pauses_grow_up_to_the_longest() -> None:
    _, _, clock = run_through(["RUNNING"] * 6 + ["FAILED"], Patience(first=2, longest=5))

    assert clock.pauses == [2, 3, 4.5, 5, 5, 5]


def test_the_wait_ends_at_the_deadline_with_one_last_look() -> None:
    last, seen, clock = run_through(["RUNNING"], Patience(first=4, longest=60, deadline=10))

    assert (last.state, last.word) == (RunState.TIMED_OUT, "RUNNING")
    assert last.reason == "still RUNNING after 10 seconds"
    assert clock.pauses == [4, 6]
    assert seen == ["RUNNING"]


@pytest.mark.parametrize(
    ("words", "state"),
    [
        (["COMPLETED", "SUCCESS", "SUCCEEDED"], RunState.SUCCEEDED),
        (["FAILED", "ERROR"], RunState.FAILED),
        (["CANCELLED", "INTERRUPTED", "STOPPED"], RunState.CANCELLED),
        (["TIMEOUT", "EXPIRED"], RunState.TIMED_OUT),
    ],
)
def test_every_terminal_state_of_every_service_ends_the_wait(words: list[str], state: RunState) -> None:
    ended = [run_through(["RUNNING", word], Patience())[0] for word in words]

    assert [status.state for status in ended] == [state] * len(words)


def test_a_state_that_is_not_known_goes_on() -> None:
    assert not state_of("SOMETHING_NEW").is_final
    assert state_of("CANCEL_PENDING") is RunState.RUNNING
