"""The outcome of an audit that a run has left in its folder."""

from pydantic import ValidationError

from obs2seq.domain.audit import AUDIT, Audit
from obs2seq.domain.locations import join
from obs2seq.errors import StorageError
from obs2seq.ports import Storage


def stored_audit(storage: Storage, location: str) -> Audit | None:
    """Return the outcome in a run's folder; None where the run was not audited.

    Raises:
        StorageError: It cannot be read.
    """
    file = join(location, AUDIT)
    stored = storage.read_text(file)
    try:
        return Audit.model_validate_json(stored.text) if stored else None
    except ValidationError as error:
        hint = "restore the file, or run again, which audits anew"
        raise StorageError(file, "expected the outcome of an audit, found otherwise", hint) from error
