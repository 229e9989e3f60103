import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from obs2seq.domain import rules
from obs2seq.domain.files import StoredFile, WrittenFile, is_hidden
from obs2seq.domain.fingerprint import files_digest, fingerprint
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.manifest import CurrentRun, InputSummary, Manifest
from obs2seq.domain.runs import choose_run, runs_among
from obs2seq.errors import LedgerError, StorageError

RUN = "0123456789abcdef"


def a_manifest(**changes: object) -> Manifest:
    values: dict[str, object] = {
        "run_id": RUN,
        "dataset": "train_sequenced_100",
        "subset": "train",
        "kind": "sequences",
        "format": "parquet",
        "rows": 3,
        "files": (WrittenFile("part-0.parquet", 10, 3),),
        "columns": {"pupilid": "string", "correct_sequence": "array<float>"},
        "settings": {"sequence_length": 100, "features": [{"pad": math.nan, "name": "größe"}]},
        "ledger": Ledger(250, 240, {rules.NULL_PUPIL: 4, rules.FILTER: 6}, {rules.DUPLICATE: 2}),
        "input": InputSummary(location="s3://b/in", format="csv", files=2, bytes=99, files_digest="00"),
        "versions": {"spark": "3.5.9", "obs2seq": "1.0"},
        "published_at": "2026-01-02T03:04:05+00:00",
    }
    return Manifest.model_validate(values | changes)


class TestLedger:
    def test_rows_that_balance_pass(self) -> None:
        ledger = Ledger(rows_in=10, sequenced=7, left_out={"filter": 2, "null_time": 1}, noted={"duplicate": 5})

        ledger.check("train")

        assert ledger.rows_left_out == 3

    def test_an_empty_input_balances(self) -> None:
        Ledger(0, 0, {}, {}).check("train")

    @pytest.mark.parametrize(
        ("ledger", "numbers"),
        [
            (
                Ledger(10, 7, {"null_time": 1, "filter": 1}, {"duplicate": 5}),
                "10 rows in, and 7 in sequences + 1 filter + 1 null_time = 9 (noted and kept: 5 duplicate)",
            ),
            (Ledger(10, 11, {}, {}), "10 rows in, and 11 in sequences = 11 (noted and kept: none)"),
            (Ledger(10, 11, {"filter": -1}, {}), "11 in sequences + -1 filter = 10"),
            (Ledger(10, 10, {}, {"duplicate": -1}), "noted and kept: -1 duplicate"),
        ],
    )
    def test_rows_that_do_not_balance_are_refused_with_all_numbers(self, ledger: Ledger, numbers: str) -> None:
        with pytest.raises(LedgerError) as refused:
            ledger.check("train_sequenced_100")

        assert numbers in str(refused.value)
        assert (refused.value.where, refused.value.exit_code) == ("train_sequenced_100", 1)

    def test_json_and_back(self) -> None:
        ledger = Ledger(10, 7, {rules.NULL_TIME: 1, rules.FILTER: 2}, {})

        content = json.loads(json.dumps(ledger.to_json()))

        assert content == {"rows_in": 10, "sequenced": 7, "left_out": {"filter": 2, "null_time": 1}, "noted": {}}
        assert Ledger.from_json(content) == ledger

    @pytest.mark.parametrize("content", [None, {}, {"rows_in": "many", "sequenced": 1, "left_out": {}, "noted": {}}])
    def test_other_json_is_refused(self, content: object) -> None:
        with pytest.raises(LedgerError, match=r"^ledger: "):
            Ledger.from_json(content)


class TestManifest:
    def test_text_and_back(self) -> None:
        manifest = a_manifest(settings={"pad": 0.5}, files=(WrittenFile("a b/ü.parquet", 1, 2),))

        assert Manifest.from_text(manifest.to_text(), "here") == manifest

    def test_a_nan_pad_survives(self) -> None:
        manifest = a_manifest()

        again = Manifest.from_text(manifest.to_text(), "here")

        assert math.isnan(again.settings["features"][0]["pad"])
        assert again.to_text() == manifest.to_text()

    def test_text_is_for_people_too(self) -> None:
        lines = a_manifest().to_text().splitlines()

        assert lines[:3] == ["{", '  "manifest_version": 1,', f'  "run_id": "{RUN}",']
        assert '        "name": "größe",' in lines

    def test_columns_keep_their_order(self) -> None:
        manifest = a_manifest(columns={"z": "int", "a": "string", "m": "date"})

        assert list(Manifest.from_text(manifest.to_text(), "here").columns.items()) == [
            ("z", "int"),
            ("a", "string"),
            ("m", "date"),
        ]

    def test_equal_manifests_have_equal_text(self) -> None:
        one = a_manifest(settings={"a": {"b": 1, "c": (2,)}, "d": 3}, versions={"a": "1", "b": "2"})
        other = a_manifest(settings={"d": 3, "a": {"c": [2], "b": 1}}, versions={"b": "2", "a": "1"})

        assert one.to_text() == other.to_text()

    def test_fields_of_a_later_release_are_passed_over(self) -> None:
        content = json.loads(a_manifest().to_text()) | {"later": 1}

        assert Manifest.from_text(json.dumps(content), "here").to_text() == a_manifest().to_text()

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("", "broken JSON at line 1, column 1"),
            ('{"run_id": ', "broken JSON at line 1"),
            ("[]", "expected a manifest of version 1, found None"),
            ('{"manifest_version": 2}', "expected a manifest of version 1, found 2"),
            ('{"manifest_version": 1}', "run_id: expected a value, found none"),
            (a_manifest().to_text().replace(RUN, "../elsewhere"), "run_id: "),
            (a_manifest().to_text().replace("+00:00", ""), "published_at: expected an ISO timestamp with an offset"),
            (a_manifest().to_text().replace('"rows": 3,', '"rows": "x",'), "rows: expected"),
        ],
    )
    def test_a_broken_manifest_is_refused_with_its_location(self, text: str, problem: str) -> None:
        with pytest.raises(StorageError) as refused:
            Manifest.from_text(text, "s3://b/out/_MANIFEST.json")

        assert refused.value.where == "s3://b/out/_MANIFEST.json"
        assert problem in refused.value.problem

    def test_the_current_run_as_text_and_back(self) -> None:
        current = CurrentRun(
            run_id=f"{RUN}-12", manifest="m", previous_run_id=None, published_at="2026-01-02T03:04:05Z"
        )

        assert CurrentRun.from_text(current.to_text(), "here") == current


