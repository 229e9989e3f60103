"""One run that is to be started: what it does, with which code, and with which of the account's names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from obs2seq.domain.fingerprint import fingerprint
from obs2seq.domain.locations import is_s3
from obs2seq.errors import ConfigurationError
from obs2seq.launch.arguments import as_arguments, job_options
from obs2seq.launch.names import require_bucket_name
from obs2seq.launch.placement import ROLES, Placement
from obs2seq.launch.templates import filled
from obs2seq.launch.values import LaunchValues
from obs2seq.settings import LOCATIONS, Settings

NAME_PREFIX = "obs2seq-"


@dataclass(frozen=True)
class Launch:
    """A run as it is asked for.

    Args:
        target: Where it runs, by the target's name.
        settings: What it does.
        values: The account's names.
        placement: Its code; None where the target needs none.
        max_hours: After so long the run is cancelled.
        templates: The folder of the requests' templates.
        again: Another text makes another run of the same settings, code and input.
        input_digest: Stands for the files that are to be read; empty: nobody looked.
    """

    target: str
    settings: Settings
    values: LaunchValues
    placement: Placement | None
    max_hours: float
    templates: Path
    again: str = ""
    input_digest: str = ""

    @cached_property
    def options(self) -> dict[str, str]:
        """What the job is told, by key."""
        return job_options(self.settings)

    @cached_property
    def token(self) -> str:
        """The same for the same settings, code, input and target: so a run that was started before is found."""
        code = self.placement.digest if self.placement else ""
        return fingerprint(self.target, self.options, code, self.input_digest, self.again)

    @property
    def name(self) -> str:
        """What the run is called where it runs."""
        return NAME_PREFIX + self.token

    @property
    def timeout_minutes(self) -> int:
        """The longest that the run may take; EMR Serverless allows no less than 5."""
        return max(5, math.ceil(self.max_hours * 60))

    @property
    def locations(self) -> Mapping[str, str]:
        """Where the package's files lie, by role."""
        return self.placement.locations if self.placement else {}

    def filled(self, template: str, **more: Any) -> Any:
        """Return a template with all values that every target knows, and more."""
        return filled(self.templates / template, self._placeholders() | more)

    def _placeholders(self) -> dict[str, Any]:
        """Values by name; what is not there is None, as it is for a value that is not given."""
        return {
            **self.values.model_dump(),
            **dict.fromkeys(ROLES),
            **self.locations,
            "run_name": self.name,
            "timeout_minutes": self.timeout_minutes,
            "job_arguments": as_arguments(self.options),
        }


def require_s3(settings: Settings) -> None:
    """Raise where the observations or the output lie on this machine, or in what can be no bucket of AWS."""
    for key in LOCATIONS:
        location = getattr(settings, key)
        if not is_s3(location):
            found = f"a local path, {location}"
            hint = "copy it with 'aws s3 sync', or run it here with 'obs2seq run'"
            raise ConfigurationError(key, f"expected s3://<bucket>/<folder>, found {found}", hint)
        require_bucket_name(key, location)
