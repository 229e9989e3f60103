"""Published sequences as PyTorch's datasets. Passed over where PyTorch is not installed."""

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import obs2seq
from obs2seq import SequenceSpec, sequence_table
from obs2seq.errors import ConfigurationError
from obs2seq.loading.data import SequenceData
from tests.published import publish

N = 53
FEATURES = [{"name": "item", "column": "item", "pad": -1}, {"name": "skill", "column": "skill", "pad": "<pad>"}]
SPEC = SequenceSpec(order_by=["item"], sequence_length=3, features=FEATURES)


@pytest.fixture
def data(tmp_path: Path) -> SequenceData:
    """Pupil p has the items p and p + 1000; three files of several row groups."""
    pupils = [pupil for pupil in range(N) for _ in range(2)]
    items = [pupil + 1000 * place for pupil in range(N) for place in range(2)]
    skills = [("a", "b")[item % 2] for item in items]
    sequences = sequence_table(pa.table({"pupilid": pupils, "item": items, "skill": skills}), SPEC)
    publish(str(tmp_path), sequences, SPEC, n_files=3, row_group=6)
    return obs2seq.load(tmp_path, "train")


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed")


def items(batches: Any) -> list[int]:
    """The first item of each sequence, in order."""
    return [row[0] for batch in batches for row in batch["item"].tolist()]


def test_sequences_come_by_number(torch: Any, data: SequenceData) -> None:
    dataset = obs2seq.torch.SequenceDataset(
        data, ["item", "skill", "is_pad"], vocabularies={"skill": ["<pad>", "a", "b"]}
    )

    one, several = dataset[7], dataset[[2, 0]]

    assert len(dataset) == N
    assert {name: tensor.tolist() for name, tensor in one.items()} == {
        "item": [7, 1007, -1],
        "skill": [2, 2, 0],
        "is_pad": [False, False, True],
    }
    assert several["item"].tolist() == [[2, 1002, -1], [0, 1000, -1]]
    assert (one["item"].dtype, one["skill"].dtype, one["is_pad"].dtype) == (torch.int64, torch.int32, torch.bool)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_of_numbered_sequences_gives_each_once(torch: Any, data: SequenceData, workers: int) -> None:
    from torch.utils.data import BatchSampler, DataLoader, RandomSampler

    dataset = obs2seq.torch.SequenceDataset(data, ["item"])
    sampler = BatchSampler(RandomSampler(dataset), 10, drop_last=False)

    stacked = list(DataLoader(dataset, batch_size=10, shuffle=True, num_workers=workers))
    whole = list(DataLoader(dataset, sampler=sampler, batch_size=None, num_workers=workers))

    for batches in (stacked, whole):
        assert [tuple(batch["item"].shape) for batch in batches] == [(10, 3)] * 5 + [(3, 3)]
        assert sorted(items(batches)) == list(range(N))


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("world_size", [1, 2])
def test_workers_and_ranks_give_every_sequence_once(
    torch: Any, data: SequenceData, workers: int, world_size: int, shuffle: bool
) -> None:
    from torch.utils.data import DataLoader

    found = []
    for rank in range(world_size):
        dataset = obs2seq.torch.IterableSequenceDataset(
            data, 4, ["item"], shuffle=shuffle, held=8, rank=rank, world_size=world_size
        )
        found += items(DataLoader(dataset, batch_size=None, num_workers=workers))

    assert sorted(found) == list(range(N))
    assert shuffle or workers > 1 or found == list(range(N))


def test_epochs_differ_and_repeat_also_for_workers_that_stay(torch: Any, data: SequenceData) -> None:
    from torch.utils.data import DataLoader

    dataset = obs2seq.torch.IterableSequenceDataset(data, 4, ["item"], shuffle=True, seed=5)
    loader = DataLoader(dataset, batch_size=None, num_workers=1, persistent_workers=True)
    orders = []

    for epoch in (0, 1, 0):
        dataset.set_epoch(epoch)
        orders.append(items(loader))

    assert orders[0] == orders[2] != orders[1]
    assert [sorted(order) for order in orders] == [list(range(N))] * 3


def test_processes_that_know_of_each_other_share(
    torch: Any, data: SequenceData, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("is_initialized", True), ("get_rank", 1), ("get_world_size", 2)):
        monkeypatch.setattr(f"torch.distributed.{name}", lambda value=value: value)

    dataset = obs2seq.torch.IterableSequenceDataset(data, 4, ["item"])

    assert items(dataset) == list(range(N // 2, N))


def test_every_number_has_a_tensor(torch: Any, tmp_path: Path) -> None:
    features = [{"name": name, "column": name, "pad": pad} for name, pad in (("t", "1970-01-02"), ("d", 0.5), ("u", 7))]
    spec = SequenceSpec(order_by=["t"], sequence_length=2, features=features)
    columns = {
        "t": [datetime.date(2026, 1, 5)],
        "d": pa.array([1], pa.decimal128(5, 2)),
        "u": pa.array([9], pa.uint32()),
    }
    publish(str(tmp_path), sequence_table(pa.table({"pupilid": [1], **columns}), spec), spec)

    sequence = obs2seq.torch.SequenceDataset(obs2seq.load(tmp_path, "train"))[0]

    assert sequence["t"].tolist() == [20458, 1]
    assert sequence["d"].tolist() == [1.0, 0.5]
    assert sequence["u"].tolist() == [9, 7]


def test_texts_need_a_vocabulary(torch: Any, data: SequenceData) -> None:
    with pytest.raises(ConfigurationError) as caught:
        obs2seq.torch.SequenceDataset(data)

    assert str(caught.value) == (
        "column 'skill': expected numbers for a tensor, found texts or nulls. "
        "Hint: give vocabularies={'skill': data.vocabulary('skill')}, or leave the column out."
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rank": 0}, "expected rank and world_size together, found rank alone"),
        ({"rank": 2, "world_size": 2}, "shard: expected a number from 0"),
        ({"columns": ["itm"]}, "expected columns of the sequences, found 'itm'"),
        ({"seed": -1}, "seed: expected 0 or more"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_at_once(
    torch: Any, data: SequenceData, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        obs2seq.torch.IterableSequenceDataset(data, 4, **arguments)

    assert message in str(caught.value)


def test_numbers_too_large_for_a_tensor_are_refused(torch: Any, tmp_path: Path) -> None:
    spec = SequenceSpec(order_by=["u"], sequence_length=2, features=[{"name": "u", "column": "u", "pad": 0}])
    rows = pa.table({"pupilid": [1], "u": pa.array([2**63], pa.uint64())})
    publish(str(tmp_path), sequence_table(rows, spec), spec)

    with pytest.raises(ConfigurationError, match="found larger ones"):
        obs2seq.torch.SequenceDataset(obs2seq.load(tmp_path, "train"))


def test_where_pytorch_is_not_installed_the_extra_is_named() -> None:
    code = "import sys; sys.modules['torch'] = None; import obs2seq; obs2seq.torch"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "ConfigurationError: torch: expected PyTorch to be installed, found no module 'torch'" in done.stderr
    assert "pip install 'obs2seq[torch]'" in done.stderr


def test_importing_the_package_imports_no_pytorch() -> None:
    code = "import obs2seq, sys; print('torch' in sys.modules, 'obs2seq.torch' in sys.modules)"

    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert printed.split() == ["False", "False"]
