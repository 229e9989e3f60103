"""Derived and encoded features in Athena's SQL: none."""

from obs2seq.domain.derived import require_derivable
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.vocabularies import require_unencoded


def require_columns_alone(spec: SequenceSpec) -> None:
    """Raise `SpecificationError` for the first feature that is derived or encoded."""
    require_derivable(spec, "Athena", (), lambda _: "")
    require_unencoded(spec, "Athena", "make the sequences with Spark (engine: spark) or in the process (engine: arrow)")
