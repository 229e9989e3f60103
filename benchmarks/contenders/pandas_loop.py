"""pandas: sort, then a loop over pupils and their chunks."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.task import COLUMNS, COMPRESSION, LENGTH, ORDER, PADS, PUPIL


def sequences(data: Path, out: Path) -> None:
    """Cut each pupil's history into chunks and pad each with NumPy."""
    observations = pd.read_parquet(data, columns=list(COLUMNS)).sort_values([PUPIL, *ORDER]).fillna(dict(PADS))
    rows = [
        _row(pupil, index, history[index * LENGTH : (index + 1) * LENGTH])
        for pupil, history in observations.groupby(PUPIL, sort=False)
        for index in range(-(-len(history) // LENGTH))
    ]
    out.mkdir(parents=True)
    pd.DataFrame(rows).to_parquet(out / "sequences.parquet", compression=COMPRESSION, index=False)


def _row(pupil: object, index: int, chunk: pd.DataFrame) -> dict[str, Any]:
    is_pad = (np.arange(LENGTH) >= len(chunk)).astype(np.int8)
    row = {
        PUPIL: pupil,
        "session_index": 0,
        "sequence_index": index,
        "first_position": index * LENGTH,
        "n_observations": len(chunk),
        "is_pad_sequence": is_pad,
        "is_new_sequence": 1 - is_pad,
    }
    return row | {f"{name}_sequence": _padded(chunk[name].to_numpy(), pad) for name, pad in PADS.items()}


def _padded(values: np.ndarray[Any, Any], pad: float | str) -> np.ndarray[Any, Any]:
    padded = np.full(LENGTH, pad, dtype=values.dtype)
    padded[: len(values)] = values
    return padded
