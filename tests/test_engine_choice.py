"""`engine: auto`: Arrow where it can do the job, Spark where it cannot, and a line that says which and why."""

import importlib
import logging
from pathlib import Path
from typing import Any

import pytest

from obs2seq.bootstrap import run
from obs2seq.bootstrap.on_either import on_either
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import Manifest
from obs2seq.errors import ConfigurationError
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage
from obs2seq.warehouses.engine import Engine, Order
from obs2seq.warehouses.subsets import SubsetSource
from tests.commands import put_bytes
from tests.small_jobs import answers, put_answers, settings_for

MODULE = importlib.import_module("obs2seq.bootstrap.on_either")


class OnSparkError(Exception):
    """Says that Spark was asked, and stops there."""


class FakeSpark(Engine):
    """Stands for Spark, which is not started."""

    def make(self, order: Order, found: SubsetSource, location: str, run_id: str) -> Manifest:
        raise OnSparkError

    def check(self, order: Order, found: SubsetSource) -> Ledger:
        raise OnSparkError


@pytest.fixture(autouse=True)
def spark_is_fake(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(MODULE, "on_spark", lambda *_: (FakeSpark(), None))
    monkeypatch.setattr(MODULE, "find_spec", lambda _: object())
    caplog.set_level(logging.INFO, "obs2seq")


def data(tmp_path: Path) -> str:
    put_answers(f"{tmp_path}/in/a.parquet", answers(1, [1, 0, 1, 1]))
    return f"{tmp_path}/in"


def chosen(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if "engine " in record.message and "mode" not in record.message]


def test_arrow_makes_what_it_can(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = run(settings_for(data(tmp_path), f"{tmp_path}/out", engine="auto"))

    assert "arrow" in made["train"][0].versions
    assert chosen(caplog) == ["engine arrow: the settings ask for nothing that Spark alone does"]


def test_arrow_counts_the_pupils_that_it_assigns(tmp_path: Path) -> None:
    made = run(settings_for(data(tmp_path), f"{tmp_path}/out", engine="auto", subset_method="stratified"))

    assert made["train"][0].ledger.sequenced == 4


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mode": "emr"}, "engine spark, as arrow refuses: engine: expected spark where mode is emr, found arrow"),
        ({"output_format": "delta"}, "engine spark, as arrow refuses: output_format: expected parquet where engine is"),
        (
            {"s3_kms_key": "alias/pupils", "output_s3_location": "s3://bucket/out"},
            "engine spark, as arrow refuses: s3_kms_key: expected none where engine is arrow",
        ),
    ],
)
def test_settings_that_only_spark_follows_take_spark(
    changes: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    chosen_settings = {"s3_data_location": "in", "output_s3_location": "out", "mode": "local", "engine": "auto"}

    engine, _ = on_either(Settings(**(chosen_settings | changes)), RoutedStorage())

    assert isinstance(engine, FakeSpark)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"columns": {"correct": "xxhash64(correct)"}},
            "train_sequenced_3: engine spark, as arrow refuses: columns.correct: expected an expression that Arrow",
        ),
        ({"row_filter": "rlike(skill, 'a+')"}, "train_sequenced_3: engine spark, as arrow refuses: row_filter: expect"),
        (
            {
                "rules": (
                    {"name": "r", "kind": "predicate", "predicate": "rlike(skill, 'a')", "severity": "quarantine"},
                )
            },
            "train_sequenced_3: engine spark, as arrow refuses: rules.r: expected an expression that Arrow computes",
        ),
    ],
)
def test_expressions_that_only_spark_computes_take_spark(
    changes: dict[str, Any], reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(OnSparkError):
        run(settings_for(data(tmp_path), f"{tmp_path}/out", engine="auto", **changes))

    assert chosen(caplog)[-1].startswith(reason)
    assert not list(Path(tmp_path, "out").rglob("*.parquet"))


def test_formats_that_only_spark_reads_take_spark(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put_bytes(
        tmp_path / "in" / "a.csv", "pupilid::answered_at::observation_id::correct\n1::2026-01-05T08:00:00Z::1::1\n"
    )

    with pytest.raises(OnSparkError):
        run(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", engine="auto", csv_delimiter="::"))

    assert "csv_delimiter: expected one character of ASCII where engine is arrow" in chosen(caplog)[-1]


def test_what_is_wrong_for_either_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="row_filter: expected a column or a Spark SQL expression over the in"):
        run(settings_for(data(tmp_path), f"{tmp_path}/out", engine="auto", row_filter="corect = 1"))
    with pytest.raises(ConfigurationError, match="memory_budget: expected at least"):
        run(settings_for(data(tmp_path), f"{tmp_path}/out", engine="auto", memory_budget="5k"))


def test_without_spark_the_refusal_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "find_spec", lambda _: None)

    with pytest.raises(ConfigurationError, match=r"columns\.correct: expected an expression that Arrow computes as"):
        run(settings_for(data(tmp_path), f"{tmp_path}/out", engine="auto", columns={"correct": "xxhash64(correct)"}))
