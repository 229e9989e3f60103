"""The specifications whose statements are held as files in golden/, to be read and to show what a change changes.

Remake the files after a change that is meant, and read the difference: PYTHONPATH=src python -m tests.athena_golden
"""

from pathlib import Path
from typing import Any

from obs2seq import SequenceSpec, athena_select
from obs2seq.domain.splits import ColumnValue, hash_range
from obs2seq.sql.runs import TableSelection, run_statements, unload

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

_TYPES = {
    "pupilid": "bigint",
    "answered_at": "timestamp",
    "score": "double",
    "skill": "string",
    "subset": "string",
}

RUNS: dict[str, tuple[dict[str, Any], TableSelection]] = {
    "run_hash_split": (
        {"order_by": ["answered_at"], "sequence_length": 5, "features": [_CORRECT]},
        TableSelection(
            "school.answers",
            _TYPES,
            columns={"correct": "CAST(score >= 0.5 AS INT)"},
            row_filter="skill <> 'warming up'",
            share=hash_range({"train": 0.8, "validation": 0.1, "test": 0.1}, "validation", "salt"),
        ),
    ),
    "run_sessions_without_duplicates": (
        {
            "order_by": ["answered_at"],
            "sequence_length": 4,
            "stride": 2,
            "align": "end",
            "min_length": 2,
            "max_sequences_per_pupil": 3,
            "session_gap_seconds": 1800,
            "features": [{"name": "skill", "column": "skill", "pad": "<pad>"}],
        },
        TableSelection(
            "school.answers", _TYPES, share=ColumnValue("subset", "train", ("train", "test")), duplicates="drop"
        ),
    ),
}
"""Runs as they are sent: the UNLOAD, and below it what counts."""


def statement(name: str) -> str:
    """Return what is held under a name."""
    if name in RUNS:
        fields, selection = RUNS[name]
        made = run_statements(selection, SequenceSpec.model_validate(fields))
        target = "s3://bucket/output/train_sequenced_5/run_id=00112233aabbccdd"
        return f"{unload(made.select, target, 'snappy')}\n{made.counts}"
    spec, table, types = SPECIFICATIONS[name]
    return athena_select(SequenceSpec.model_validate(spec), table, types=types)


if __name__ == "__main__":
    for each in (*SPECIFICATIONS, *RUNS):
        (GOLDEN / f"{each}.sql").write_text(statement(each), encoding="utf-8")
