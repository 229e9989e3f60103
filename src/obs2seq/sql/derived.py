"""Exploded columns, derived and encoded features in Athena's SQL: none."""

from obs2seq.domain.derived import require_derivable
from obs2seq.domain.exploding import require_unexploded
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.vocabularies import require_unencoded

_HINT = "make the sequences with Spark (engine: spark) or in the process (engine: arrow)"


def require_columns_alone(spec: SequenceSpec) -> None:
    """Raise `SpecificationError` for a column that is exploded, or the first feature that is derived or encoded."""
    require_unexploded(spec, "Athena computes", _HINT)
    require_derivable(spec, "Athena", (), lambda _: "")
    require_unencoded(spec, "Athena", _HINT)
