"""Settings of vocabularies."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from obs2seq.domain.features import ColumnName
from obs2seq.domain.runs import RUN_ID_PATTERN
from obs2seq.settings.values import Location

VocabularyName = Annotated[StrictStr, Field(pattern=f"^{RUN_ID_PATTERN}$")]


class VocabularyFields(BaseModel):
    """The vocabularies of features with `encode: vocabulary`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vocabularies: dict[ColumnName, VocabularyName] = Field(
        default={},
        description="Pins vocabularies: column to the name (a hash) of the one to encode by, which is not extended "
        "then; a run that does not find it is refused. Others are fitted on the first subset, and extended.",
    )
    vocabulary_location: Location | None = Field(
        default=None,
        description="Where vocabularies are kept and extended. null: _vocabularies below the output.",
    )
