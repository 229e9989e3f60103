"""The function for Arrow tables, with everything in memory."""

from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from benchmarks.task import COLUMNS, COMPRESSION, LENGTH, ORDER, PADS, THREADS
from obs2seq import SequenceSpec, sequence_table


def sequences(data: Path, out: Path) -> None:
    """Read all, make all, write all; one file."""
    pa.set_cpu_count(THREADS)
    features = [{"name": name, "column": name, "pad": pad} for name, pad in PADS.items()]
    spec = SequenceSpec.model_validate({"order_by": ORDER, "sequence_length": LENGTH, "features": features})
    texts = ds.ParquetFileFormat(read_options=ds.ParquetReadOptions(dictionary_columns={"skill"}))
    observations = ds.dataset(data, format=texts).to_table(columns=list(COLUMNS))
    out.mkdir(parents=True)
    made = sequence_table(observations, spec, threads=THREADS)
    pq.write_table(made, out / "sequences.parquet", compression=COMPRESSION)
