"""Times what one more observation costs the online sequencer, and asking for the newest sequence.

    python benchmarks/online.py [--length 100] [--observations 20000]

Prints microseconds an observation, the mean of the fastest of several rounds, for specifications that differ in what
they keep. Before that, the newest sequence is checked to be the last one that `sequence_table` makes.
"""

import argparse
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from obs2seq import SequenceSpec, sequence_table
from obs2seq.online import Sequencer

PADS = {"pupilid": -1, "exercise_id": -1, "skill": "<pad>", "correct": -1, "duration_s": 0.0}
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
ROUNDS = 3


def main() -> None:
    """Check and time each specification."""
    arguments = _parser().parse_args()
    rows = [_observation(i) for i in range(arguments.observations)]
    print("| specification | push µs | push and latest µs |\n|---|---|---|")
    for name, fields in _specifications(arguments.length).items():
        spec = SequenceSpec(**fields)
        _check(spec, rows[:5_000])
        push = min(_seconds(spec, rows, asks=False) for _ in range(ROUNDS)) / len(rows)
        both = min(_seconds(spec, rows, asks=True) for _ in range(ROUNDS)) / len(rows)
        print(f"| {name} | {push * 1e6:.1f} | {both * 1e6:.1f} |")


def _specifications(length: int) -> dict[str, dict[str, Any]]:
    features = [{"name": name, "column": name, "pad": pad} for name, pad in PADS.items()]
    target = {"name": "next", "column": "correct", "pad": -1, "shift": 1}
    chunks = {"order_by": ["answered_at", "observation_id"], "sequence_length": length, "features": features}
    return {
        f"chunks of {length}": chunks,
        f"the last {length}": chunks | {"align": "end", "max_sequences_per_pupil": 1, "pad_side": "start"},
        "sliding by 1, with a target": chunks | {"stride": 1, "features": [*features, target]},
        "sessions": chunks | {"session_gap_seconds": 3600.0, "min_length": 5},
    }


def _observation(i: int) -> dict[str, Any]:
    return {
        "pupilid": 7,
        "observation_id": i,
        "answered_at": START + timedelta(minutes=i + 120 * (i // 30)),
        "exercise_id": i % 1000,
        "skill": f"skill {i % 40}",
        "correct": i % 2,
        "duration_s": 2.5 + i % 10,
        "device": "tablet",
    }


def _check(spec: SequenceSpec, rows: list[dict[str, Any]]) -> None:
    sequencer = Sequencer(spec)
    for row in rows:
        sequencer.push(row)
    if [sequencer.latest()] != sequence_table(pa.Table.from_pylist(rows), spec).to_pylist()[-1:]:
        raise SystemExit("expected the last sequence of the batch, found another")


def _seconds(spec: SequenceSpec, rows: list[dict[str, Any]], *, asks: bool) -> float:
    sequencer = Sequencer(spec)
    start = time.perf_counter()
    for row in rows:
        sequencer.push(row)
        if asks:
            sequencer.latest()
    return time.perf_counter() - start


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--observations", type=int, default=20_000)
    return parser


if __name__ == "__main__":
    main()
