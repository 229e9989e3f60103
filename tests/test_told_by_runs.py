"""An audit or a report of what is published needs to be told nothing that its run was told."""

from pathlib import Path
from typing import Any

import pytest

from obs2seq.bootstrap import run
from obs2seq.bootstrap.reports import report_published
from obs2seq.errors import StorageError
from tests.commands import asked, message_of
from tests.small_jobs import CORRECT, answers, put_answers, settings_for

NEXT = {"name": "next", "column": "correct", "pad": -1, "shift": 1}
TWO = {"fit": 0.5, "hold_out": 0.5}


def publish(place: Path, **changes: Any) -> str:
    """Publish the answers of 20 pupils by hash; return the output."""
    put_answers(f"{place}/in/a.parquet", *(answers(n, [n % 2, 1, 0]) for n in range(20)))
    told: dict[str, Any] = {"engine": "arrow", "audit": "fail", "subsets": TWO, "subset_method": "hash"}
    run(settings_for(f"{place}/in", f"{place}/out", **(told | changes)))
    return f"{place}/out"


def test_an_audit_knows_the_targets_of_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = publish(tmp_path, features=(CORRECT, NEXT), targets=("next",))

    answer = asked(capsys, "audit", output)

    assert (answer.code, answer.err) == (0, "")
    assert "✓  no feature reads what comes after its position" in answer.out


def test_other_targets_take_the_place_of_those_of_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = publish(tmp_path, features=(CORRECT, NEXT), targets=("next",))
    config = tmp_path / "job.yaml"

    for told in ("targets: [correct]", "targets: []"):
        config.write_text(told)
        assert asked(capsys, "audit", output, "--config", config).code == 1
    assert asked(capsys, "audit", output, "--targets", "correct").code == 1
    config.write_text("audit: warn")
    assert asked(capsys, "audit", output, "--config", config).code == 0


def test_a_run_that_was_not_audited_has_told_no_targets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = publish(tmp_path, features=(CORRECT, NEXT), targets=("next",), audit="off")

    assert asked(capsys, "audit", output).code == 1
    assert asked(capsys, "audit", output, "--targets", "next").code == 0


def test_subsets_are_those_of_the_last_run_in_its_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish(tmp_path, subsets={"older": 0.5, "fit": 0.5})
    output = publish(tmp_path, subsets={"hold_out": 0.5, "fit": 0.5})
    page = tmp_path / "page.html"

    assert asked(capsys, "audit", output).code == 0
    assert asked(capsys, "report", output, "--to", page).code == 0

    text = report_published(output, ["hold_out", "fit"])
    assert page.read_text() == text
    assert "older" not in text


def test_one_dataset_is_no_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = f"{publish(tmp_path)}/fit_sequenced_3"
    page = tmp_path / "page.html"
    refusal = (
        f"{dataset}: expected an output, with a dataset for each of its subsets, found the dataset of 'fit'. Hint: "
        "name the folder above it, or give --subsets fit=1 to look at this one alone."
    )

    for words in (["audit", dataset], ["report", dataset, "--to", page], ["audit", dataset, "--subsets", "a=.5,b=.5"]):
        answer = asked(capsys, *words)
        assert (answer.code, message_of(answer)) == (2, refusal)
    assert asked(capsys, "audit", dataset, "--subsets", "fit=1").code == 0
    assert asked(capsys, "report", dataset, "--to", page, "--subsets", "fit=1").code == 0


def test_subsets_that_are_not_there_are_told_from_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = publish(tmp_path, subsets={"all": 1.0})

    answer = asked(capsys, "audit", output, "--subsets", "train=0.5,test=0.5")

    assert answer.code == 1
    assert message_of(answer) == (
        f"{output}: expected datasets of the subsets train, test, found those of all. Hint: name those that are there "
        "as --subsets, or none, to look at those of the last run."
    )
    assert asked(capsys, "audit", output).code == 0


def test_a_location_without_datasets_says_what_to_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = asked(capsys, "report", tmp_path, "--to", tmp_path / "page.html")

    assert answer.code == 1
    assert message_of(answer) == (
        f"{tmp_path}: expected datasets <subset>_sequenced_<L>, found none. Hint: name what a job had as "
        "output_s3_location, or run the job first."
    )


def test_several_lengths_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish(tmp_path)
    output = publish(tmp_path, subsets={"fit": 0.4, "rest": 0.6}, sequence_length=4)

    assert "found those of sequence_length 3, 4. Hint: say which" in message_of(asked(capsys, "audit", output))
    assert asked(capsys, "audit", output, "--sequence_length", "4").code == 0
    assert asked(capsys, "audit", output, "--sequence_length", "3").code == 0


def test_an_outcome_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    output = publish(tmp_path)
    (stored,) = Path(output).glob("fit_*/run_id=*/_AUDIT.json")
    stored.write_text("{")

    with pytest.raises(StorageError, match=r"_AUDIT.json: expected the outcome of an audit, found otherwise\. Hint"):
        report_published(output)
