from collections.abc import Mapping

from awsglue import calls
from awsglue.context import GlueContext


class Job:
    def __init__(self, context: GlueContext) -> None:
        assert isinstance(context, GlueContext)

    def init(self, name: str, options: Mapping[str, str]) -> None:
        calls.append(("init", name, options["job_bookmark_option"]))

    def commit(self) -> None:
        calls.append(("commit",))
