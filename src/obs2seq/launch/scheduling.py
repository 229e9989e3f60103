"""The requests of a run as texts and numbers, for a scheduler that makes them itself: Airflow, Step Functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from obs2seq.aws.clients import aws_client
from obs2seq.domain.fingerprint import fingerprint
from obs2seq.errors import ConfigurationError
from obs2seq.launch.arguments import job_settings
from obs2seq.launch.launch import Launch
from obs2seq.launch.placement import Placement
from obs2seq.launch.targets import TARGETS
from obs2seq.launch.values import LaunchValues

# The longer ending first: one script's name ends with the other's.
_ENDINGS = {
    "glue_sequence_observations.py": "glue_job",
    "sequence_observations.py": "job",
    ".tar.gz": "dependencies",
    ".zip": "code",
    ".whl": "wheel",
    ".txt": "requirements",
}


@dataclass(frozen=True)
class Deployed(Placement):
    """A package that is on S3 already, known by where its files lie."""

    known: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        return fingerprint(*sorted([role, location] for role, location in self.known.items()))

    @cached_property
    def locations(self) -> Mapping[str, str]:
        return self.known


def scheduled_requests(
    target: str,
    settings: Mapping[str, object],
    values: LaunchValues,
    deployed: Iterable[str],
    *,
    max_hours: float = 4.0,
    templates: Path = Path("emr"),
) -> dict[str, dict[str, Any]]:
    """Return the parameters of the calls that start a run, by the operation's name; none is made.

    They are those of `obs2seq submit --dry-run`, whose package is on S3 already.

    Args:
        target: ec2, serverless or glue.
        settings: Of the job, by key; a location may hold what the scheduler fills in, such as a date.
        values: The account's names.
        deployed: The lines that `obs2seq deploy` printed for the target.
        max_hours: The longest that the service lets the run take.
        templates: The folder of the requests' templates.

    Raises:
        ConfigurationError: Settings or values are missing or not allowed, or a file of the package is missing.
    """
    kind = TARGETS[target]
    locations = _by_role(deployed)
    if missing := set(kind.roles) - set(locations):
        hint = f"give all lines that 'obs2seq deploy --target {target}' prints"
        raise ConfigurationError("package", f"expected {', '.join(sorted(missing))}, found none", hint)
    launch = Launch(
        target=target,
        settings=job_settings(settings, environ={}),
        values=values,
        placement=Deployed((), str(values.code_location), locations),
        max_hours=max_hours,
        templates=templates,
    )
    asked = kind(aws_client)
    asked.check(launch)
    return {request.operation: request.parameters for request in asked.requests(launch)}


def _by_role(deployed: Iterable[str]) -> dict[str, str]:
    roles = ((location, _role(location)) for location in map(str.strip, deployed) if location)
    return {role: location for location, role in roles}


def _role(location: str) -> str:
    for ending, role in _ENDINGS.items():
        if location.endswith(ending):
            return role
    raise ConfigurationError("package", f"expected lines that 'obs2seq deploy' prints, found {location}")
