"""Which part of the source a run takes: all pupils in production, a fixed sample of them in development."""

from hamilton.function_modifiers import config, tag
from pyspark.sql import Column

from obs2seq.domain import rules
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.splits import sample_range
from obs2seq.flow.columns import in_hash_range, named
from obs2seq.flow.selection import Selection


@tag(owner="selection")
@config.when(stage="production")
def stage_rules__production() -> dict[str, Column]:
    """Take all pupils: no rule leaves one out."""
    return {}


@tag(owner="selection")
@config.when(stage="development")
def stage_rules__development(spec: SequenceSpec, selection: Selection) -> dict[str, Column]:
    """Leave out the pupils whose hash lies outside the sample; null pupils are left to the rule about them."""
    sample = sample_range(selection.pupil_sample or 1.0)
    return {rules.NOT_SAMPLED: ~in_hash_range(sample, named(spec.pupil))}
