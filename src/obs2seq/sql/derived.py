"""Derived features in Athena's SQL: none."""

from obs2seq.domain.derived import require_derivable
from obs2seq.domain.spec import SequenceSpec


def require_columns_alone(spec: SequenceSpec) -> None:
    """Raise `SpecificationError` for the first feature that is derived."""
    require_derivable(spec, "Athena", (), lambda _: "")
