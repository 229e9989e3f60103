"""Where each output column comes from: the steps that made it, and the versions of their code."""

from collections.abc import Collection

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class StepVersion(_Part):
    """One step of the computation."""

    code: str
    """Stands for the step's own code alone."""
    upstream: tuple[str, ...]
    """The steps and inputs that it reads."""
    functions: tuple[str, ...] = ()
    """The names of what carries it out: others, where settings choose another way to take the step."""


class ColumnVersion(_Part):
    """One column of the output."""

    version: str
    """Changes where the code of its step, or of anything upstream of that, changes, and only there."""
    step: str
    """The step that makes the column."""
    without: tuple[str, ...] = ()
    """Steps that give values to other columns alone, and so do not count, though its step reads them."""


class Lineage(_Part):
    """What a manifest says of the code that made its columns."""

    steps: dict[str, StepVersion]
    columns: dict[str, ColumnVersion]

    def upstream_of(self, step: str, without: Collection[str] = ()) -> list[str]:
        """Return a step and all steps that it rests on, each once, but for some; inputs are not among them."""
        found: dict[str, None] = {}
        waiting = [step]
        while waiting:
            name = waiting.pop()
            if name in self.steps and name not in found and name not in without:
                found[name] = None
                waiting += reversed(self.steps[name].upstream)
        return list(found)
