"""Published sequences for PyTorch: `pip install 'obs2seq[torch]'`."""

from __future__ import annotations

import decimal
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from obs2seq.errors import ConfigurationError
from obs2seq.loading.arrays import Array
from obs2seq.loading.data import HELD, SequenceData

try:
    import torch
    from torch import distributed
    from torch.utils.data import Dataset, IterableDataset, get_worker_info
except ModuleNotFoundError as error:
    problem = f"expected PyTorch to be installed, found no module '{error.name}'"
    raise ConfigurationError("torch", problem, "pip install 'obs2seq[torch]'") from error

Tensors = dict[str, torch.Tensor]
"""By the names that were asked for: (L,) for one sequence, (sequences, L) for several."""


class SequenceDataset(Dataset):
    """Sequences by their number, held in memory once; workers that are forked share them.

    A list of numbers gives a whole batch in one step, so that a sampler of batches is the fastest way to read:
    `DataLoader(dataset, sampler=BatchSampler(RandomSampler(dataset), 256, drop_last=False), batch_size=None)`.
    With `DataLoader(dataset, batch_size=256, shuffle=True)` the same arrives, stacked by PyTorch sequence by sequence.

    Args:
        data: What `obs2seq.load` returned.
        columns: As `SequenceData.arrays` takes them. None: every feature and both masks.
        vocabularies: For each feature of texts, of which there are no tensors: the texts whose places stand for them.

    Raises:
        ConfigurationError: There is no such column, or it has no tensor.
        StorageError: A file cannot be read.
    """

    def __init__(
        self,
        data: SequenceData,
        columns: Sequence[str] | None = None,
        *,
        vocabularies: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        arrays = data.arrays(columns, vocabularies=vocabularies)
        self._tensors = {name: _tensor(name, array) for name, array in arrays.items()}
        self._length = len(data)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int | slice | Sequence[int] | torch.Tensor) -> Tensors:
        """Return one sequence, or several as a batch."""
        return {name: tensor[index] for name, tensor in self._tensors.items()}

    def __getitems__(self, indices: Sequence[int]) -> list[Tensors]:
        """Return several sequences one by one, as PyTorch's own collation takes them."""
        batch = self[torch.as_tensor(indices)]
        rows = zip(*(tensor.unbind(0) for tensor in batch.values()), strict=True)
        return [dict(zip(batch, row, strict=True)) for row in rows]


class IterableSequenceDataset(IterableDataset):
    """Batches of sequences, read while they are used: `DataLoader(dataset, batch_size=None, num_workers=2)`.

    Every sequence comes once in an epoch over all workers and ranks, whose shares differ by one at most; so may
    their numbers of batches. Memory holds a few row groups a worker, and `held` sequences where it shuffles.

    Args:
        data: What `obs2seq.load` returned.
        batch_size: Sequences in a batch; the last of each worker may be smaller.
        columns: As `SequenceData.batches` takes them. None: every feature and both masks.
        vocabularies: For each feature of texts: the texts whose places stand for them.
        shuffle: Whether to draw batches at random; anew with each epoch that `set_epoch` names.
        seed: For that; the same on all ranks.
        held: See `SequenceData.batches`.
        drop_last: Leave out each worker's smaller last batch.
        rank: This process among `world_size`. None: as `torch.distributed` says now, else the only one.
        world_size: How many processes share the sequences.

    Raises:
        ConfigurationError: A number is not allowed; with the first batch also: a column has no tensor.
    """

    def __init__(
        self,
        data: SequenceData,
        batch_size: int,
        columns: Sequence[str] | None = None,
        *,
        vocabularies: Mapping[str, Sequence[str]] | None = None,
        shuffle: bool = False,
        seed: int = 0,
        held: int = HELD,
        drop_last: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        self._data, self._seed = data, seed
        self._rank, self._world_size = _place(rank, world_size)
        self._settings: dict[str, Any] = {
            "size": batch_size,
            "columns": columns,
            "vocabularies": vocabularies,
            "shuffle": shuffle,
            "held": held,
            "drop_last": drop_last,
        }
        # Shared, so that workers that outlive an epoch learn of the next one.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        data.batches(**self._settings, seed=seed, shard=(self._rank, self._world_size))

    def set_epoch(self, epoch: int) -> None:
        """Shuffle otherwise from the next pass on; the same number gives the same order."""
        self._epoch.fill_(epoch)

    def __iter__(self) -> Iterator[Tensors]:
        worker = get_worker_info()
        index, count = (worker.id, worker.num_workers) if worker else (0, 1)
        shard = (self._rank * count + index, self._world_size * count)
        seed = (self._seed, int(self._epoch))
        for batch in self._data.batches(**self._settings, seed=seed, shard=shard):
            yield {name: _tensor(name, array) for name, array in batch.items()}


def _place(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Return this process' number and how many there are."""
    if rank is not None and world_size is not None:
        return rank, world_size
    if rank is not None or world_size is not None:
        found = "rank alone" if world_size is None else "world_size alone"
        raise ConfigurationError("rank", f"expected rank and world_size together, found {found}")
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def _tensor(name: str, array: Array) -> torch.Tensor:
    """Return an array as a tensor over the same memory where PyTorch may write to it and knows the type."""
    if array.dtype == object:
        array = _floats(name, array)
    elif array.dtype.kind == "M":  # counts of the array's unit since 1970
        array = array.view(np.int64)
    elif array.dtype.kind == "u" and array.dtype.itemsize > 1:
        array = _signed(name, array)
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _floats(name: str, array: Array) -> Array:
    """Return decimals as floats; refuse texts."""
    if array.size and not isinstance(array.flat[0], decimal.Decimal):
        hint = f"give vocabularies={{'{name}': data.vocabulary('{name}')}}, or leave the column out"
        raise ConfigurationError(f"column '{name}'", "expected numbers for a tensor, found texts or nulls", hint)
    return array.astype(np.float64)


def _signed(name: str, array: Array) -> Array:
    if array.size and array.max() > np.iinfo(np.int64).max:
        problem = "expected numbers that 64 bits hold with a sign, found larger ones"
        raise ConfigurationError(f"column '{name}'", problem, "leave the column out")
    return array.astype(np.int64)
