"""Sequences observations from Prefect, by the command line: it finds a run that was started before, and waits."""

import subprocess

from prefect import flow, task

SERVICE = 3
"""The exit code for what may be well a minute later: a service that refused or did not answer."""


def _is_worth_another_try(_task: object, _run: object, state: object) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, subprocess.CalledProcessError) and error.returncode == SERVICE


@task(retries=3, retry_delay_seconds=60, retry_condition_fn=_is_worth_another_try)
def submit(target: str, settings: dict[str, str], max_hours: float) -> str:
    """Package, deploy and start; return the run's id. Another try finds the run that the first one started."""
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    return _obs2seq("submit", "--target", target, "--no-wait", "--max-hours", str(max_hours), *options)


@task(retries=3, retry_delay_seconds=60, retry_condition_fn=_is_worth_another_try)
def wait(run: str, max_hours: float) -> None:
    """Wait until the run has ended; fail if it failed."""
    _obs2seq("wait", run, "--max-hours", str(max_hours))


@flow(log_prints=True)
def sequence_observations(
    s3_data_location: str,
    output_s3_location: str,
    target: str = "serverless",
    sequence_length: int = 100,
    max_hours: float = 4.0,
) -> str:
    """Publish sequences of the observations at a location; return the run's id."""
    settings = {
        "s3_data_location": s3_data_location,
        "output_s3_location": output_s3_location,
        "sequence_length": str(sequence_length),
    }
    run = submit(target, settings, max_hours)
    wait(run, max_hours)
    return run


def _obs2seq(*words: str) -> str:
    """Run a command; its progress goes where this process's errors go."""
    done = subprocess.run(["obs2seq", *words], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    data = "s3://obs2seq-data-111122223333-eu-central-1"
    sequence_observations(f"{data}/observations", f"{data}/sequences")
