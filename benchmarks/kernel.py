"""Times the sequence contract in memory against polars, in turn, on the same columns of the same observations.

    python benchmarks/kernel.py FOLDER_OF_PARQUET [--repeats 3] [--shuffled]

The folder holds observations as `obs2seq generate` makes them. Prints a table: wall and CPU seconds, the least of all
repeats, and their relation to the first way of polars. Before that, all outputs are checked to be equal.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds

from obs2seq import SequenceSpec, sequence_table

LENGTH = 100
PADS = {"pupilid": -1, "exercise_id": -1, "skill": "<pad>", "correct": -1, "duration_s": 0.0}
ORDER = ["answered_at", "observation_id"]
SPEC = SequenceSpec(
    order_by=ORDER,
    sequence_length=LENGTH,
    features=[{"name": name, "column": name, "pad": pad} for name, pad in PADS.items()],
)


def main() -> None:
    """Read, check and time."""
    arguments = _parser().parse_args()
    table = ds.dataset(arguments.observations).to_table(columns=[*dict.fromkeys([*PADS, *ORDER])])
    if arguments.shuffled:
        table = table.take(np.random.default_rng(0).permutation(len(table)))
    frame = pl.from_arrow(table)
    ways: dict[str, Callable[[], object]] = {
        "polars: sort, over, group_by, concat_list": lambda: grouped(frame),
        "polars: sort, gather by index, reshape": lambda: gathered(frame),
        "sequence_table": lambda: sequence_table(table, SPEC),
        "sequence_table, 1 thread": lambda: sequence_table(table, SPEC, threads=1),
    }
    _check(table, frame)
    _print({name: [] for name in ways}, ways, arguments.repeats)


def grouped(frame: pl.DataFrame) -> pl.DataFrame:
    """Chunk by position and group; no row is exploded."""
    pads = _literals(frame)
    n = pl.col("n_observations")
    return (
        frame.lazy()
        .sort("pupilid", *ORDER)
        .with_columns(position=pl.int_range(pl.len(), dtype=pl.Int32).over("pupilid"))
        .with_columns(sequence_index=pl.col("position") // LENGTH)
        .group_by("pupilid", "sequence_index", maintain_order=True)
        .agg(
            pl.col("position").first().alias("first_position"),
            pl.len().cast(pl.Int32).alias("n_observations"),
            **{f"{name}_sequence": pl.col(name).fill_null(pad) for name, pad in pads.items()},
        )
        .with_columns(
            _mask(0, n, 1).alias("is_pad_sequence"),
            _mask(1, n, 0).alias("is_new_sequence"),
            *(pl.concat_list(f"{name}_sequence", pad.repeat_by(LENGTH - n)) for name, pad in pads.items()),
        )
        .collect()
    )


def gathered(frame: pl.DataFrame) -> pl.DataFrame:
    """Sort once, then gather every element of the output by an index that NumPy makes; masks are left out."""
    pads = _literals(frame)
    columns = [pl.col(name).fill_null(pad) for name, pad in pads.items()]
    ordered = frame.lazy().sort("pupilid", *ORDER).select(columns).collect()
    counts = ordered.group_by("pupilid", maintain_order=True).len()["len"].to_numpy().astype(np.int64)
    windows = -(-counts // LENGTH)
    ends = np.cumsum(counts)
    index = np.arange(windows.sum()) - np.repeat(np.cumsum(windows) - windows, windows)
    places = (np.repeat(ends - counts, windows) + index * LENGTH)[:, None] + np.arange(LENGTH)
    places = np.where(places < np.repeat(ends, windows)[:, None], places, ordered.height)
    padded = pl.concat([ordered, pl.select(**pads)])
    return padded.lazy().select(pl.all().gather(pl.Series(places.ravel())).reshape((len(places), LENGTH))).collect()


def _literals(frame: pl.DataFrame) -> dict[str, pl.Expr]:
    return {name: pl.lit(pad, dtype=frame.schema[name]) for name, pad in PADS.items()}


def _mask(real: int, n: pl.Expr, padding: int) -> pl.Expr:
    values = (pl.lit(value, dtype=pl.Int8) for value in (real, padding))
    return pl.concat_list(*(v.repeat_by(times) for v, times in zip(values, (n, LENGTH - n), strict=True)))


def _check(table: pa.Table, frame: pl.DataFrame) -> None:
    """Stop where any column of any way differs."""
    ours, theirs, fast = sequence_table(table, SPEC), grouped(frame), gathered(frame)
    for name in set(SPEC.outputs) - {"session_index"}:
        expected = _flat(ours[name])
        others = [theirs[name].to_arrow()]
        feature = name.removesuffix("_sequence")
        others += [fast[feature].to_arrow()] if feature != name and feature in PADS else []
        for other in others:
            if not _flat(pa.chunked_array([other])).cast(expected.type).equals(expected):
                raise SystemExit(f"{name}: expected the same values from every way, found different ones")


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    is_nested = pa.types.is_nested(column.type)
    return pa.chunked_array([chunk.flatten() for chunk in column.chunks]) if is_nested else column


def _print(times: dict[str, list[tuple[float, float]]], ways: dict[str, Callable[[], object]], repeats: int) -> None:
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.perf_counter(), time.process_time()
            way()
            times[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    least = {name: (min(w for w, _ in taken), min(c for _, c in taken)) for name, taken in times.items()}
    wall, cpu = next(iter(least.values()))
    print("| way | wall s | × | CPU s | × |\n|---|---|---|---|---|")
    for name, (w, c) in least.items():
        print(f"| {name} | {w:.2f} | {w / wall:.2f} | {c:.2f} | {c / cpu:.2f} |")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("observations", type=Path, help="a folder of Parquet files")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shuffled", action="store_true", help="as rows arrive that are in no order")
    return parser


if __name__ == "__main__":
    main()
