"""All that shapes what one run makes, beside the data itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from obs2seq.domain import rules
from obs2seq.domain.fingerprint import fingerprint
from obs2seq.domain.layouts import Layout
from obs2seq.domain.quality import PupilRule, RowRule
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.split_times import Instant

Policy = Literal["fail", "leave_out"]
SubsetMethod = Literal["auto", "folder", "column", "hash", "time", "stratified"]

DEFAULT_SUBSETS: Mapping[str, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}


@dataclass(frozen=True)
class Job:
    """What to make of a data location, for all subsets alike."""

    spec: SequenceSpec
    subsets: Mapping[str, float] = field(default_factory=lambda: DEFAULT_SUBSETS)
    """Each subset's share of the pupils, adding to 1."""
    subset_method: SubsetMethod = "auto"
    subset_column: str = "subset"
    split_salt: str = ""
    split_times: Mapping[str, Instant] = field(default_factory=dict)
    """For each subset but the first, the instant at which it begins."""
    split_context: bool = False
    """Whether earlier observations come along, as context."""
    split_assignment: str | None = None
    """Where the assignment of pupils to subsets is kept; None: below the output."""
    assignment: str | None = None
    """Which assignment is used, where one is."""
    folds: int | None = None
    vocabularies: Mapping[str, str] = field(default_factory=dict)
    """The names of the vocabularies that are used, by the column that they encode."""
    vocabulary_location: str | None = None
    """Where vocabularies are kept; None: below the output."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Name → the name of an input column, or a Spark SQL expression over the input."""
    row_filter: str | None = None
    duplicates: Literal["keep", "drop"] = "keep"
    policies: Mapping[str, Policy] = field(default_factory=dict)
    """What to do with the rows that a rule leaves out, by the rule's name; fail where it is not named."""
    pupil_sample: float | None = None
    """The share of the pupils that is taken at all, before they are split; None: all."""
    rules: tuple[RowRule | PupilRule, ...] = ()
    """What observations must be, beside what is built in."""
    references: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """The values that files hold, by the rule that names the file."""
    max_quarantined_share: float | None = None
    """Of the observations that rules are tried on."""
    input_format: str = "auto"
    text_options: Mapping[str, Any] = field(default_factory=dict)
    """How CSV and JSON are read; named here because another reading is another result."""
    output_format: Literal["parquet", "delta"] = "parquet"
    layout: Layout = "expanded"
    compression: str = "snappy"
    keep_runs: int = 2
    force: bool = False

    def with_length(self, sequence_length: int) -> "Job":
        """Return the job with another L; a stride of a whole window stays one."""
        fields = dict(self.spec) | {"sequence_length": sequence_length}
        if self.spec.is_chunked:
            fields["stride"] = sequence_length
        return replace(self, spec=SequenceSpec(**fields))

    def with_assignment(self, location: str, assignment: str) -> "Job":
        """Return the job with an assignment of pupils to subsets, which is kept somewhere."""
        return replace(self, split_assignment=location, assignment=assignment)

    def with_vocabularies(self, location: str, names: Mapping[str, str]) -> "Job":
        """Return the job with the names of the vocabularies to use, which are kept somewhere."""
        return replace(self, vocabulary_location=location, vocabularies=names)

    def fails_on(self, rule: str) -> bool:
        """Whether the run stops where this rule finds a row."""
        return rule in _STOPPING and self.policies.get(rule, "fail") == "fail"

    def shape(self) -> dict[str, Any]:
        """Return, as JSON values, everything here that shapes the result; how and when to publish is not part of it."""
        passing = {"spec", "keep_runs", "force", "split_assignment", "vocabulary_location", *_QUALITY}
        rest = {name: _plain(value) for name, value in vars(self).items() if name not in passing}
        # Shares are laid end to end, so their order is part of the result, and a JSON object has none.
        return rest | {
            "subsets": [[name, share] for name, share in self.subsets.items()],
            "specification": self._spec(),
            **self._quality(),
        }

    def _quality(self) -> dict[str, Any]:
        """Nothing without rules, so that they change no name of a run that has none."""
        if not self.rules:
            return {}
        return {
            "rules": [rule.model_dump(mode="json", exclude_none=True) for rule in self.rules],
            "references": {name: fingerprint(values) for name, values in self.references.items()},
            "max_quarantined_share": self.max_quarantined_share,
        }

    def _spec(self) -> dict[str, Any]:
        return self.spec.model_dump(mode="json")


_QUALITY = ("rules", "references", "max_quarantined_share")
_STOPPING = {rules.NOT_UTF8, rules.NULL_PUPIL, rules.NULL_TIME, rules.TIME_OUT_OF_RANGE}


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value
