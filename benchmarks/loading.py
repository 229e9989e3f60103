"""Times reading sequences back against pyarrow's own reading of the same files, in turn, from the page cache.

    python -m benchmarks.loading [FOLDER] [--sequences 400000] [--length 100] [--files 4] [--repeats 5]

Publishes drawn sequences in the folder (a temporary one by default): five features, of which one is text. Prints for
some sets of columns wall and CPU seconds (the least of all repeats), gigabytes of arrays a second, and the relation to
pyarrow.
Arrays count with the bytes that NumPy holds: texts as int32 codes.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import obs2seq
from obs2seq import SequenceSpec
from obs2seq.loading.data import SequenceData
from tests.published import publish

PADS = {"pupilid": -1, "exercise_id": -1, "skill": "<pad>", "correct": -1, "duration_s": 0.0}
NUMBERS = ["exercise_id", "correct", "duration_s", "is_pad"]


def main() -> None:
    """Publish, check and time."""
    arguments = _parser().parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = _published(arguments.folder or Path(temporary), arguments)
        words = data.vocabulary("skill")
        paths = [f"{data.location}/{file.path}" for file in data.manifest.files]
        size = sum(file.size for file in data.manifest.files)
        print(f"{len(data):,} sequences of {data.spec.sequence_length}, {size / 1e6:.0f} MB in {len(paths)} files\n")
        print("| columns | way | wall s | GB/s | × | CPU s | × |\n|---|---|---|---|---|---|---|")
        for columns in (["exercise_id"], NUMBERS, ["skill"], [*NUMBERS, "skill"]):
            _time(data, columns, {"skill": words} if "skill" in columns else {}, paths, arguments.repeats)


def _published(folder: Path, arguments: argparse.Namespace) -> SequenceData:
    """Publish as many drawn sequences as asked for."""
    n, length = arguments.sequences, arguments.length
    features = [{"name": name, "column": name, "pad": pad} for name, pad in PADS.items()]
    spec = SequenceSpec(order_by=["answered_at"], sequence_length=length, features=features)
    draw = np.random.default_rng(0)
    skills = pa.array([f"skill {i}" for i in range(40)])
    flat = {
        "pupilid": pa.array(np.repeat(np.arange(n), length)),
        "exercise_id": pa.array(draw.integers(0, 5_000, n * length)),
        "skill": pa.DictionaryArray.from_arrays(pa.array(draw.integers(0, 40, n * length, np.int32)), skills).cast(
            pa.string()
        ),
        "correct": pa.array(draw.integers(0, 2, n * length, np.int32)),
        "duration_s": pa.array(np.round(draw.gamma(2, 4, n * length), 3)),
    }
    masks = {name: pa.array(np.zeros(n * length, np.int8)) for name in ("is_pad", "is_new")}
    offsets = pa.array(np.arange(0, n * length + 1, length, dtype=np.int32))
    numbers = {name: pa.array(np.zeros(n, np.int32)) for name in spec.outputs[1:5]}
    lists = {f"{name}_sequence": pa.ListArray.from_arrays(offsets, values) for name, values in (masks | flat).items()}
    table = pa.table({"pupilid": pa.array(np.arange(n)), **numbers, **lists}).select(list(spec.outputs))
    return obs2seq.load(publish(str(folder), table, spec, n_files=arguments.files, row_group=50_000))


def _time(data: SequenceData, columns: list[str], words: dict[str, list[str]], paths: list[str], repeats: int) -> None:
    outputs = [f"{name}_sequence" for name in columns]
    ways: dict[str, Callable[[], object]] = {
        "pyarrow: read_table": lambda: pq.read_table(paths, columns=outputs),
        "arrays": lambda: data.arrays(columns, vocabularies=words),
        "batches of 256": lambda: [None for _ in data.batches(256, columns, vocabularies=words)],
        "batches of 256, shuffled": lambda: [
            None for _ in data.batches(256, columns, vocabularies=words, shuffle=True)
        ],
    }
    size = sum(array.nbytes for array in data.arrays(columns, vocabularies=words).values())
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.perf_counter(), time.process_time()
            way()
            times[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    least = {name: (min(w for w, _ in taken), min(c for _, c in taken)) for name, taken in times.items()}
    wall, cpu = least["pyarrow: read_table"]
    for name, (w, c) in least.items():
        print(f"| {', '.join(columns)} | {name} ", end="")
        print(f"| {w:.2f} | {size / w / 1e9:.2f} | {w / wall:.2f} | {c:.2f} | {c / cpu:.2f} |")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where to publish; must hold no such dataset yet")
    parser.add_argument("--sequences", type=int, default=400_000)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5)
    return parser


if __name__ == "__main__":
    main()
