"""Opens what is published: from a location to the sequences of its current run."""

import os

from obs2seq.domain.layouts import SESSIONS, WINDOWS, layout_of
from obs2seq.domain.manifest import Manifest
from obs2seq.domain.spec import SequenceSpec
from obs2seq.errors import ConfigurationError
from obs2seq.loading.data import SequenceData
from obs2seq.loading.finding import find_dataset, require_parquet
from obs2seq.loading.indexed import IndexedPieces
from obs2seq.loading.pieces import PaddedPieces, ParquetFiles, Pieces
from obs2seq.publishing import PublishedDataset, resolve
from obs2seq.storage.routing import RoutedStorage


def load(
    location: str | os.PathLike[str],
    subset: str | None = None,
    *,
    sequence_length: int | None = None,
    threads: int | None = None,
) -> SequenceData:
    """Return the sequences of a published dataset's current run, after checking that its files are there and whole.

    What is returned stays with that run; runs that are published later are found by loading again.

    Args:
        location: The dataset's folder, such as `out/train_sequenced_100`, or with a subset the folder of the output. A
            local path or an `s3://` URI; credentials and endpoint as for boto3.
        subset: Such as `train`: its dataset is `<location>/<subset>_sequenced_<L>`.
        sequence_length: L, needed where the subset has been sequenced with several.
        threads: How many threads read at a time. None: one a core.

    Raises:
        DataNotFoundError: Nothing is published there.
        ConfigurationError: Several datasets fit, or what is published is not Parquet, or holds no sequences.
        StorageError: Files are missing, damaged or cannot be read.

    Example:
        >>> data = load("out/", "train")  # doctest: +SKIP
        >>> data.arrays(["correct"])["correct"].shape  # doctest: +SKIP
        (877, 20)
    """
    storage = RoutedStorage()
    dataset = find_dataset(storage, os.fspath(location), subset, sequence_length)
    require_parquet(storage, dataset)
    manifest, run_location = resolve(storage, dataset)
    _require_asked(dataset, manifest, subset, sequence_length)
    PublishedDataset(storage, dataset).require_files(manifest)
    return sequences_of(manifest, run_location, threads)


def sequences_of(manifest: Manifest, run_location: str, threads: int | None = None) -> SequenceData:
    """Return the sequences of a finished run, be it published or not."""
    n_threads = threads or os.cpu_count() or 1
    return SequenceData(manifest, run_location, pieces_of(manifest, run_location, n_threads), n_threads)


def pieces_of(manifest: Manifest, run_location: str, threads: int) -> Pieces:
    """Return the sequences of a run piece by piece, whatever their layout."""
    if layout_of(manifest.files) == "expanded":
        return PaddedPieces(ParquetFiles(run_location, manifest, "", threads), threads)
    spec = SequenceSpec.model_validate(manifest.settings["specification"])
    sessions, windows = (ParquetFiles(run_location, manifest, folder, threads) for folder in (SESSIONS, WINDOWS))
    return IndexedPieces(sessions, windows, spec, threads)


def _require_asked(dataset: str, manifest: Manifest, subset: str | None, sequence_length: int | None) -> None:
    """Raise `ConfigurationError` where a dataset is not the one that was asked for."""
    if manifest.kind != "sequences":
        problem = "expected sequences, found observations in order"
        raise ConfigurationError(dataset, problem, "name a dataset such as <output>/train_sequenced_100")
    found = manifest.settings["specification"]["sequence_length"]
    for name, asked, there in (("subset", subset, manifest.subset), ("sequence_length", sequence_length, found)):
        if asked is not None and asked != there:
            raise ConfigurationError(dataset, f"expected {name} {asked}, found {there}")
