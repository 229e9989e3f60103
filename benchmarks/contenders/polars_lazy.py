"""polars: one lazy query from scan to sink. Set POLARS_MAX_THREADS before it is imported."""

from pathlib import Path

import polars as pl

from benchmarks.task import COLUMNS, COMPRESSION, LENGTH, ORDER, PADS, PUPIL

_N = pl.col("n_observations")


def sequences(data: Path, out: Path) -> None:
    """Sort, number by pupil, group by pupil and chunk, pad the lists."""
    observations = pl.scan_parquet(data / "*.parquet").select(COLUMNS)
    schema = observations.collect_schema()
    pads = {name: pl.lit(pad, dtype=schema[name]) for name, pad in PADS.items()}
    position = pl.int_range(pl.len(), dtype=pl.Int32).over(PUPIL)
    lists = {f"{name}_sequence": pl.col(name).fill_null(pad) for name, pad in pads.items()}
    out.mkdir(parents=True)
    (
        observations.sort(PUPIL, *ORDER)
        .with_columns(position=position, sequence_index=position // LENGTH)
        .group_by(PUPIL, "sequence_index", maintain_order=True)
        .agg(first_position=pl.col("position").first(), n_observations=pl.len().cast(pl.Int32), **lists)
        .select(
            PUPIL,
            pl.lit(0, dtype=pl.Int32).alias("session_index"),
            "sequence_index",
            "first_position",
            "n_observations",
            _mask(real=0, padding=1).alias("is_pad_sequence"),
            _mask(real=1, padding=0).alias("is_new_sequence"),
            *(pl.concat_list(f"{name}_sequence", pad.repeat_by(LENGTH - _N)) for name, pad in pads.items()),
        )
        .sink_parquet(out / "sequences.parquet", compression=COMPRESSION)
    )


def _mask(real: int, padding: int) -> pl.Expr:
    values = [pl.lit(value, dtype=pl.Int8) for value in (real, padding)]
    return pl.concat_list(values[0].repeat_by(_N), values[1].repeat_by(LENGTH - _N))
