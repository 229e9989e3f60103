"""Measures ways to make sequences side by side, and writes RESULTS.md, growth.svg and results.jsonl.

    make bench SIZE=10m
    python -m benchmarks --size 10m [--sets even] [--only polars_lazy spark_floor] [--repeats 2] [--warm_repeats 2]
    python -m benchmarks --size 10m --sets trust

The set trust is the even one, for obs2seq beside itself: with and without rules, audit and report.

Observations are generated once and kept. Every contender runs in a process of its own, then warmed; in turn, A B C,
A B C, so that what else the machine does hits all alike.
"""

import argparse
import os
import re
import shlex
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.harness import ROOT, Course, process_environment, run_processes, run_warm
from benchmarks.plots import draw_growth
from benchmarks.records import Run, append, machine, newest, read, versions
from benchmarks.report import write_report
from benchmarks.trust import KNOWN, TRUST, TRUSTED
from obs2seq.generator import generate

HEAVIEST_SHARES = {"even": None, "heavy": 0.2, TRUST: None}
FEWEST_FILES, OBSERVATIONS_PER_FILE = 8, 1_250_000


def main() -> None:
    """Measure what the command line names, one set of observations after the other."""
    arguments = _parser().parse_args()
    arguments.place.mkdir(parents=True, exist_ok=True)
    for data in arguments.sets:
        at, load = datetime.now(UTC).isoformat(timespec="minutes"), round(os.getloadavg()[0], 1)
        run = Run(at, arguments.size, data, command(arguments, data), machine(), versions(), [load])
        try:
            measure(arguments, run)
        finally:  # who interrupts a run of hours keeps what it has measured
            run.load.append(round(os.getloadavg()[0], 1))
            write(arguments.results, run)


def measure(arguments: argparse.Namespace, run: Run) -> None:
    """Run all contenders on one set of observations; the measurements are in `run` from the start, and fill there."""
    data = arguments.data or observations_of(arguments.size, run.data, arguments.place)
    taking_part = contenders(arguments.only, arguments.size, run.data)
    place = arguments.place / "work"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    environment = process_environment()
    course = Course(data, arguments.size, place, arguments.driver_memory, arguments.timeout_s, _say, environment)
    run_processes(course, taking_part, arguments.repeats, run.measurements)
    if run.data == "even" and arguments.warm_repeats:
        warmed = [contender for contender in taking_part if contender.most is None]
        run_warm(course, warmed, arguments.warm_repeats, run.measurements)


def write(results: Path, run: Run) -> None:
    """Add a run to the records, and make tables and plots of all."""
    append(results / "results.jsonl", run)
    runs = newest(read(results / "results.jsonl"))
    draw_growth(runs, results / "growth.svg")
    write_report(results / "RESULTS.md", runs)


def observations_of(size: int, data: str, place: Path) -> Path:
    """Return the folder of so many observations; they are generated where it is not there."""
    folder = place / f"observations-{size}-{'even' if data == TRUST else data}"
    if not folder.exists():
        files = max(FEWEST_FILES, -(-size // OBSERVATIONS_PER_FILE))
        _say(f"generating {size:,} observations, {data}")
        partial = folder.with_name(f"{folder.name}.partial")
        generate(partial, observations=size, files=files, heaviest_share=HEAVIEST_SHARES[data], force=True)
        partial.rename(folder)
    return folder


def contenders(only: list[str] | None, size: int, data: str = "even") -> list[Contender]:
    """Return those that take part, in their order."""
    return [
        contender
        for name, contender in (TRUSTED if data == TRUST else CONTENDERS).items()
        if (only is None or name in only) and contender.least <= size <= (contender.most or size)
    ]


def command(arguments: argparse.Namespace, data: str) -> str:
    """Return the command that measures the same again."""
    words = ["python", "-m", "benchmarks", "--size", f"{arguments.size / 1e6:g}m", "--sets", data]
    words += ["--repeats", str(arguments.repeats), "--warm_repeats", str(arguments.warm_repeats)]
    words += ["--driver_memory", arguments.driver_memory]
    return shlex.join(words + (["--only", *arguments.only] if arguments.only else []))


def size_of(text: str) -> int:
    """Read a number of observations such as 100k, 1m or 250000."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([km]?)", text.lower())
    if match is None:
        raise argparse.ArgumentTypeError(f"expected a number such as 100k or 10m, found '{text}'")
    return int(float(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2]])


def _say(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=size_of, default="1m", help="observations: 1m, 10m, 30m, 100m")
    parser.add_argument("--sets", nargs="+", choices=HEAVIEST_SHARES, default=["even", "heavy"])
    parser.add_argument("--only", nargs="+", choices=KNOWN, metavar="CONTENDER", help=", ".join(KNOWN))
    parser.add_argument("--repeats", type=int, default=2, help="how often each has a process of its own")
    parser.add_argument("--warm_repeats", type=int, default=2, help="how often each is measured warmed; 0: not")
    parser.add_argument("--driver_memory", default="4g", help="the most that Spark may use")
    parser.add_argument("--timeout_s", type=float, default=1800, help="after so long a process is ended")
    parser.add_argument("--data", type=Path, help="a folder of generated observations, for one set")
    parser.add_argument("--place", type=Path, default=ROOT / "build" / "benchmarks", help="for data and work")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks", help="where results are written")
    return parser


if __name__ == "__main__":
    main()
