"""All targets by name, and by the form of their runs' ids."""

import re

from obs2seq.errors import ConfigurationError
from obs2seq.launch.ec2 import Ec2Target
from obs2seq.launch.glue import GlueTarget
from obs2seq.launch.serverless import ServerlessTarget
from obs2seq.launch.target import Target

TARGETS: dict[str, type[Target]] = {each.name: each for each in (Ec2Target, ServerlessTarget, GlueTarget)}

_IDS = {
    "ec2": (r"j-[A-Z0-9]+/s-[A-Z0-9]+", "j-.../s-... (EMR on EC2)"),
    "serverless": (r"[0-9a-z]+/[0-9a-z]+", "<application>/<job run> (EMR Serverless)"),
    "glue": (r"[^/]+/jr_\w+", "<job>/jr_... (Glue)"),
}


def target_of(run_id: str) -> type[Target]:
    """Return the target that a run's id belongs to; raise `ConfigurationError` where it belongs to none."""
    for name, (pattern, _) in _IDS.items():
        if re.fullmatch(pattern, run_id):
            return TARGETS[name]
    forms = ", ".join(form for _, form in _IDS.values())
    raise ConfigurationError(f"run {run_id}", f"expected an id as 'obs2seq submit' prints it, found none: {forms}")
