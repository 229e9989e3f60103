"""How a run is followed to its end, and what is told of it."""

import pytest

from obs2seq.aws.states import RunState, Status, state_of
from obs2seq.errors import ConfigurationError, DataError, Obs2SeqError, StorageError
from obs2seq.launch.endings import ending_error, exit_code, job_error, python_error
from obs2seq.launch.following import follow
from obs2seq.launch.logs import LogFile
from obs2seq.launch.target import Runs
from obs2seq.launch.targets import runs_of
from tests.launches import Clock

TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "job.py", line 1, in <module>',
    "    main()",
    "py4j.protocol.Py4JJavaError: An error occurred",
    "INFO ShutdownHookManager: bye",
]


class ScriptedRuns(Runs):
    """Gives the states of a script, and stays in the last; an error is raised."""

    def __init__(self, *script: str | Obs2SeqError, log: list[str] | None = None, stop: Obs2SeqError | None = None):
        super().__init__(lambda _: None)
        self.script, self.log, self.stop, self.cancelled = list(script), log or [], stop, False

    def status(self, run_id: str) -> Status:
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Obs2SeqError):
            raise step
        return Status(state_of(step), step)

    def cancel(self, run_id: str) -> None:
        if self.stop:
            raise self.stop
        self.cancelled = True

    def log_files(self, run_id: str) -> list[LogFile]:
        return [LogFile("stderr", "s3://b/stderr.gz", lambda: iter(self.log))] if self.log else []


def failure(runs: Runs, hours: float = 1, clock: Clock | None = None) -> Obs2SeqError:
    with pytest.raises(Obs2SeqError) as raised:
        follow(runs, "a/b", hours, (clock or Clock()).pace)
    return raised.value


def throttled() -> StorageError:
    return StorageError("a/b", "expected Glue to answer GetJobRun, found too many requests", "run again later")


def test_only_changes_are_told() -> None:
    clock = Clock()

    follow(ScriptedRuns("STARTING", "STARTING", "RUNNING", "RUNNING", "SUCCEEDED"), "a/b", 1, clock.pace)

    assert clock.said == ["a/b: STARTING", "a/b: RUNNING", "a/b: SUCCEEDED"]


def test_a_few_answers_may_fail_to_come() -> None:
    clock = Clock()

    follow(ScriptedRuns("RUNNING", *[throttled() for _ in range(5)], "RUNNING", "SUCCEEDED"), "a/b", 1, clock.pace)

    assert [line[:12] for line in clock.said] == ["a/b: RUNNING", *["a/b: expecte"] * 5, "a/b: SUCCEED"]


def test_answers_that_fail_to_come_count_in_a_row_alone() -> None:
    misses = [throttled() for _ in range(4)]

    follow(ScriptedRuns("RUNNING", *misses, "RUNNING", *misses, "SUCCEEDED"), "a/b", 1, Clock().pace)


def test_where_no_answers_come_the_wait_is_given_up_and_says_that_the_run_goes_on() -> None:
    error = failure(ScriptedRuns("RUNNING", throttled()))

    assert str(error).endswith("Hint: run again later; the run goes on, and 'obs2seq wait a/b' waits for it again.")
    assert error.exit_code == 3


def test_a_first_answer_that_fails_to_come_ends_the_wait_at_once() -> None:
    clock = Clock()

    error = failure(ScriptedRuns(throttled()), clock=clock)

    assert clock.now == 0
    # Nobody knows of a run: the id may be mistyped.
    assert str(error).endswith("Hint: run again later.")


def test_past_its_hours_a_run_is_cancelled() -> None:
    runs, clock = ScriptedRuns("RUNNING"), Clock()

    error = failure(runs, 0.25, clock)

    assert str(error) == (
        "run a/b: expected it to end within 0.25 h, found RUNNING. "
        "Hint: it is being cancelled; allow more with --max-hours."
    )
    assert (runs.cancelled, clock.now, error.exit_code) == (True, 900, 3)


def test_a_run_that_cannot_be_cancelled_is_told_loudly() -> None:
    error = failure(ScriptedRuns("RUNNING", stop=StorageError("a/b", "access denied")))

    assert "it could not be cancelled (access denied): do so by hand, since it costs money" in str(error)


