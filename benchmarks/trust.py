"""What rules, the audit and the report cost: obs2seq beside itself, with and without each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.contenders import CONTENDERS, Contender

TRUST = "trust"
"""The set of contenders, which take the even observations."""
MOST_FOR_RULES = 1.1
"""The time of a run with rules, to that of one without."""
SKILLS = (
    "counting to 100, addition to 20, subtraction to 20, doubling and halving, comparing numbers, times tables of 2, "
    "times tables of 10, times tables of 5, addition to 100, subtraction to 100, telling the time, money, times "
    "tables of 3, times tables of 4, rounding, times tables of 6, times tables of 9, times tables of 8, times tables "
    "of 7, measuring length, place value, addition in columns, subtraction in columns, division by one digit, missing "
    "numbers, perimeter, weight and volume, multiplication in columns, area, reading graphs, division with remainder, "
    "decimal numbers, fractions, averages, adding fractions, percentages, ratios, negative numbers, multiplying "
    "fractions, order of operations"
)
"""The generator's, told here so that a process need not load what draws them."""
_ENGINES = {"arrow": "engine: arrow", "spark": "Spark"}
_OFTEN = {"arrow": 3, "spark": 1}


@dataclass(frozen=True)
class Way:
    """Settings that a job may have beside the task's own."""

    name: str
    title: str
    plain: str
    """The way that it is compared with; itself where it is one to compare with."""
    settings: Mapping[str, str] = field(default_factory=dict)
    takes: str = "all"
    most: float | None = None
    """The goal."""


def _rules(*further: Mapping[str, object], known: str = "exercise_id") -> dict[str, str]:
    """Return rules of every common kind; all generated rows keep them, but for the nulls that a column has."""
    rules = (
        {"name": "known", "kind": "not_null", "column": known},
        {"name": "lasting", "kind": "range", "column": "duration_s", "least": 0, "most": 86_400},
        {"name": "right", "kind": "allowed", "column": "correct", "values": [0, 1]},
        {"name": "taught", "kind": "allowed", "column": "skill", "values": SKILLS.split(", ")},
        {"name": "past", "kind": "not_after", "column": "answered_at", "instant": "2027-01-01T00:00:00Z"},
        {"name": "helped", "kind": "predicate", "predicate": "hints <= 3 AND (correct = 0 OR exercise_id > 0)"},
        *further,
    )
    return {"rules": json.dumps([{"severity": "quarantine"} | rule for rule in rules])}


_ROBOTS = {"name": "robot", "kind": "max_per_pupil", "most": 1_000_000}
_TWO = {"subsets": "train=0.8,test=0.2"}
WAYS = (
    Way("plain", "one subset, plain", "plain"),
    Way("rules", "six rules that all rows keep", "plain", _rules(), most=MOST_FOR_RULES),
    # One duration in a hundred is null.
    Way("aside", "six rules, 1 % of the rows go aside", "plain", _rules(known="duration_s"), "known", MOST_FOR_RULES),
    Way("pupils", "six rules, and one over each pupil's rows", "plain", _rules(_ROBOTS), most=MOST_FOR_RULES),
    Way("split", "two subsets, plain", "split", _TWO),
    Way("audit", "two subsets, audit", "split", _TWO | {"audit": "fail"}),
    Way("report", "two subsets, report", "split", _TWO | {"report": "true"}),
    Way("both", "two subsets, audit and report", "split", _TWO | {"audit": "fail", "report": "true"}),
)


def _name(engine: str, way: str) -> str:
    return f"{TRUST}_{engine}_{way}"


def _contender(engine: str, way: Way) -> Contender:
    return Contender(
        _name(engine, way.name),
        f"{_ENGINES[engine]}, {way.title}",
        is_spark=engine == "spark",
        module=f"obs2seq_{engine}",
        settings={"audit": "off"} | way.settings,
        takes=way.takes,
        often=_OFTEN[engine],
    )


TRUSTED = {one.name: one for one in (_contender(engine, way) for engine in _ENGINES for way in WAYS)}
"""By name, in the order in which they take turns."""
KNOWN = CONTENDERS | TRUSTED
GOALS = [(_name(engine, way.name), _name(engine, way.plain), way.most) for engine in _ENGINES for way in WAYS]
"""Each contender, what it is compared with, and the most that this may give; None: no goal is set."""
