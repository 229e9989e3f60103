import math

import pytest

from obs2seq.domain.spec import SequenceSpec, SpecificationFields
from obs2seq.domain.validation import closest, nearest
from obs2seq.errors import ConfigurationError, SpecificationError

SMALLEST = {
    "order_by": ["answered_at"],
    "sequence_length": 5,
    "features": [{"name": "correct", "column": "correct", "pad": 0}],
}


def feature(**changes: object) -> dict[str, object]:
    return {"name": "correct", "column": "correct", "pad": 0, **changes}


REFUSED = [
    ({"sequence_length": 0}, "sequence_length: expected 1 or more, found 0"),
    ({"sequence_length": 100_001}, "sequence_length: expected 100000 or less, found 100001"),
    ({"sequence_length": "5"}, "sequence_length: expected a whole number, found '5'"),
    ({"sequence_length": True}, "sequence_length: expected a whole number, found True"),
    ({"sequence_length": 5.0}, "sequence_length: expected a whole number, found 5.0"),
    ({"sequence_length": None}, "sequence_length: expected a whole number, found None"),
    ({"stride": 0}, "stride: expected 1 or more, found 0"),
    ({"stride": 6}, "stride: expected 1 to 5 (sequence_length), found 6"),
    ({"min_length": 0}, "min_length: expected 1 or more, found 0"),
    ({"min_length": 6}, "min_length: expected 1 to 5 (sequence_length), found 6"),
    ({"align": "left"}, "align: expected 'start' or 'end', found 'left'"),
    ({"pad_side": "End"}, "pad_side: expected 'end' or 'start', found 'End'"),
    ({"max_sequences_per_pupil": 0}, "max_sequences_per_pupil: expected 1 or more, found 0"),
    ({"session_gap_seconds": -1}, "session_gap_seconds: expected 0 or more, found -1"),
    ({"session_gap_seconds": math.nan}, "session_gap_seconds: expected a finite number, found nan"),
    ({"session_gap_seconds": math.inf}, "session_gap_seconds: expected a finite number, found inf"),
    ({"session_gap_seconds": "1800"}, "session_gap_seconds: expected a number, found '1800'"),
    ({"session_gap_seconds": True}, "session_gap_seconds: expected a number, found True"),
    ({"pupil": ""}, "pupil: expected a text that is not empty, found ''"),
    ({"pupil": 7}, "pupil: expected a text, found 7"),
    ({"order_by": []}, "order_by: expected at least one, found []"),
    ({"order_by": "answered_at"}, "order_by: expected a list, found 'answered_at'"),
    ({"order_by": [""]}, "order_by.0: expected a text that is not empty, found ''"),
    ({"order_by": ["t", "t"]}, "order_by: expected each column once, found 't' 2 times"),
    ({"order_by": ["day", "Day"]}, "order_by: expected one spelling of a column, found 'day' and 'Day'"),
    ({"order_by": ["Correct"]}, "features: expected one spelling of a column, found 'Correct' and 'correct'"),
    ({"pupil": "ANSWERED_AT"}, "order_by: expected one spelling of a column, found 'ANSWERED_AT' and 'answered_at'"),
    ({"features": []}, "features: expected at least one, found []"),
    ({"features": ["correct"]}, "features.0: expected fields with values, found 'correct'"),
    ({"features": [feature(pad=None)]}, "features.0.pad: expected a boolean, a number or a text, found None"),
    ({"features": [feature(pad=[0] * 99)]}, "features.0.pad: expected a boolean, a number or a text, found [0, 0"),
    (
        {"features": [feature(pad=10**38)]},
        "features.0.pad: expected a whole number of at most 38 digits, found a longer",
    ),
    ({"features": [feature(shift=1_000_001)]}, "features.0.shift: expected 1000000 or less, found 1000001"),
    ({"features": [feature(shift=0.5)]}, "features.0.shift: expected a whole number, found 0.5"),
    ({"features": [feature(padding=0)]}, "features.0: unknown field 'padding' (did you mean 'pad')"),
    ({"features": [{"name": "correct"}]}, "features.0.column: expected a value, found none"),
    ({"strid": 1}, "unknown field 'strid' (did you mean 'stride')"),
    ({"colour": 1}, "unknown field 'colour' (known are align, explode, explode_cuts, explode_delimiter"),
]

