"""Where the rows of one subset are: in a folder of their own, marked in a column, or told by the pupil's hash."""

from collections.abc import Sequence
from dataclasses import dataclass

from obs2seq.domain.files import StoredFile
from obs2seq.domain.job import Job
from obs2seq.domain.locations import join
from obs2seq.domain.source import Source, is_data, require_plain_names, source_at, top_folders
from obs2seq.domain.split_times import TimeRange, time_range
from obs2seq.domain.splits import Assigned, ColumnValue, Everything, Folds, Share, hash_range
from obs2seq.errors import ConfigurationError, DataError, DataNotFoundError
from obs2seq.ports import Storage


@dataclass(frozen=True)
class SubsetSource:
    """What to read for a subset."""

    source: Source
    has_own_folder: bool


def subset_source(storage: Storage, location: str, job: Job, subset: str) -> SubsetSource:
    """Find the files of a subset: below a folder of its name, or all.

    Raises:
        DataNotFoundError: There is nothing to read, or some subsets have a folder and this one has none.
        DataError: Beside the folders lie files that belong to no subset, or files of names that cannot be read.
    """
    files = storage.list_files(location)
    require_plain_names(location, files)
    if not _has_folders(files, job):
        return SubsetSource(source_at(location, files, job.input_format), has_own_folder=False)
    _require_folders(files, location, job)
    folder = join(location, subset)
    return SubsetSource(source_at(folder, storage.list_files(folder), job.input_format), has_own_folder=True)


def share_of(job: Job, subset: str, columns: Sequence[str], *, has_own_folder: bool) -> Share:
    """Return how the subset's rows are told from the others among what was read, whose columns are given."""
    if has_own_folder:
        return Everything()
    if job.subset_method == "time":
        return _time_range(job, subset)
    if job.subset_method == "stratified":
        return Assigned(_assignment(job), subset, tuple(job.subsets))
    has_column = job.subset_column.casefold() in {name.casefold() for name in columns}
    if job.subset_method == "column" or (job.subset_method == "auto" and has_column):
        return ColumnValue(job.subset_column, subset, tuple(job.subsets))
    if len(job.subsets) == 1:
        return Everything()
    return hash_range(job.subsets, subset, job.split_salt)


def _assignment(job: Job) -> str:
    if job.split_assignment is None or job.assignment is None:
        problem = "expected auto, folder, column, hash or time where nothing is published, found stratified"
        hint = "only a run assigns pupils; set subset_method: hash to look at their observations"
        raise ConfigurationError("subset_method", problem, hint)
    return join(job.split_assignment, f"{job.assignment}.parquet")


def folds_of(job: Job) -> Folds | None:
    """Return how pupils are divided into folds; None where they are not."""
    return Folds(job.folds, job.split_salt) if job.folds is not None else None


def context_of(job: Job, subset: str) -> TimeRange | None:
    """Return the range of time whose earlier observations come along as context; None where none do."""
    share = _time_range(job, subset) if job.subset_method == "time" else None
    return share if share and share.has_context else None


def _time_range(job: Job, subset: str) -> TimeRange:
    column = job.spec.order_by[0]
    return time_range(job.split_times, list(job.subsets), subset, column, has_context=job.split_context)


def _has_folders(files: Sequence[StoredFile], job: Job) -> bool:
    if job.subset_method == "auto":
        return bool(top_folders(files) & job.subsets.keys())
    return job.subset_method == "folder"


def _require_folders(files: Sequence[StoredFile], location: str, job: Job) -> None:
    folders = top_folders(files)
    missing = sorted(job.subsets.keys() - folders)
    if missing:
        raise DataNotFoundError(
            location,
            f"expected a folder for each of the subsets {', '.join(job.subsets)}, found none for {', '.join(missing)}",
            "name under subsets those there are, or set subset_method to column or hash",
        )
    strangers = [file.path for file in files if is_data(file.path) and file.path.split("/")[0] not in job.subsets]
    if strangers:
        raise DataError(
            location,
            f"expected data in the folders of the subsets {', '.join(job.subsets)} alone, found "
            f"{strangers[0]} beside them",
            "name its folder under subsets, move it away, or set subset_method to column or hash",
        )
