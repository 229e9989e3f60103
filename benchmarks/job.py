"""Measures the job as people start it: spark-submit on generated observations, from start to end of the process.

    python benchmarks/job.py --observations 10000000 [--master 'local[2]'] [--driver_memory 4g] [-- further options]

Prints one row for RESULTS.md: wall and CPU seconds, the peak memory of the largest process, and, from Spark's event
log, the bytes that were written to the shuffle.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from obs2seq.generator import generate

_JOB = Path(__file__).parents[1] / "jobs" / "sequence_observations.py"


def main() -> None:
    """Generate, run and print."""
    arguments, further = _parser().parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "events").mkdir()
        observations = arguments.data or place / "observations"
        if arguments.data is None:
            generate(observations, observations=arguments.observations)
        command = _command(arguments, observations, place, [option for option in further if option != "--"])
        seconds, usage = _timed(command)
        written = sum(file.stat().st_size for file in place.glob("sequences/**/*.parquet"))
        print("| wall s | CPU s | peak MB | shuffle MB | output MB |")
        print("|---|---|---|---|---|")
        cpu, peak, shuffled = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, _shuffled(place / "events")
        print(f"| {seconds:.1f} | {cpu:.1f} | {peak:.0f} | {shuffled / 1e6:.0f} | {written / 1e6:.0f} |")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--observations", type=int, default=10_000_000)
    parser.add_argument("--data", type=Path, help="a folder of generated observations, instead of making one")
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--driver_memory", default="4g")
    return parser


def _command(arguments: argparse.Namespace, observations: Path, place: Path, further: list[str]) -> list[str]:
    submit = shutil.which("spark-submit", path=str(Path(sys.executable).parent))
    if submit is None:
        sys.exit("spark-submit: expected it beside this Python, found none. Hint: make test creates an environment.")
    spark = ["--master", arguments.master, "--driver-memory", arguments.driver_memory]
    events = ["--conf", "spark.eventLog.enabled=true", "--conf", f"spark.eventLog.dir=file://{place / 'events'}"]
    locations = ["--s3_data_location", str(observations), "--output_s3_location", str(place / "sequences")]
    return [submit, *spark, *events, "--conf", "spark.eventLog.compress=false", str(_JOB), *locations, *further]


def _timed(command: list[str]) -> tuple[float, resource.struct_rusage]:
    start = time.monotonic()
    environment = os.environ | {"MODE": "local", "PYSPARK_PYTHON": sys.executable}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)


def _shuffled(events: Path) -> int:
    return sum(_bytes_of(json.loads(line)) for file in _logs(events) for line in file.read_text().splitlines())


def _logs(events: Path) -> Iterator[Path]:
    return (file for file in events.rglob("*") if file.is_file() and not file.name.startswith(("appstatus", ".")))


def _bytes_of(event: dict[str, dict[str, dict[str, int]]]) -> int:
    if event["Event"] != "SparkListenerTaskEnd":
        return 0
    return event.get("Task Metrics", {}).get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0)


if __name__ == "__main__":
    main()
