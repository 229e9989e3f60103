"""What the counts of a finished run must be to each other, whoever has counted."""

from typing import Literal

from obs2seq.domain.ledger import Ledger
from obs2seq.domain.spec import SequenceSpec
from obs2seq.errors import CheckError

_HINT = "this is no fault of the data; nothing was published"


def require_plausible(
    ledger: Ledger, rows: int, spec: SequenceSpec, kind: Literal["sequences", "observations"]
) -> None:
    """Raise `CheckError`, with the node, the rule and the counts, where rows and observations cannot both be right.

    Every sequence holds an observation that no earlier one holds, and no more than L; every observation is a row.

    Example:
        >>> spec = SequenceSpec(order_by=["at"], sequence_length=5, features=[{"name": "x", "column": "x", "pad": 0}])
        >>> require_plausible(Ledger(10, 10, {}, {}), 2, spec, "sequences")
    """
    if kind == "observations":
        if rows != ledger.sequenced:
            raise _broken("prepared_observations", "a_row_each", f"{ledger.sequenced} rows", rows)
    elif rows > ledger.sequenced:
        raise _broken("sequences", "each_holds_a_new_observation", f"at most {ledger.sequenced} rows", rows)
    elif ledger.sequenced > rows * spec.sequence_length:
        least = -(-ledger.sequenced // spec.sequence_length)
        raise _broken("sequences", "none_holds_more_than_its_length", f"at least {least} rows", rows)


def _broken(node: str, rule: str, expected: str, rows: int) -> CheckError:
    return CheckError(f"node '{node}'", f"expected {expected} by rule '{rule}', found {rows}", _HINT)
