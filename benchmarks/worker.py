"""Runs contenders in a process of their own: one once, or some again and again as the harness asks.

    python -m benchmarks.worker CONTENDER DATA OUT
    python -m benchmarks.worker --serve [--spark SETTINGS]

With `--serve`, each line of standard input is a JSON list of contender, data and out; the answer is a JSON line with
the wall seconds. SETTINGS is a JSON mapping; the session that it opens serves all. The clone and its `src` are on the
PYTHONPATH.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from benchmarks.task import THREADS
from benchmarks.trust import KNOWN


def main() -> None:
    """Do what the command line says."""
    arguments = _parser().parse_args()
    os.environ["POLARS_MAX_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(THREADS)
    if arguments.serve:
        _serve(json.loads(arguments.spark))
    else:
        name, data, out = arguments.task
        KNOWN[name].sequences()(Path(data), Path(out))


def _serve(settings: dict[str, bool | float | int | str | None]) -> None:
    if settings:
        from pyspark.sql import SparkSession

        SparkSession.builder.config(map=settings).getOrCreate()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        name, data, out = json.loads(line)
        sequences = KNOWN[name].sequences()
        start = time.perf_counter()
        sequences(Path(data), Path(out))
        print(json.dumps({"wall_s": time.perf_counter() - start}), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="*", metavar="CONTENDER DATA OUT")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--spark", default="{}", metavar="SETTINGS")
    return parser


if __name__ == "__main__":
    main()
