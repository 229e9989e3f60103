"""The figures of the OULAD example by pandas alone: from the raw files, and from what docs and contract say."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

SUBSETS = {"train": (0.0, 0.8), "validation": (0.8, 0.9), "test": (0.9, 1.0)}
LENGTH = 8
PAD = -1
_MOST_BARS = 12
Flags = pd.Series  # of booleans, a row each
Kept = Callable[[pd.DataFrame], Flags]


@dataclass(frozen=True)
class Rule:
    """A quality rule, by what keeps it."""

    name: str
    severity: str
    is_kept: Kept
    is_of_pupils: bool = False


@dataclass(frozen=True)
class Options:
    """What a run is told beside the example's own settings."""

    stride: int = LENGTH
    min_length: int = 1
    most_sequences: int | None = None
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Figures:
    """Those of one subset."""

    rows_in: int
    left_out: Mapping[str, int]
    """By the page's words for it."""
    broken: Mapping[str, int]
    """Rows by rule of the settings."""
    cells: pd.DataFrame
    """An observation in a sequence each: pupil, window, is_new, and the features' values."""

    @property
    def new(self) -> pd.DataFrame:
        """The observations, each once."""
        return self.cells[self.cells["is_new"]]

    @property
    def sequences(self) -> pd.Series:
        """The number of observations of each sequence."""
        return self.cells.groupby(["pupil", "window"]).size()

    @property
    def histories(self) -> pd.Series:
        """The number of observations of each pupil."""
        return self.new.groupby("pupil").size()


def figures(folder: Path, options: Options) -> dict[str, Figures]:
    """Return the figures of each subset."""
    raw = pd.read_csv(folder / "studentAssessment.csv.gz")
    is_answer = (raw["is_banked"] == 0) & raw["score"].notna()
    rows = raw[is_answer].rename(columns={"id_student": "pupil", "id_assessment": "assessment"})
    rows = rows.rename(columns={"date_submitted": "day"}).assign(correct=lambda rows: (rows["score"] >= 40).astype(int))
    share = rows["pupil"].map({pupil: _share(pupil) for pupil in rows["pupil"].unique()})
    return {
        name: _of_subset(rows[(share >= first) & (share < end)], rows, len(raw), options)
        for name, (first, end) in SUBSETS.items()
    }


def _share(pupil: int) -> float:
    """Return the place of a pupil's hash among all, 0 to 1."""
    return int(hashlib.md5(f":{pupil}".encode()).hexdigest()[:8], 16) / 2**32


def _of_subset(own: pd.DataFrame, answers: pd.DataFrame, rows_in: int, options: Options) -> Figures:
    kept, broken, aside = own, dict[str, int](), dict[str, int]()
    for is_of_pupils in (False, True):
        rules = [rule for rule in options.rules if rule.is_of_pupils == is_of_pupils]
        kept, counts = _judged(kept, rules)
        broken |= counts
    aside = {rule.name: broken[rule.name] for rule in options.rules if rule.severity == "quarantine"}
    cells, dropped = _windowed(_in_order(kept), options)
    left_out = {
        "left out: row_filter is not true": rows_in - len(answers),
        "left out: it belongs to another subset": len(answers) - len(own),
        **{f"quarantined: the rule '{name}' is broken": count for name, count in aside.items()},
        **dropped,
    }
    return Figures(rows_in, {words: count for words, count in left_out.items() if count}, broken, cells)


def _judged(rows: pd.DataFrame, rules: list[Rule]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Put rows aside, each under the first rule that does; count for the others what is left."""
    counts = dict[str, int]()
    is_broken = {rule.name: ~rule.is_kept(rows) for rule in rules}
    is_left = pd.Series(True, index=rows.index)
    for severity in ("quarantine", "warn"):
        for rule in rules:
            if rule.severity == severity:
                counts[rule.name] = int((is_broken[rule.name] & is_left).sum())
                is_left &= ~is_broken[rule.name] if severity == "quarantine" else True
    return rows[is_left], counts


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    ordered = rows.sort_values(["pupil", "day", "assessment", "correct", "score"])
    pupils = ordered.groupby("pupil")
    following = pupils["correct"].shift(-1).fillna(PAD).astype(int)
    size = pupils["correct"].transform("size")
    return ordered.assign(next_correct=following, position=pupils.cumcount(), size=size)


def _windowed(rows: pd.DataFrame, options: Options) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the observations of all windows that stay, and how many were new in one that does not."""
    cells = pd.concat(list(_windows(rows, options.stride)))
    sizes = cells.groupby(["pupil", "window"])["pupil"].transform("size")
    is_long = sizes >= options.min_length
    from_last = cells[is_long].groupby("pupil")["window"].rank(method="dense", ascending=False)
    is_late = (from_last <= (options.most_sequences or np.inf)).reindex(cells.index, fill_value=False)
    dropped = {
        "left out: its sequence has fewer observations than min_length": ~is_long,
        "left out: its sequence is not among the pupil's last max_sequences_per_pupil": is_long & ~is_late,
    }
    return cells[is_long & is_late], {words: int(cells["is_new"][flags].sum()) for words, flags in dropped.items()}


def _windows(rows: pd.DataFrame, stride: int) -> Iterator[pd.DataFrame]:
    """Yield the observations of the first windows of all pupils, of the second ones, and so on."""
    count = 1 + np.ceil((rows["size"] - LENGTH).clip(lower=0) / stride)
    for window in range(int(count.max())):
        first = window * stride
        seen = 0 if window == 0 else first - stride + LENGTH
        is_here = (count > window) & (rows["position"] >= first) & (rows["position"] < first + LENGTH)
        found = rows[is_here].assign(window=window, is_new=rows["position"][is_here] >= seen)
        yield found.set_index(pd.MultiIndex.from_product([[window], found.index]))


def bars(cells: pd.DataFrame, feature: str) -> dict[str, tuple[int, int]]:
    """Return how often each value stands there, by the page's words: once, and in all sequences."""
    new, everywhere = cells[feature][cells["is_new"]].value_counts(), cells[feature].value_counts()
    order = sorted(new.index, key=lambda value: (-new[value], value) if len(everywhere) > _MOST_BARS else value)
    shown = {str(value): (int(new[value]), int(everywhere[value])) for value in order[:_MOST_BARS]}
    others = everywhere.index.difference(order[:_MOST_BARS])
    if len(others):
        rest = int(new.reindex(others, fill_value=0).sum()), int(everywhere[others].sum())
        shown[f"{len(others):,} others"] = rest
    return shown


def doublings(cells: pd.DataFrame, feature: str) -> dict[str, tuple[int, int]]:
    """Return the same by ranges from one power of 2 to the next; of values that are 0, or 1 and more."""
    powers = np.floor(np.log2(cells[feature].clip(lower=0.5)))
    ranges = [(f"{2**power:g} to {2 ** (power + 1):g}" if power >= 0 else "0", power) for power in sorted(set(powers))]
    return {
        words: (int((cells["is_new"] & (powers == power)).sum()), int((powers == power).sum()))
        for words, power in ranges
    }
