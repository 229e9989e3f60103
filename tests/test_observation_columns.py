"""What is said of columns that do not fit, by every engine alike."""

import pytest

from obs2seq.domain.columns import no_time_for_sessions, require_columns, require_scalar
from obs2seq.domain.job import Job
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.splits import Everything, HashRange
from obs2seq.errors import DataError
from obs2seq.warehouses.subsets import share_of

SPEC = SequenceSpec.model_validate(
    {"order_by": ["at"], "sequence_length": 5, "features": [{"name": "v", "column": "v", "pad": 0}]}
)


def test_all_missing_columns_are_named_at_once() -> None:
    with pytest.raises(DataError) as caught:
        require_columns(("pupilid", "answered_at", "correct"), ("student", "answered", "correct"))

    assert str(caught.value) == (
        "observations: expected columns 'pupilid', 'answered_at', found ['answered', 'correct', 'student']. "
        "Hint: known are answered, correct, student; map it under columns in the settings."
    )


def test_a_column_that_is_read_twice_is_missing_once() -> None:
    with pytest.raises(DataError, match="expected column 'correc', found"):
        require_columns(("correc", "correc"), ("correct",))


def test_names_match_by_their_small_letters_and_two_of_one_name_are_refused() -> None:
    require_columns(("pupilid",), ("PupilID", "at", "AT"))

    with pytest.raises(DataError, match=r"expected one column 'at', found \['AT', 'at'\]"):
        require_columns(("pupilid", "at"), ("PupilID", "at", "AT"))


def test_a_column_of_arrays_is_refused_by_a_short_name() -> None:
    require_scalar("v", "decimal(10,2)")

    with pytest.raises(DataError, match=r"expected column 'v' to be a number, .*, found struct<a{70}\.\.\."):
        require_scalar("v", f"struct<{'a' * 200}:int>")


def test_a_text_is_no_time_for_sessions() -> None:
    said = str(no_time_for_sessions("at", "string"))

    assert said.startswith("session_gap_seconds: expected the time column 'at' to be a timestamp")


def test_pupils_are_hashed_only_where_there_is_more_than_one_subset() -> None:
    one, two = (Job(SPEC, subsets=subsets) for subsets in ({"train": 1.0}, {"train": 0.9, "test": 0.1}))

    assert share_of(one, "train", ("pupilid",), has_own_folder=False) == Everything()
    assert isinstance(share_of(two, "train", ("pupilid",), has_own_folder=False), HashRange)