COLLISIONS = [
    ({"features": [feature(), feature()]}, "'correct_sequence' from feature 'correct' and from feature 'correct'"),
    ({"features": [feature(), feature(name="CORRECT")]}, "'CORRECT_sequence' from feature 'correct' and from"),
    ({"features": [feature(name="is_pad")]}, "'is_pad_sequence' from a bookkeeping column and from feature 'is_pad'"),
    ({"features": [feature(name="IS_NEW")]}, "'IS_NEW_sequence' from a bookkeeping column and from feature 'IS_NEW'"),
    ({"pupil": "Correct_Sequence"}, "'correct_sequence' from the pupil column and from feature 'correct'"),
    ({"pupil": "SESSION_index"}, "'session_index' from the pupil column and from a bookkeeping column"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED, ids=[words[:60] for _, words in REFUSED])
def test_specification_refuses_value_and_says_why(change, words):
    with pytest.raises(SpecificationError) as refused:
        SequenceSpec.model_validate(SMALLEST | change)

    assert str(refused.value).startswith(f"specification: {words}")
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(("change", "words"), COLLISIONS)
def test_specification_refuses_output_columns_of_one_name(change, words):
    with pytest.raises(SpecificationError) as refused:
        SequenceSpec.model_validate(SMALLEST | change)

    assert "features: expected different output columns, found " + words in str(refused.value)


def test_specification_names_every_field_at_fault():
    with pytest.raises(SpecificationError) as refused:
        SequenceSpec(sequence_length=3, stride=4, min_length=5, order_by=["t", "t"], features=[feature()])

    assert refused.value.problem == (
        "stride: expected 1 to 3 (sequence_length), found 4; "
        "min_length: expected 1 to 3 (sequence_length), found 5; "
        "order_by: expected each column once, found 't' 2 times"
    )
    assert isinstance(refused.value, ConfigurationError)
    assert refused.value.exit_code == 2


def test_specification_without_required_fields_names_them():
    with pytest.raises(SpecificationError, match=r"order_by: expected a value.*sequence_length.*features"):
        SequenceSpec()


@pytest.mark.parametrize("form", [None, 5, [], "order_by"])
def test_specification_refuses_what_is_no_mapping(form):
    with pytest.raises(SpecificationError, match="expected fields with values"):
        SequenceSpec.model_validate(form)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "expected JSON"),
        (b"\xff", "expected JSON"),
        ("[]", "fields with values"),
        ('{"order_by": []}', "order_by"),
    ],
)
def test_specification_from_bad_json_raises_its_own_error(text, words):
    with pytest.raises(SpecificationError, match=words):
        SequenceSpec.model_validate_json(text)


@pytest.mark.parametrize("stride", [{}, {"stride": None}, {"stride": 5}])
def test_stride_is_sequence_length_where_not_given(stride):
    spec = SequenceSpec.model_validate(SMALLEST | stride)

    assert spec.stride == 5
    assert spec.is_chunked


def test_specification_lists_columns_read_and_written():
    spec = SequenceSpec.model_validate(
        {
            "pupil": "who",
            "order_by": ["at", "score"],
            "sequence_length": 2,
            "features": [
                feature(name="next", column="word", shift=1, pad=""),
                feature(name="score", column="score"),
                feature(name="b", column="bonus"),
                feature(name="word", column="word", pad="-"),
            ],
        }
    )

    assert spec.tie_breakers == ("bonus", "word")
    assert spec.columns == ("who", "at", "score", "bonus", "word")
    assert spec.outputs == (
        *("who", "session_index", "sequence_index", "first_position", "n_observations"),
        *("is_pad_sequence", "is_new_sequence"),
        *("next_sequence", "score_sequence", "b_sequence", "word_sequence"),
    )


@pytest.mark.parametrize("pad", [0, -1, 10**38 - 1, 0.0, 1.5, True, False, "", "<pad>", "1970-01-01", math.inf])
def test_specification_survives_json_with_the_type_of_its_pad(pad):
    spec = SequenceSpec.model_validate(SMALLEST | {"features": [feature(pad=pad)], "session_gap_seconds": 1800})

    read = SequenceSpec.model_validate_json(spec.model_dump_json())

    assert read == spec
    assert read.features[0].pad == pad
    assert type(read.features[0].pad) is type(pad)


def test_specification_survives_json_with_a_pad_that_is_no_number():
    spec = SequenceSpec.model_validate(SMALLEST | {"features": [feature(pad=math.nan)]})

    assert math.isnan(SequenceSpec.model_validate_json(spec.model_dump_json()).features[0].pad)


def test_specification_has_the_fields_of_the_contract_alone():
    assert set(SequenceSpec.model_fields) == set(SpecificationFields.model_fields)
    assert list(SequenceSpec.model_fields) == [
        *("pupil", "order_by", "sequence_length", "stride", "align", "pad_side", "min_length"),
        *("max_sequences_per_pupil", "session_gap_seconds"),
        *("explode", "explode_delimiter", "explode_cuts", "features"),
    ]


def test_specification_cannot_be_changed_and_can_be_a_key():
    spec = SequenceSpec.model_validate(SMALLEST)

    with pytest.raises(ValueError, match="frozen"):
        spec.stride = 1
    assert {spec: 1}[SequenceSpec.model_validate(spec.model_dump())] == 1


def test_nearest_passes_over_case():
    assert nearest("STRID", ["stride", "align"]) == "did you mean 'stride'"
    assert nearest("xyz", ["stride", "align"]) == "known are align, stride"
    assert closest("xyz", ["stride"]) is None
