"""Which subsets of an output to look at: those that are asked for, or those that its last run was told."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from obs2seq.domain.locations import join
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.runs import CURRENT
from obs2seq.errors import ConfigurationError, DataNotFoundError
from obs2seq.loading.finding import Found, datasets_at
from obs2seq.ports import Storage
from obs2seq.publishing import resolve


def subsets_at(
    storage: Storage, location: str, asked: Sequence[str] | None, sequence_length: int | None = None
) -> list[str]:
    """Return the names of the subsets to look at, the one that a model learns from first.

    Args:
        storage: Where they are published.
        location: The folder that a job had as `output_s3_location`; that of one dataset, where one subset is asked for.
        asked: Names of subsets. None: those that the last run was told.
        sequence_length: L, where subsets have been sequenced with several.

    Raises:
        DataNotFoundError: Nothing is published there, or not what is asked for.
        ConfigurationError: The location is that of one dataset.
        StorageError: What is published cannot be read.
    """
    if storage.read_text(join(location, CURRENT)) is not None:
        if asked is None or len(asked) > 1:
            raise _one_dataset(location, resolve(storage, location)[0].subset)
        return list(asked)
    found = datasets_at(storage, location)
    if not found:
        hint = "name what a job had as output_s3_location, or run the job first"
        raise DataNotFoundError(location, "expected datasets <subset>_sequenced_<L>, found none", hint)
    if asked is None:
        return _last_told(storage, location, [each for each in found if each.length == sequence_length] or found)
    _require_there(location, asked, sorted({each.subset for each in found}))
    return list(asked)


def _last_told(storage: Storage, location: str, found: Sequence[Found]) -> list[str]:
    manifests = [resolve(storage, join(location, each.name))[0] for each in found if not each.is_table]
    if not manifests:
        return sorted({each.subset for each in found})
    last: Manifest = max(manifests, key=lambda manifest: manifest.instant)
    return [name for name, _ in last.settings["subsets"]]


def _one_dataset(location: str, subset: str) -> ConfigurationError:
    problem = f"expected an output, with a dataset for each of its subsets, found the dataset of '{subset}'"
    hint = f"name the folder above it, or give --subsets {subset}=1 to look at this one alone"
    return ConfigurationError(location, problem, hint)


def _require_there(location: str, asked: Sequence[str], there: Collection[str]) -> None:
    if set(asked) - set(there):
        problem = f"expected datasets of the subsets {', '.join(asked)}, found those of {', '.join(there)}"
        hint = "name those that are there as --subsets, or none, to look at those of the last run"
        raise DataNotFoundError(location, problem, hint)
