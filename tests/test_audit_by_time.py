"""Subsets by time: the audit knows when each begins and ends, and of context it counts nothing."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from obs2seq.bootstrap import run
from obs2seq.bootstrap.audits import audit_published, canary, changed_future, prepared
from obs2seq.domain.audit import Audit
from obs2seq.errors import DataError
from obs2seq.generator import generate
from obs2seq.publishing import resolve
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage
from tests.small_jobs import CORRECT, answers, put_answers, settings_for
from tests.test_time_splits import BY_TIME, TIMES

FEATURES = (CORRECT, {"name": "skill", "column": "skill", "pad": ""})
TIME = {"name": "at", "column": "answered_at", "pad": "1970-01-01T00:00:00Z"}


def told(place: Path, **changes: Any) -> Settings:
    values = {"engine": "arrow", "features": (CORRECT, TIME), "split_times": TIMES, "split_context": True}
    return settings_for(f"{place}/in", f"{place}/out", **(BY_TIME | values | {"audit": "fail"} | changes))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two pupils who answer in all three subsets."""
    put_answers(f"{tmp_path}/in/a.parquet", answers(1, range(8)), answers(2, range(10, 18)))
    return tmp_path


def outcome(place: Path, subset: str = "test") -> Audit:
    (stored,) = place.glob(f"out/{subset}_sequenced_3/run_id=*/_AUDIT.json")
    return Audit.model_validate_json(stored.read_text())


@pytest.mark.parametrize("has_context", [False, True])
def test_a_clean_split_is_silent_though_pupils_are_in_several_subsets(place: Path, has_context: bool) -> None:
    run(told(place, split_context=has_context))

    found = outcome(place)
    assert found.findings == ()
    assert "times" in found.checked
    assert "pupils" not in found.checked
    assert audit_published(f"{place}/out", told(place)) == found


def test_an_observation_that_is_new_in_the_wrong_subset_is_found(place: Path) -> None:
    run(told(place))
    _call_context_new(place)

    found = audit_published(f"{place}/out", told(place))

    at = "2026-01-05 08:04:00+00:00"
    assert [(each.check, each.where, each.found) for each in found.leaks] == [
        ("times", "'validation'", f"new observations from before {at}")
    ]


def _call_context_new(place: Path) -> None:
    """Say of all that validation holds that it is new, as a split with a fault would."""
    manifest, location = resolve(RoutedStorage(), f"{place}/out/validation_sequenced_3")
    (file,) = manifest.files
    path = Path(location) / file.path
    table = pq.read_table(path)
    flags = [[1 - pad for pad in row] for row in table["is_pad_sequence"].to_pylist()]
    number = table.column_names.index("is_new_sequence")
    pq.write_table(table.set_column(number, "is_new_sequence", pa.array(flags, table["is_new_sequence"].type)), path)
    text = json.loads((Path(location) / "_MANIFEST.json").read_text())
    text["files"][0]["size"] = path.stat().st_size
    (Path(location) / "_MANIFEST.json").write_text(json.dumps(text))


def test_a_run_whose_split_has_a_fault_is_not_published(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from obs2seq.warehouses.arrow import shares

    monkeypatch.setattr(shares.Times, "is_left_out", lambda _, table: table.column("answered_at").is_null().to_numpy())

    with pytest.raises(DataError, match=r"audit: expected .* without leaks, found 'train': new observations from 2026"):
        run(told(place, split_context=False))

    assert not list(place.glob("out/*/_CURRENT.json"))


def test_the_canary_makes_one_subset_however_the_settings_divide(tmp_path: Path) -> None:
    generate(tmp_path / "in", observations=6_000, files=1)
    times = {"validation": "2025-04-01", "test": "2025-06-01"}
    rules = [{"name": "quick", "kind": "range", "column": "duration_s", "most": 1e9, "severity": "quarantine"}]

    divided = told(tmp_path, split_times=times, folds=3, rules=rules, features=FEATURES)

    assert canary(divided, "correct").is_chance
    assert changed_future(divided, prepared(divided)) == []
