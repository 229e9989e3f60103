"""Where a published dataset lies, named by its folder, or by the output's root and a subset."""

import re
from typing import NamedTuple

from obs2seq.domain.locations import join
from obs2seq.domain.runs import CURRENT
from obs2seq.domain.validation import nearest
from obs2seq.errors import ConfigurationError, DataNotFoundError
from obs2seq.ports import Storage

_DATASET = re.compile(r"(?P<name>(?P<subset>[^/]+)_sequenced_(?P<length>\d+))/(?P<rest>_CURRENT\.json|_delta_log/.+)")


class Found(NamedTuple):
    """A dataset of sequences."""

    name: str
    """Of its folder."""
    subset: str
    length: int
    is_table: bool
    """Whether it is a Delta table."""


def datasets_at(storage: Storage, location: str) -> list[Found]:
    """Return the datasets of sequences in the folder of an output, each once and by name."""
    matches = [match for file in storage.list_files(location) if (match := _DATASET.fullmatch(file.path))]
    return sorted({Found(m["name"], m["subset"], int(m["length"]), m["rest"] != CURRENT) for m in matches})


def find_dataset(storage: Storage, location: str, subset: str | None, sequence_length: int | None) -> str:
    """Return the folder of one dataset of sequences.

    Args:
        storage: Lists what is there.
        location: The dataset's folder, or the one that a job had as `output_s3_location`.
        subset: Which of a job's datasets; None: the location is the dataset's.
        sequence_length: L, where the subset has been sequenced with several.

    Raises:
        DataNotFoundError: There is none.
        ConfigurationError: There are several, or it is a Delta table.
    """
    if subset is None or storage.read_text(join(location, CURRENT)) is not None:
        return location
    if sequence_length is not None:
        return join(location, f"{subset}_sequenced_{sequence_length}")
    found = datasets_at(storage, location)
    lengths = {each.length: each for each in found if each.subset == subset}
    if not lengths:
        raise _none(location, subset, {each.subset for each in found})
    if len(lengths) > 1:
        listed = ", ".join(str(length) for length in sorted(lengths))
        problem = f"expected one dataset of subset '{subset}', found those of sequence_length {listed}"
        raise ConfigurationError(location, problem, "say which, as sequence_length")
    return join(location, next(iter(lengths.values())).name)


def require_parquet(storage: Storage, dataset: str) -> None:
    """Raise `ConfigurationError` where a Delta table lies in place of published Parquet."""
    if any(file.path.startswith("_delta_log/") for file in storage.list_files(dataset)):
        problem = "expected published Parquet, found a Delta table"
        raise ConfigurationError(dataset, problem, "read it with Spark or deltalake, or set output_format: parquet")


def _none(location: str, subset: str, subsets: set[str]) -> DataNotFoundError:
    hint = nearest(subset, subsets) if subsets else "name the folder of one dataset, or run the job first"
    return DataNotFoundError(location, f"expected a dataset {subset}_sequenced_<L>, found none", hint)
