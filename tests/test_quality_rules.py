"""Quality rules of the settings: what is refused, and when a row keeps a rule, as Spark SQL."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from obs2seq.bootstrap import check, job
from obs2seq.domain.acceptance import require_acceptable
from obs2seq.domain.job import Job
from obs2seq.domain.ledger import Ledger
from obs2seq.domain.predicates import kept_where
from obs2seq.domain.quality import Rule
from obs2seq.domain.reading import reads
from obs2seq.domain.spec import SequenceSpec
from obs2seq.errors import ConfigurationError, DataError, DataNotFoundError, Obs2SeqError, StorageError
from obs2seq.launch.arguments import job_options
from obs2seq.settings import Settings, load_settings
from tests.small_jobs import answers, put_answers, settings_for

RANGE: dict[str, Any] = {"name": "fast", "kind": "range", "column": "duration_s", "most": 60, "severity": "warn"}
SPEC = SequenceSpec.model_validate(
    {"order_by": ["at"], "sequence_length": 5, "features": [{"name": "x", "column": "x", "pad": 0}]}
)
TYPES = {"x": "int", "ratio": "float", "cost": "decimal(9,2)", "word": "string", "Day": "date", "at": "timestamp",
         "local": "timestamp_ntz", "right": "boolean", "list": "array<int>", "od`d": "bigint"}  # fmt: skip


def ruled(*rules: Mapping[str, Any], **settings: Any) -> Settings:
    return Settings(rules=list(rules), **settings)


def rule(kind: str, severity: str = "warn", **fields: Any) -> Any:
    return TypeAdapter(Rule).validate_python({"name": "r", "kind": kind, "severity": severity, **fields})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"severity": "ignore"}, "rules.0.severity: expected 'quarantine', 'warn' or 'fail', found 'ignore'."),
        (
            {"kind": "rnage"},
            (
                "rules.0.kind: expected one of 'required', 'not_null', 'type', 'range', 'allowed', "
                "'known', 'not_after', 'predicate', 'unique', 'max_per_pupil', found 'rnage'."
            ),
        ),
        (
            {"kind": None},
            (
                "rules.0.kind: expected one of 'required', 'not_null', 'type', 'range', 'allowed', "
                "'known', 'not_after', 'predicate', 'unique', 'max_per_pupil', found 'None'."
            ),
        ),
        ({"leest": 1}, "rules.0: unknown field 'leest' (did you mean 'least')."),
        ({"column": ""}, "rules.0.column: expected a text that is not empty, found ''."),
        ({"most": True}, "rules.0.most: expected a number or a text, found True."),
        ({"least": 61}, "rules.0: expected least to be no more than most, found 61 and 60."),
        ({"least": "a"}, "rules.0: expected least and most to be of one kind, found a number and a text."),
        ({"most": None}, "rules.0: expected least, most or both, found neither."),
        ({"name": "filter"}, "rules: expected names that no built-in rule has, found 'filter'."),
        ({"name": "two words"}, "rules.0.name: expected a text like ^[A-Za-z][A-Za-z0-9_-]{0,62}$, found 'two words'."),
    ],
)
def test_a_wrong_rule_is_refused_by_its_place(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ruled({key: value for key, value in (RANGE | change).items() if value is not None or key in ("kind",)})

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"kind": "type", "column": "x", "type": "text"},
            (
                "rules.0.type: expected 'boolean', 'tinyint', 'smallint', "
                "'int', 'bigint', 'float', 'double', 'date', 'timestamp' or 'string', found 'text'."
            ),
        ),
        ({"kind": "allowed", "column": "x", "values": []}, "rules.0.values: expected at least one, found []."),
        (
            {"kind": "allowed", "column": "x", "values": [[1]]},
            "rules.0.values.0: expected true, false, a number or a text, found [1].",
        ),
        ({"kind": "known", "column": "x"}, "rules.0: expected values or a file, found neither."),
        (
            {"kind": "known", "column": "x", "values": [1], "file": "x.csv"},
            "rules.0: expected values or a file, found both.",
        ),
        ({"kind": "not_after", "column": "at"}, "rules.0: expected an instant or a clock, found neither."),
        (
            {"kind": "not_after", "column": "at", "instant": "2026-01-01"},
            (
                "rules.0.instant: expected an ISO timestamp "
                "with an offset, such as 2026-07-31T00:00:00Z, found '2026-01-01'."
            ),
        ),
        (
            {"kind": "not_after", "column": "at", "instant": "soon"},
            ("rules.0.instant: expected an ISO timestamp with an offset, such as 2026-07-31T00:00:00Z, found 'soon'."),
        ),
        ({"kind": "max_per_pupil", "most": 0}, "rules.0.most: expected 1 or more, found 0."),
        ({"kind": "unique", "columns": []}, "rules.0.columns: expected at least one, found []."),
        ({"kind": "predicate", "predicate": ""}, "rules.0.predicate: expected a text that is not empty, found ''."),
    ],
)
def test_each_kind_says_what_it_needs(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ruled({"name": "r", "severity": "warn"} | fields)

    assert str(refused.value) == message


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^rules: expected names that differ, found 'fast' 2 times\.$"):
        ruled(RANGE, RANGE | {"name": "Fast"})


def test_rules_are_told_as_yaml_on_the_command_line_and_in_the_environment() -> None:
    text = "[{name: slow, kind: range, column: duration_s, least: 0, severity: quarantine}]"

    by_option = load_settings({"rules": text}, {"OBS2SEQ_MAX_QUARANTINED_SHARE": "0.5"}, None, required=())
    by_environment = load_settings({}, {"OBS2SEQ_RULES": text}, None, required=())

    assert by_option.rules == by_environment.rules == ruled(
        {"name": "slow", "kind": "range", "column": "duration_s", "least": 0, "severity": "quarantine"}
    ).rules  # fmt: skip
    assert by_option.max_quarantined_share == 0.5


def test_rules_reach_a_job_on_a_cluster_as_they_are() -> None:
    rules = [
        RANGE,
        {"name": "told", "kind": "known", "column": "word", "values": ["a'b", "\\", "é"], "severity": "fail"},
        {"name": "then", "kind": "not_after", "column": "at", "instant": "2026-01-05T00:00:00Z", "severity": "warn"},
    ]
    told = ruled(*rules, max_quarantined_share=0.5)

    assert load_settings(job_options(told), {}, None, required=()) == told


def test_a_share_above_1_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^max_quarantined_share: expected 1 or less, found 1\.5\.$"):
        ruled(max_quarantined_share=1.5)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (rule("required", column="X"), "TRUE"),
        (rule("required", column="y"), "FALSE"),
        (rule("not_null", column="od`d"), "`od``d` IS NOT NULL"),
        (rule("type", column="x", type="int"), "TRUE"),
        (rule("type", column="x", type="bigint"), "FALSE"),
        (rule("type", column="word", type="date"), "`word` IS NULL OR TRY_CAST(`word` AS DATE) IS NOT NULL"),
        (rule("range", column="x", least=-1, most=2.5), "`x` >= -1 AND `x` <= 2.5e0"),
        (rule("range", column="ratio", least=1e-7), "CAST(`ratio` AS DOUBLE) >= 1e-07"),
        (rule("range", column="cost", most=3), "`cost` <= 3"),
        (rule("range", column="word", least="a", most="b'\\"), "`word` >= 'a' AND `word` <= 'b\\'\\\\'"),
        (rule("range", column="Day", least="2026-01-05"), "`Day` >= CAST('2026-01-05' AS DATE)"),
        (rule("allowed", column="right", values=[True]), "`right` IN (TRUE)"),
        (rule("known", column="x", values=[1, 2]), "`x` IN (1, 2)"),
        (rule("known", column="x", file="known.csv"), "`x` IN (7)"),
        (
            rule("not_after", column="at", instant="2026-01-05T02:00:00.5+02:00"),
            "`at` <= CAST('2026-01-05 00:00:00.500000Z' AS TIMESTAMP)",
        ),
        (rule("not_after", column="Day", instant="0099-01-05T23:00:00Z"), "`Day` <= CAST('0099-01-05' AS DATE)"),
        (rule("not_after", column="at", clock="AT"), "`at` <= `AT`"),
        (rule("predicate", predicate="x > 1"), "x > 1"),
    ],
)
def test_a_rule_is_a_condition_of_spark_sql(found: Any, text: str) -> None:
    kept = kept_where(found, TYPES, {"r": (7,)})

    assert kept.text == text
    assert kept.if_null is (found.kind != "predicate")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (rule("not_null", column="y"), "rules.r: expected column 'y', found ['Day', 'at', "),
        (rule("range", column="wrd", least="a"), "Hint: did you mean 'word'."),
        (rule("range", column="x", least="a"), "rules.r: expected a number for column 'x' of type int, found 'a'."),
        (rule("range", column="word", least=1), "rules.r: expected a text for column 'word' of type string, found 1."),
        (
            rule("allowed", column="x", values=[True]),
            "rules.r: expected a number for column 'x' of type int, found True.",
        ),
        (
            rule("range", column="at", least="soon"),
            ("rules.r: expected a date or a time as ISO text for column 'at' of type timestamp, found 'soon'."),
        ),
        (
            rule("allowed", column="list", values=[1]),
            (
                "rules.r: expected column 'list' to be a number, a boolean, a text, "
                "a date or a timestamp, found array<int>."
            ),
        ),
        (
            rule("not_after", column="x", instant="2026-01-05T00:00:00Z"),
            ("rules.r: expected column 'x' to be a date or a timestamp, found int."),
        ),
        (
            rule("not_after", column="at", clock="local"),
            ("rules.r: expected 'at' and 'local' to be times of one type, found timestamp and timestamp_ntz."),
        ),
        (
            rule("required", "fail", column="y"),
            "rules.r: expected a column 'y', found none. Hint: map it under columns",
        ),
        (rule("type", "fail", column="x", type="date"), "rules.r: expected column 'x' to be of type date, found int."),
    ],
)
def test_a_rule_that_does_not_fit_the_columns_is_refused(found: Any, message: str) -> None:
    with pytest.raises(Obs2SeqError) as refused:
        kept_where(found, TYPES, {})

    assert message in str(refused.value)


def test_a_unique_key_without_the_pupil_is_refused() -> None:
    unique = {"name": "once", "kind": "unique", "columns": ["exercise_id"], "severity": "warn"}

    with pytest.raises(
        ConfigurationError, match=r"^rules\.once: expected the pupil column 'pupilid' among the columns"
    ):
        job(ruled(unique))


def test_rows_are_quarantined_beside_parquet_alone() -> None:
    with pytest.raises(ConfigurationError, match=r"^rules\.fast: expected parquet output.*found delta"):
        job(ruled(RANGE | {"severity": "quarantine"}, output_format="delta"))


def test_athena_refuses_rules_by_name() -> None:
    from obs2seq.bootstrap import warehouse

    with pytest.raises(ConfigurationError, match=r"^rules: expected none where Athena computes.*found fast\."):
        warehouse(ruled(RANGE, mode="athena"))


def test_rules_are_part_of_what_shapes_a_run_and_their_absence_is_not() -> None:
    without, one = job(ruled()), job(ruled(RANGE))

    assert "rules" not in without.shape()
    assert one.shape()["rules"] == [RANGE]
    assert one.shape() != job(ruled(RANGE, max_quarantined_share=0.1)).shape()


def test_what_rules_look_at_is_read() -> None:
    rules = ruled(
        RANGE | {"column": "Seen"},
        {"name": "a", "kind": "not_after", "column": "at", "clock": "clock", "severity": "warn"},
        {"name": "b", "kind": "unique", "columns": ["pupilid", "key"], "severity": "warn"},
        {"name": "c", "kind": "predicate", "predicate": "length(told) > 1", "severity": "warn"},
    ).rules
    columns = ("seen", "clock", "key", "told", "other")

    assert [name for name in columns if reads(Job(SPEC, rules=rules, subset_method="hash"), name)] == list(columns[:-1])


class TestReferences:
    def settings(self, file: Path | str, **fields: Any) -> Settings:
        return ruled({"name": "r", "kind": "known", "column": "x", "file": str(file), "severity": "warn"} | fields)

    def test_a_csv_file_is_read_once_on_the_driver(self, tmp_path: Path) -> None:
        (tmp_path / "known.csv").write_text("x,word\n3,c\n1,a\n3,b\n,d\n")

        assert job(self.settings(tmp_path / "known.csv")).references == {"r": (1, 3)}
        assert job(self.settings(tmp_path / "known.csv", file_column="word")).references == {"r": ("a", "b", "c", "d")}

    def test_another_file_is_another_run(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"x": [1]}), tmp_path / "known.parquet")
        before = job(self.settings(tmp_path / "known.parquet")).shape()
        pq.write_table(pa.table({"x": [2]}), tmp_path / "known.parquet")

        assert job(self.settings(tmp_path / "known.parquet")).shape() != before

    def test_a_file_that_cannot_be_read_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "known.parquet").write_text("no parquet")
        (tmp_path / "empty.csv").write_text("x\n")
        (tmp_path / "other.csv").write_text("y\n1\n")

        with pytest.raises(StorageError, match=r"^rules\.r: expected a CSV or a Parquet file at .*known\.parquet"):
            job(self.settings(tmp_path / "known.parquet"))
        with pytest.raises(StorageError, match=r"none that can be read"):
            job(self.settings(tmp_path / "missing.csv"))
        with pytest.raises(ConfigurationError, match=r"expected 1 to 100,000 values in .*empty\.csv, found 0"):
            job(self.settings(tmp_path / "empty.csv"))
        with pytest.raises(ConfigurationError, match=r"expected column 'x' in .*other\.csv, found \['y'\]"):
            job(self.settings(tmp_path / "other.csv"))


class TestAcceptance:
    RULES = ruled(
        RANGE,
        RANGE | {"name": "broken", "severity": "fail"},
        RANGE | {"name": "worse", "severity": "fail"},
        RANGE | {"name": "aside", "severity": "quarantine"},
    ).rules

    def require(self, left_out: dict[str, int], noted: dict[str, int], share: float | None = None) -> None:
        ledger = Ledger(100, 100 - sum(left_out.values()), left_out, noted)
        require_acceptable(ledger, Job(SPEC, rules=self.RULES, max_quarantined_share=share), "train", "in")

    def test_all_rules_that_fail_are_told_at_once(self) -> None:
        with pytest.raises(DataError) as stopped:
            self.require({"null_pupil": 1}, {"fast": 9, "broken": 2, "worse": 3})

        assert str(stopped.value) == (
            "in: expected rows that can be used, found 1 of 100 rows: the pupil is null; "
            "2 of 100 rows: the rule 'broken' is broken; 3 of 100 rows: the rule 'worse' is broken. "
            "Hint: set null_pupil: leave_out to leave such rows out and count them; "
            "mend the data, or give the rule the severity quarantine or warn."
        )

    def test_rules_that_put_all_rows_aside_are_blamed_and_no_other_setting(self) -> None:
        with pytest.raises(DataNotFoundError) as stopped:
            self.require({"other_subset": 80, "aside": 20}, {})

        assert str(stopped.value) == (
            "in: expected rows that keep the rules, found that these put aside all 20 (20 by 'aside'). "
            "Hint: mend the data or the rules, or give a rule the severity warn."
        )
        with pytest.raises(DataNotFoundError, match="correct subsets"):
            self.require({"other_subset": 80, "aside": 19, "min_length": 1}, {})

    def test_the_share_is_of_the_rows_that_rules_are_tried_on(self) -> None:
        self.require({"other_subset": 80, "aside": 4}, {"fast": 16}, share=0.2)

        with pytest.raises(DataError, match=r"share of at most 0\.2 of the rows .* found 5 of 20 \(5 by 'aside'\)"):
            self.require({"other_subset": 80, "aside": 5}, {}, share=0.2)
        with pytest.raises(DataError, match=r"at most 0 of"):
            self.require({"aside": 1}, {}, share=0.0)


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        ("correct >", "rules.p: expected a column or a Spark SQL expression over the input, found: "),
        ("correct = 1) OR (TRUE", "rules.p: expected a column or a Spark SQL expression over the input, found: "),
        (
            "corect = 1",
            "rules.p: expected a column or a Spark SQL expression over the input, found: no column 'corect'",
        ),
        ("correct + 1", "rules.p: expected a condition, found an expression of type int."),
        ("rand() < 0.5", "rules.p: expected an expression that Arrow computes as Spark does, found rand()."),
        ("sum(correct) > 1", "rules.p: expected an expression that Arrow computes as Spark does, found sum()."),
    ],
)
def test_a_predicate_that_cannot_be_tried_is_refused(tmp_path: Path, predicate: str, message: str) -> None:
    put_answers(f"{tmp_path}/in/part-0.parquet", answers(1, [1]))
    rules = [{"name": "p", "kind": "predicate", "predicate": predicate, "severity": "warn"}]

    with pytest.raises(ConfigurationError) as refused:
        check(settings_for(f"{tmp_path}/in", f"{tmp_path}/out", engine="arrow", rules=rules))

    assert message in str(refused.value)


def test_an_input_with_the_name_that_quarantined_rows_need_is_refused(tmp_path: Path) -> None:
    put_answers(f"{tmp_path}/in/part-0.parquet", answers(1, [1]))
    settings = settings_for(
        f"{tmp_path}/in", f"{tmp_path}/out", engine="arrow", columns={"Broken_Rules": "skill"},
        rules=[RANGE | {"severity": "quarantine"}],
    )  # fmt: skip

    with pytest.raises(ConfigurationError, match=r"^rules: expected no column 'broken_rules' in the input"):
        check(settings)
