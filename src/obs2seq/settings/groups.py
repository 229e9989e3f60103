"""What all groups of settings are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt

PositiveInt = Annotated[StrictInt, Field(ge=1)]


class Group(BaseModel):
    """Some settings that belong together: no others are taken, and none is changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