@pytest.mark.parametrize(
    ("log", "kind", "told"),
    [
        (["error: x: expected a, found b.", "exited with status 1"], DataError, "x: expected a, found b"),
        (["error: x: expected a, found b.", "User application exited with 2"], ConfigurationError, "x: expected a"),
        (["error: x: expected a, found b.", "ExitCode: 3"], StorageError, "x: expected a"),
        (["error: x: expected a, found b."], StorageError, "x: expected a"),
        (["INFO a", *TRACEBACK, "exited with status 1"], StorageError, "py4j.protocol.Py4JJavaError: An error"),
        (["INFO a", "exited with status 137"], StorageError, "FAILED. Hint: see 'obs2seq logs a/b'."),
        ([], StorageError, "FAILED. Hint: see 'obs2seq logs a/b'; they may come minutes late."),
    ],
)
def test_a_failure_is_told_as_the_job_told_it(log: list[str], kind: type[Obs2SeqError], told: str) -> None:
    error = failure(ScriptedRuns("FAILED", log=log))

    assert type(error) is kind
    assert told in str(error)


def test_a_reason_that_begins_with_the_jobs_own_error_is_the_jobs() -> None:
    status = Status(RunState.FAILED, "FAILED", "LedgerError: ledger: expected 3 rows, found 2.")

    error = ending_error(ScriptedRuns("x"), "a/b", status)

    assert type(error) is DataError
    assert "found FAILED: ledger: expected 3 rows, found 2. Hint: see" in str(error)


def test_success_is_no_error() -> None:
    assert ending_error(ScriptedRuns("x"), "a/b", Status(RunState.SUCCEEDED, "SUCCESS")) is None


def test_the_jobs_words_are_its_last_line_of_that_form() -> None:
    lines = ["error: first: expected a, found b.", "ERROR error: not this", " error: nor this", "error: last: yes."]

    assert job_error(lines) == "last: yes."
    assert job_error(["no", "error:", "an error: in words"]) is None


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("(reason: User application exited with status 2)", 2),
        ("org.apache.spark.SparkUserAppException: User application exited with 1", 1),
        ("Job failed, please check complete logs. ExitCode: 3. Last few", 3),
        ("Final app status: SUCCEEDED, exitCode: 0", None),
        ("SystemExit: 1", 1),
        ("obs2seq.errors.SpecificationError: specification: expected a, found b.", 2),
        ("DataNotFoundError: s3://b/raw: expected files, found none.", 1),
        ("ValueError: x", None),
        ("took 1 s", None),
    ],
)
def test_exit_codes_are_read_as_spark_and_the_services_write_them(line: str, code: int | None) -> None:
    assert exit_code([line]) == code


def test_the_last_traceback_is_taken_whole() -> None:
    first = ["Traceback (most recent call last):", "  x", "ValueError: old"]

    assert python_error([*first, "INFO between", *TRACEBACK]) == TRACEBACK[:-1]
    assert python_error([*first[:2]]) == first[:2]
    assert python_error(["INFO"]) == []


@pytest.mark.parametrize(
    ("run_id", "name"),
    [
        ("j-1ABC/s-2DEF", "Ec2Target"),
        ("00f1example/00f2example", "ServerlessTarget"),
        ("my job/jr_0123abc", "GlueTarget"),
        ("11111111-2222-3333-4444-555555555555", "AthenaRuns"),
    ],
)
def test_a_run_is_known_by_its_id(run_id: str, name: str) -> None:
    assert runs_of(run_id).__name__ == name


@pytest.mark.parametrize("run_id", ["", "j-1", "s-1/j-1", "a/b/c", "A/B"])
def test_what_is_no_runs_id_is_refused(run_id: str) -> None:
    with pytest.raises(ConfigurationError, match="expected an id as 'obs2seq submit' prints it"):
        runs_of(run_id)


def test_a_tail_is_the_last_lines() -> None:
    assert LogFile("x", "y", lambda: iter(["a", "b", "c"])).tail(2) == ["b", "c"]
