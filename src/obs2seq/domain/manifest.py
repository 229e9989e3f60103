"""What a run leaves beside its data: a manifest, and the pointer that says which run is current."""

import datetime
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, ValidationError, model_validator

from obs2seq.domain.files import WrittenFile
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.lineage import Lineage
from obs2seq.domain.locations import join
from obs2seq.domain.runs import MANIFEST, RUN_ID_PATTERN, run_folder
from obs2seq.domain.validation import findings
from obs2seq.errors import StorageError

MANIFEST_VERSION: Literal[1] = 1


def _instant(text: str) -> str:
    """Refuse what is no ISO timestamp with an offset: without one, runs have no order."""
    if datetime.datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(f"expected an ISO timestamp with an offset, found {text!r}")
    return text


def _by_key(value: Any) -> Any:
    """Sort keys at every depth, so that equal settings make equal text."""
    if isinstance(value, Mapping):
        return {str(key): _by_key(value[key]) for key in sorted(value)}
    return [_by_key(item) for item in value] if isinstance(value, list | tuple) else value


Count = Annotated[int, Field(ge=0)]
Instant = Annotated[str, AfterValidator(_instant)]
RunId = Annotated[str, Field(pattern=f"^{RUN_ID_PATTERN}$")]


class _Document(BaseModel):
    """A small JSON file; fields that this version does not know are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def to_text(self) -> str:
        """Return the document as JSON for people too: equal documents give equal text, NaN stays NaN."""
        return json.dumps(self.model_dump(), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_text(cls, text: str, location: str) -> Self:
        """Read what `to_text` wrote; raise `StorageError` naming the location where it cannot be read."""
        hint = "restore the file, or run again with force to publish a new run"
        try:
            return cls.model_validate(json.loads(text))
        except json.JSONDecodeError as error:
            problem = f"expected a JSON document, found broken JSON at line {error.lineno}, column {error.colno}"
            raise StorageError(location, problem, hint) from error
        except ValidationError as error:
            raise StorageError(location, findings(error, cls), hint) from error


class InputSummary(_Document):
    """What a run read."""

    location: str
    format: str
    files: Count
    bytes: Count
    files_digest: str
    table_version: int | None = None
    """Of a Delta table."""


class Quarantine(_Document):
    """The rows that rules put aside."""

    rows: Count
    files: tuple[WrittenFile, ...]
    """In the run's folder, hidden from readers of its data."""


class Manifest(_Document):
    """All that is known about one finished run: what lies in its folder, and what shaped it."""

    manifest_version: Literal[1] = MANIFEST_VERSION
    run_id: RunId
    dataset: str
    subset: str
    kind: Literal["sequences", "observations"]
    format: Literal["parquet", "delta"]
    rows: Count
    files: tuple[WrittenFile, ...]
    columns: dict[str, str]
    """The type of every column by Spark's name, in the order of the columns."""
    settings: Annotated[dict[str, Any], AfterValidator(_by_key)]
    """The specification and everything else that shaped the result, as JSON values."""
    ledger: Annotated[Ledger, PlainSerializer(Ledger.to_json)]
    input: InputSummary
    versions: Annotated[dict[str, str], AfterValidator(_by_key)]
    published_at: Instant
    lineage: Lineage | None = None
    """The versions of the code that made the columns; None in manifests from before these were kept."""
    quarantine: Quarantine | None = None
    """None where no rule quarantines."""

    @property
    def size(self) -> int:
        """Bytes in all files."""
        return sum(file.size for file in self.files)

    @property
    def instant(self) -> datetime.datetime:
        """When the run was published, for comparison."""
        return datetime.datetime.fromisoformat(self.published_at)

    @model_validator(mode="before")
    @classmethod
    def _version_is_known(cls, content: Any) -> Any:
        version = content.get("manifest_version", MANIFEST_VERSION) if isinstance(content, Mapping) else None
        if version != MANIFEST_VERSION:
            raise ValueError(f"expected a manifest of version {MANIFEST_VERSION}, found {version!r}")
        return content


class CurrentRun(_Document):
    """Which run of a dataset readers get."""

    run_id: RunId
    manifest: str
    """Path of its manifest, relative to the dataset."""
    previous_run_id: RunId | None
    published_at: Instant

    @classmethod
    def of(cls, manifest: Manifest, previous: Self | None) -> Self:
        """Return the pointer to a finished run, which takes the place of another."""
        return cls(
            run_id=manifest.run_id,
            manifest=join(run_folder(manifest.run_id), MANIFEST),
            previous_run_id=previous.run_id if previous else None,
            published_at=manifest.published_at,
        )


class CurrentAssignment(_Document):
    """Which assignment of pupils to subsets counts."""

    assignment: RunId
    """Its name."""
    made_from: str
    """A fingerprint of the input and the settings that it was made from."""
    pupils: Count


class CurrentVocabulary(_Document):
    """Which vocabulary of a column counts."""

    vocabulary: RunId
    """Its name."""
    column: str
    size: Count
    """How many values it holds."""
    fitted_on: tuple[str, ...]
    """A fingerprint of each input, with the settings by which it was read, whose values it holds."""


def published_meanwhile(expected: CurrentRun | None, found: CurrentRun | None) -> str:
    """Say that another run is current than was expected to be so still."""
    before, now = (f"run {current.run_id}" if current else "no run" for current in (expected, found))
    return f"expected {before} to be current still, found {now}: another run published meanwhile"