class TestFingerprint:
    def test_it_is_the_same_in_every_process(self) -> None:
        # sha256 of [{"a":1,"b":[true,null,NaN]},"\u00fc"], first 16 digits, with a for the 6 at its start
        expected = "a5b88e15da37747c"
        script = "from obs2seq.domain.fingerprint import fingerprint as f\n"
        script += "print(f({'b': [True, None, float('nan')], 'a': 1}, 'ü'))"
        source = str(Path(__file__).parents[1] / "src")

        for seed in ("1", "2"):
            environment = {"PYTHONPATH": source, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"}
            printed = subprocess.check_output([sys.executable, "-c", script], env=environment, text=True)
            assert printed.strip() == expected

    def test_the_order_of_keys_does_not_count(self) -> None:
        assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})

    @pytest.mark.parametrize("other", [(1,), (1.0, 2), (True, 2), ("1", 2), (2, 1), ([1, 2],), (1, 2, None)])
    def test_other_parts_have_another_fingerprint(self, other: tuple[object, ...]) -> None:
        assert fingerprint(*other) != fingerprint(1, 2)

    def test_no_fingerprint_reads_as_a_number(self) -> None:
        made = [fingerprint(number) for number in range(200)]

        assert all(re.fullmatch("[a-f][0-9a-f]{15}", name) for name in made)
        assert len(set(made)) == 200

    def test_what_is_no_json_is_refused(self) -> None:
        with pytest.raises(TypeError):
            fingerprint({1, 2})

    def test_files_in_any_order_have_one_digest(self) -> None:
        files = [StoredFile("a", 1, "t1"), StoredFile("b", 2, "t2")]

        assert files_digest(files) == files_digest(files[::-1])

    @pytest.mark.parametrize("changed", [StoredFile("c", 1, "t1"), StoredFile("a", 2, "t1"), StoredFile("a", 1, "t2")])
    def test_a_changed_file_changes_the_digest(self, changed: StoredFile) -> None:
        file = StoredFile("a", 1, "t1")

        assert files_digest([changed]) != files_digest([file])
        assert files_digest([file, changed]) != files_digest([file])

    @pytest.mark.parametrize(
        ("path", "expected"),
        [("a.parquet", False), ("a_b/c.d", False), ("_SUCCESS", True), ("a/.part.crc", True), ("_temporary/0/a", True)],
    )
    def test_hidden_files(self, path: str, expected: bool) -> None:
        assert is_hidden(path) is expected


class TestRuns:
    @pytest.mark.parametrize(
        ("finished", "force", "chosen"),
        [
            ([], False, RUN),
            ([], True, RUN),
            ([RUN], False, RUN),
            ([RUN], True, f"{RUN}-2"),
            ([RUN, f"{RUN}-2", f"{RUN}-10"], False, f"{RUN}-10"),
            ([RUN, f"{RUN}-2", f"{RUN}-10"], True, f"{RUN}-11"),
            ([f"{RUN}-2"], False, f"{RUN}-2"),
            (["fedcba9876543210-7"], False, RUN),
        ],
    )
    def test_choose_run(self, finished: list[str], force: bool, chosen: str) -> None:
        assert choose_run(RUN, finished, force=force) == chosen

    def test_runs_among_paths(self) -> None:
        paths = [
            "_CURRENT.json",
            "notes/part",
            "run_id=mine/part",
            f"run_id={RUN}",
            f"run_id={RUN}/part",
            f"run_id={RUN}-2/_MANIFEST.json",
            f"run_id={RUN}-2/part",
            f"run_id={RUN}-3/deep/_MANIFEST.json",
            f"deep/run_id={RUN}-4/part",
        ]

        assert runs_among(paths) == {RUN: False, f"{RUN}-2": True, f"{RUN}-3": False}
