"""All targets by name, and by the form of their runs' ids."""

import re

from obs2seq.errors import ConfigurationError
from obs2seq.launch.athena import AthenaRuns
from obs2seq.launch.ec2 import Ec2Target
from obs2seq.launch.glue import GlueTarget
from obs2seq.launch.serverless import ServerlessTarget
from obs2seq.launch.target import Runs, Target

TARGETS: dict[str, type[Target]] = {each.name: each for each in (Ec2Target, ServerlessTarget, GlueTarget)}

_RUNS: dict[str, type[Runs]] = {
    r"j-[A-Z0-9]+/s-[A-Z0-9]+": Ec2Target,
    r"[0-9a-z]+/[0-9a-z]+": ServerlessTarget,
    r"[^/]+/jr_\w+": GlueTarget,
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": AthenaRuns,
}
_HINT = (
    "ids are j-.../s-... (EMR on EC2), <application>/<job run> (EMR Serverless), <job>/jr_... (Glue), "
    "and that of a query (Athena)"
)


def runs_of(run_id: str) -> type[Runs]:
    """Return the runs that one belongs to by its id; raise `ConfigurationError` where it belongs to none."""
    for pattern, runs in _RUNS.items():
        if re.fullmatch(pattern, run_id):
            return runs
    raise ConfigurationError("run", f"expected an id as 'obs2seq submit' prints it, found {run_id!r}", _HINT)
