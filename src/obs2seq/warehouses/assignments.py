"""Where the assignment of pupils to subsets is kept: one Parquet file for each that was made, and which one counts.

<assignment>.parquet     columns pupil and subset, sorted by pupil; named by a hash of what it holds
_ASSIGNMENT.json         which one counts, and what it was made from; replaced by one atomic write, and there before the
                         first assignment is (see `storage.markers`)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from obs2seq.domain.assignments import Assignment, digest, extended
from obs2seq.domain.fingerprint import fingerprint
from obs2seq.domain.job import Job
from obs2seq.domain.locations import join
from obs2seq.domain.manifest import CurrentAssignment
from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.ports import Storage, VersionedText
from obs2seq.storage.filesystems import opened
from obs2seq.storage.markers import begin, kept_names, listed
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.runs import input_state
from obs2seq.warehouses.subsets import SubsetSource

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = "_assignment"
"""Below the output, unless the settings name another place."""
_CURRENT = "_ASSIGNMENT.json"
_HINT = "restore the file; without it, pupils may move to another subset"


def assigned(order: Order, found: SubsetSource, location: str, engine: Engine, storage: Storage) -> Job:
    """Return the job with the assignment that is to be used: the one there is, with all pupils of the input in it.

    Costs a pass over the input, which counts each pupil's observations, unless the assignment was made from the same
    input by the same settings.

    Raises:
        DataError: The input cannot be used.
        ConfigurationError: Pupils are assigned to subsets that the settings do not name.
        StorageError: An assignment cannot be read or written, or is not what its name says; or nothing says which one
            counts.
        ConflictError: Another run has assigned pupils meanwhile.
    """
    job = order.job
    pointer = join(location, _CURRENT)
    current, text = _current(storage, location)
    made_from = fingerprint(job.shape(), input_state(found.source))
    if current is None or current.made_from != made_from:
        former = read_assignment(join(location, f"{current.assignment}.parquet")) if current else {}
        _require_named(former, job, location)
        counts = engine.count_pupils(order, found)
        text = text or begin(storage, pointer, _counts({}, "").to_text())
        current = _kept(extended(former, counts, job.subsets, job.split_salt), made_from, location)
        _replace(storage, pointer, current, text)
    return job.with_assignment(location, current.assignment)


def read_assignment(location: str) -> Assignment:
    """Return a pupil's subset for each pupil; raise `StorageError` where the file is not what its name says."""
    table = _table(location)
    assignment = dict(zip(table.column("pupil").to_pylist(), table.column("subset").to_pylist(), strict=True))
    if not location.endswith(f"/{digest(assignment)}.parquet"):
        raise StorageError(location, "expected the assignment that the file is named after, found another", _HINT)
    return assignment


def _current(storage: Storage, location: str) -> tuple[CurrentAssignment | None, VersionedText | None]:
    """Return which one counts, and the text that says so; None where none counts, None where there is no text."""
    pointer = join(location, _CURRENT)
    text = storage.read_text(pointer)
    if text is not None:
        current = CurrentAssignment.from_text(text.text, pointer)
        return None if current.is_begun else current, text
    if names := kept_names(storage, location):
        problem = f"expected the file that says which assignment of pupils counts, found none beside {listed(names)}"
        hint = f"put it back (docs/splits.md says what it holds), or remove {location} to assign all pupils anew"
        raise StorageError(pointer, problem, hint)
    return None, None


def _require_named(former: Assignment, job: Job, location: str) -> None:
    """Refuse to lose pupils: nobody moves out of a subset, so that each has to be made."""
    subsets = set(former.values())
    if subsets - job.subsets.keys():
        problem = f"expected all those that pupils are assigned to at {location}, {', '.join(sorted(subsets))}, found "
        hint = "name them all, or another split_assignment, where pupils are assigned anew"
        raise ConfigurationError("subsets", problem + ", ".join(job.subsets), hint)


def _table(location: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    filesystem, path = opened(location)
    try:
        return pq.read_table(path, columns=["pupil", "subset"], filesystem=filesystem, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise StorageError(location, "expected an assignment that can be read, found otherwise", _HINT) from error


def _kept(assignment: Assignment, made_from: str, location: str) -> CurrentAssignment:
    """Write an assignment; one that is there already is the same."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pupils, current = sorted(assignment), _counts(assignment, made_from)
    columns = {"pupil": pa.array(pupils, pa.string()), "subset": pa.array(map(assignment.get, pupils), pa.string())}
    filesystem, path = opened(join(location, f"{current.assignment}.parquet"))
    try:
        filesystem.create_dir(opened(location)[1], recursive=True)
        pq.write_table(pa.table(columns), path, filesystem=filesystem)
    except (OSError, pa.ArrowException) as error:
        raise StorageError(location, "expected to write an assignment of pupils, found it refused") from error
    return current


def _counts(assignment: Assignment, made_from: str) -> CurrentAssignment:
    return CurrentAssignment(assignment=digest(assignment), made_from=made_from, pupils=len(assignment))


def _replace(storage: Storage, pointer: str, current: CurrentAssignment, former: VersionedText | None) -> None:
    storage.replace_text(pointer, current.to_text(), former)
