"""What is read of exploded sequences: arrays, tensors, and the figures of the report."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import obs2seq
from obs2seq import SequenceSpec
from obs2seq.bootstrap import run
from obs2seq.bootstrap.reports import report_published
from obs2seq.loading.data import SequenceData
from obs2seq.report.figures import figures_of
from tests.published import publish
from tests.small_jobs import CORRECT, answers, put_answers, settings_for

SPEC = SequenceSpec.model_validate(
    {
        "order_by": ["at"],
        "sequence_length": 4,
        "stride": 2,
        "explode": "skills",
        "features": [{"name": "skill", "column": "skills", "pad": "-"}, {"name": "correct", "column": "c", "pad": 0}],
    }
)
# Pupil 1 answers exercises of two skills, of one and of three: six elements in two windows. Pupil 2 answers one of two.
COLUMNS: dict[str, list[Any]] = {
    "pupilid": [1, 1, 2],
    "session_index": [0, 0, 0],
    "sequence_index": [0, 1, 0],
    "first_position": [0, 2, 0],
    "n_observations": [4, 4, 2],
    "is_pad_sequence": [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1]],
    "is_new_sequence": [[1, 1, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0]],
    "skill_sequence": [["a", "b", "a", "a"], ["a", "a", "b", "c"], ["a", "c", "-", "-"]],
    "correct_sequence": [[1, 1, 0, 1], [0, 1, 1, 1], [1, 1, 0, 0]],
    "group_sequence": [[0, 0, 1, 2], [1, 2, 2, 2], [0, 0, -1, -1]],
    "is_repeat_sequence": [[0, 1, 0, 0], [0, 0, 1, 1], [0, 1, 0, 0]],
}
MASKS = ("is_pad_sequence", "is_new_sequence")


def table_of(spec: SequenceSpec) -> pa.Table:
    types = {"pupilid": pa.int64(), "skill_sequence": pa.list_(pa.string())}
    types |= {name: pa.int32() for name in COLUMNS if not name.endswith("_sequence") and name not in types}
    types |= {name: pa.list_(pa.int8()) for name in MASKS}
    schema = pa.schema([(name, types.get(name, pa.list_(pa.int32()))) for name in spec.outputs])
    return pa.table({name: COLUMNS[name] for name in spec.outputs}, schema)


@pytest.fixture
def data(tmp_path: Path) -> SequenceData:
    publish(str(tmp_path), table_of(SPEC), SPEC, n_files=2)
    return obs2seq.load(tmp_path, "train")


def test_groups_and_repeats_are_arrays_like_any_other(data: SequenceData) -> None:
    arrays = data.arrays()

    assert list(arrays) == ["skill", "correct", "group", "is_repeat", "is_pad", "is_new"]
    assert arrays["group"].tolist() == COLUMNS["group_sequence"]
    assert arrays["is_repeat"].tolist() == COLUMNS["is_repeat_sequence"]
    assert [next(data.batches(2, [name]))[name].shape for name in ("group", "is_repeat_sequence")] == [(2, 4)] * 2
    assert data.spec == SPEC


def test_groups_and_repeats_are_tensors_like_any_other(data: SequenceData) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")

    one = obs2seq.torch.SequenceDataset(data, ["group", "is_repeat"])[1]

    assert {name: tensor.tolist() for name, tensor in one.items()} == {"group": [1, 2, 2, 2], "is_repeat": [0, 0, 1, 1]}
    assert {tensor.dtype for tensor in one.values()} == {torch.int32}


def test_the_sequencer_takes_the_types_of_what_was_loaded(data: SequenceData) -> None:
    sequencer = obs2seq.online.Sequencer(data.spec, types=data.types)

    sequencer.push({"pupilid": 1, "at": 1, "skills": "a, b", "c": 1})

    assert sequencer.latest()["skill_sequence"] == ["a", "b", "-", "-"]  # type: ignore[index]


def test_repeats_are_counted_among_all_that_is_no_padding(data: SequenceData) -> None:
    figures = figures_of("train", data)

    assert (figures.real, figures.repeats) == (10, 4)
    assert figures.repeating == pytest.approx(0.4)


def test_nothing_repeats_where_nothing_is_exploded_or_there_are_no_sequences(tmp_path: Path) -> None:
    plain = SequenceSpec.model_validate(
        SPEC.model_dump(exclude={"features", "explode"}) | {"features": SPEC.features[:2]}
    )
    publish(f"{tmp_path}/plain", table_of(plain), plain)
    publish(f"{tmp_path}/none", table_of(SPEC).slice(0, 0), SPEC)

    without, empty = (figures_of("train", obs2seq.load(tmp_path / name, "train")) for name in ("plain", "none"))

    assert (without.repeats, without.repeating) == (None, None)
    assert (empty.repeats, empty.repeating) == (0, 0.0)


def sequences_section(location: Path) -> str:
    page = report_published(str(location), ["train"])
    (section,) = re.findall(r'<section id="sequences">(.*?)</section>', page, re.S)
    return str(section)


def test_the_page_tells_the_share_of_repeats_and_what_they_are(data: SequenceData, tmp_path: Path) -> None:
    section = sequences_section(tmp_path)

    heads, cells = (re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", section) for tag in ("th", "td"))
    assert dict(zip(heads, cells, strict=True)) | {"bytes": ""} == {
        "subset": "train",
        "pupils": "2",
        "elements": "8",
        "sequences": "3",
        "padding": "16.7%",
        "repeated": "20.0%",
        "answer visible": "40.0%",
        "bytes": "",
    }
    assert "Leave them out of the loss and of every metric." in section


def test_a_page_on_what_is_not_exploded_says_nothing_of_it(tmp_path: Path) -> None:
    plain = SequenceSpec.model_validate(
        SPEC.model_dump(exclude={"features", "explode"}) | {"features": SPEC.features[:2]}
    )
    publish(str(tmp_path), table_of(plain), plain)

    section = sequences_section(tmp_path)

    assert "answer visible" not in section
    assert '<th class="n">observations</th>' in section


def run_on_two_observations(place: Path) -> None:
    """Publish the sequences of one pupil who answers exercises of three skills and of two."""
    rows = [row | {"skill": skill} for row, skill in zip(answers(1, [1, 0]), ["a,b,c", "a,b"], strict=True)]
    put_answers(str(place / "in" / "part-0.parquet"), rows)
    skill, time = (
        {"name": "skill", "column": "skill", "pad": ""},
        {"name": "time", "column": "answered_at", "pad": "1970-01-01"},
    )
    features = (skill, CORRECT, time)
    run(settings_for(f"{place}/in", f"{place}/out", engine="arrow", explode="skill", features=features))


def test_activity_counts_observations_and_lengths_count_elements(tmp_path: Path) -> None:
    run_on_two_observations(tmp_path)

    figures = figures_of("train", obs2seq.load(tmp_path / "out", "train"))

    assert figures.activity is not None
    assert list(figures.activity.counts) == [2]
    assert dict(zip(figures.histories.observations, figures.histories.counts, strict=True)) == {5: 1}
    assert ">elements</text>" in report_published(f"{tmp_path}/out", ["train"])


def test_the_ledger_of_the_page_tells_what_exploding_added(tmp_path: Path) -> None:
    run_on_two_observations(tmp_path)

    page = report_published(f"{tmp_path}/out", ["train"])

    assert "<h3>train: 2 rows in, and 3 more elements by exploding them</h3>" in page
    assert 'aria-label="5 of 5 rows used"' in page
