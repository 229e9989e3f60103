"""What the catalogue and the comparison of runs say of derived features."""

import pytest

from obs2seq.domain.derived import DERIVATIONS
from obs2seq.domain.job import Job
from obs2seq.lineage.changes import changes
from obs2seq.lineage.code import reached
from obs2seq.lineage.columns import output_columns
from obs2seq.lineage.modules import Symbol
from tests.derived_inputs import deriving, spec_of
from tests.test_changes import FEATURES, a_run

ATTEMPT = {"name": "attempt", "derive": "attempt_number", "of": "skill", "pad": 0}


def test_the_catalogue_says_what_is_derived_and_from_what() -> None:
    job = Job(spec_of(deriving("attempt_number"), deriving("hour_of_day")), columns={"ex": "lower(exercise)"})

    *_, attempt, hour = output_columns(job, "sequences")

    assert attempt.meaning == (
        "attempt_number of ex = lower(exercise): Which of the pupil's observations with this value it is, from 1; null "
        "where the value is null, padded with -99"
    )
    assert (attempt.type, attempt.unit) == ("array<int>", "attempts")
    assert hour.meaning.startswith("hour_of_day in Europe/Berlin: The hour of the time in a zone")


@pytest.mark.parametrize("root", ["kernel.derived:derived_columns", "flow.derived:derived_observations"])
def test_the_code_of_every_derived_feature_counts_for_the_versions_of_columns(root: str) -> None:
    names = {symbol.name for symbol in reached([Symbol.of(root)])}

    assert set(DERIVATIONS) <= names


def test_an_expression_changes_what_is_derived_from_it() -> None:
    columns = {"pupilid": "bigint", "correct_sequence": "array<int>", "attempt_sequence": "array<int>"}
    first, second = (a_run(features=[FEATURES[0], ATTEMPT], columns=columns) for _ in range(2))
    second.settings["columns"] = {"skill": "lower(topic)"}

    found = changes(first, second)

    assert found.columns == {"attempt_sequence": ("settings: columns.skill none → lower(topic)",)}
