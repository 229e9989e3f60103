"""pyKT's way of preprocessing, after its documentation and in words of our own.

First every student's history as six lines of text: id and length, questions, concepts, responses, timestamps in
milliseconds, time taken; `NA` where there is none. Then that file is read again, questions and concepts get numbers,
histories are cut to `maxlen` and padded with -1, and written as text with a mask that marks what is padding. Of what
pyKT does further (folds, windows for each question) nothing is done here, and short sequences are kept.
"""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pandas as pd

from benchmarks.task import COLUMNS, LENGTH, ORDER, PUPIL

FIELDS = ("questions", "concepts", "responses", "timestamps", "usetimes")
_NUMBERED = ("questions", "concepts")


def sequences(data: Path, out: Path) -> None:
    """Write data.txt, and what is cut from it as sequences.csv; keys.csv says which number means what."""
    out.mkdir(parents=True)
    _write_histories(pd.read_parquet(data, columns=list(COLUMNS)), out / "data.txt")
    _write_sequences(out / "data.txt", out / "sequences.csv")


def _write_histories(observations: pd.DataFrame, file: Path) -> None:
    with file.open("w", encoding="utf-8") as lines:
        for pupil, history in observations.groupby(PUPIL, sort=False):
            ordered = history.sort_values(list(ORDER))
            lines.write(f"{pupil},{len(ordered)}\n")
            for values in _texts(ordered):
                lines.write(",".join(values) + "\n")


def _texts(history: pd.DataFrame) -> Iterator[list[str]]:
    """Yield a history's five lines, in the order of `FIELDS`."""
    yield history["exercise_id"].astype(str).tolist()
    yield history["skill"].str.replace("_", "####").str.replace(",", "@@@@").tolist()
    yield history["correct"].astype(str).tolist()
    yield history["answered_at"].map(lambda time: str(int(time.timestamp() * 1000))).tolist()
    yield [str(int(seconds * 1000)) if seconds == seconds else "NA" for seconds in history["duration_s"]]


def _write_sequences(histories: Path, file: Path) -> None:
    numbers: dict[str, dict[str, int]] = {field: {} for field in _NUMBERED}
    with file.open("w", newline="", encoding="utf-8") as written:
        rows = csv.writer(written)
        rows.writerow(["uid", *FIELDS, "selectmasks"])
        for pupil, history in _read_histories(histories):
            for field, known in numbers.items():
                history[field] = [str(known.setdefault(value, len(known))) for value in history[field]]
            rows.writerows(_cut(pupil, history))
    with (file.parent / "keys.csv").open("w", newline="", encoding="utf-8") as written:
        csv.writer(written).writerows((field, *key) for field in _NUMBERED for key in numbers[field].items())


def _read_histories(file: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    with file.open(encoding="utf-8") as lines:
        while block := [line.rstrip("\n").split(",") for line in islice(lines, 1 + len(FIELDS))]:
            yield block[0][0], dict(zip(FIELDS, block[1:], strict=True))


def _cut(pupil: str, history: dict[str, list[str]]) -> Iterator[list[str]]:
    """Yield a row for each chunk, each list padded and joined to one text."""
    length = len(history["responses"])
    for start in range(0, length, LENGTH):
        padding = ["-1"] * max(start + LENGTH - length, 0)
        chunks = [history[field][start : start + LENGTH] + padding for field in FIELDS]
        mask = ["1"] * (LENGTH - len(padding)) + padding
        yield [pupil, *(",".join(values) for values in (*chunks, mask))]
