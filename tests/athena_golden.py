"""The specifications whose statements are held as files in golden/, to be read and to show what a change changes.

Remake the files after a change that is meant, and read the difference: PYTHONPATH=src python -m tests.athena_golden
"""

from pathlib import Path
from typing import Any

from obs2seq import SequenceSpec, athena_select

GOLDEN = Path(__file__).with_name("golden")

_CORRECT = {"name": "correct", "column": "correct", "pad": 0}

SPECIFICATIONS: dict[str, tuple[dict[str, Any], str, dict[str, str] | None]] = {
    "chunks": (
        {"order_by": ["answered_at"], "sequence_length": 5, "features": [_CORRECT]},
        "answers",
        None,
    ),
    "sliding_with_target": (
        {
            "pupil": "pupil",
            "order_by": ["answered_at", "observation_id"],
            "sequence_length": 10,
            "stride": 4,
            "pad_side": "start",
            "min_length": 3,
            "features": [_CORRECT, {"name": "next_correct", "column": "correct", "pad": -1, "shift": 1}],
        },
        "school.answers",
        {"correct": "tinyint"},
    ),
    "last_of_sessions": (
        {
            "order_by": ["answered_at"],
            "sequence_length": 4,
            "stride": 2,
            "align": "end",
            "max_sequences_per_pupil": 3,
            "session_gap_seconds": 1800,
            "features": [
                {"name": "skill", "column": "Skill name", "pad": 'the pupil\'s "own"'},
                {"name": "duration", "column": "duration_s", "pad": 0.5},
                {"name": "day", "column": "day", "pad": "1970-01-01"},
            ],
        },
        'awsdatacatalog."my.school"."the ""answers"""',
        {"skill name": "string", "day": "date"},
    ),
}


def statement(name: str) -> str:
    """Return the statement for one of the specifications."""
    spec, table, types = SPECIFICATIONS[name]
    return athena_select(SequenceSpec.model_validate(spec), table, types=types)


if __name__ == "__main__":
    for each in SPECIFICATIONS:
        (GOLDEN / f"{each}.sql").write_text(statement(each), encoding="utf-8")
