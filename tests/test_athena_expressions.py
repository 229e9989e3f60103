"""Spark SQL expressions as Athena computes them; the values expected are Spark's own, with ANSI on."""

import datetime
import decimal
import math
import re
from typing import Any

import pytest

from obs2seq.errors import ConfigurationError
from obs2seq.sql.column_types import scalar_type
from obs2seq.sql.expressions import translated
from tests.sql_engines import Engine

TYPES = {
    "n": "bigint",
    "i": "integer",
    "x": "double",
    "nan": "double",
    "de": "decimal(10,2)",
    "s": "varchar",
    "flag": "boolean",
    "d": "date",
    "ts": "timestamp(3)",
    "none": "integer",
}
DAY = datetime.date(2026, 3, 9)
MOMENT = datetime.datetime.fromisoformat("2026-03-09 08:05:07.5")
ROW = [7, -7, -2.5, math.nan, decimal.Decimal("2.75"), " it's ", True, DAY, MOMENT, None]
KNOWN = {name: scalar_type(type_) for name, type_ in TYPES.items()}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("CAST(x >= 0.5 AS INT)", 0),
        ("CAST(nan >= 0.5 AS INT)", 1),
        ("nan > 1e300", True),
        ("nan <= 5", False),
        ("nan = nan", True),
        ("nan <> nan", False),
        ("nan > nan", False),
        ("nan <= nan", True),
        ("x < nan", True),
        ("nan BETWEEN 0 AND 1", False),
        ("isnan(nan)", True),
        ("CAST(x AS INT)", -2),
        ("CAST(de AS BIGINT)", 2),
        ("int(de)", 2),
        ("CAST('12' AS INT)", 12),
        ("CAST(flag AS TINYINT)", 1),
        ("CAST(x AS DECIMAL(5,0))", decimal.Decimal("-3")),
        ("CAST(i AS STRING)", "-7"),
        ("CAST(d AS STRING)", "2026-03-09"),
        ("i / 2", -3.5),
        ("n / none", None),
        ("n / i", -1.0),
        ("i div 2", -3),
        ("i % 4", -3),
        ("-i + n * 2 - 1", 20),
        ("trim(s)", "it's"),
        ("length(s)", 6),
        ("upper(substring(s, 2, 2))", "IT"),
        ("concat(s, '-', i)", " it's --7"),
        ("'a' || n", "a7"),
        ("s LIKE '%it%'", True),
        ("s NOT LIKE '%x%'", True),
        (r"s RLIKE '^\\s+\\w'", True),
        ("nvl(none, 5)", 5),
        ("coalesce(none, i)", -7),
        ("none <=> NULL", True),
        ("none IS NULL AND NOT (s IS NULL)", True),
        ("flag IS FALSE", False),
        ("i IN (1, -7)", True),
        ("i NOT IN (1, 2)", True),
        ("CASE WHEN i > 0 THEN 'a' WHEN i < 0 THEN 'b' END", "b"),
        ("CASE i WHEN -7 THEN 1 ELSE 2 END", 1),
        ("if(flag, 1, 2)", 1),
        ("nullif(i, -7)", None),
        ("floor(x)", -3),
        ("ceil(x)", -2),
        ("round(x)", -3.0),
        ("abs(x)", 2.5),
        ("year(ts) * 100 + month(d)", 202603),
        ("hour(ts) * 100 + minute(ts)", 805),
        ("second(ts) + dayofmonth(ts)", 16),
        ("to_date(ts)", DAY),
        ("to_date('2026-03-09')", DAY),
        ("to_timestamp('2026-03-09 08:05:07.5')", MOMENT),
        ("ts > TIMESTAMP '2026-03-09 00:00:00'", True),
        ("d = DATE '2026-03-09'", True),
        ("`i` + 1", -6),
        ('s = " it\'s "', True),
        ("1.5D", 1.5),
    ],
)
def test_expression_has_the_value_that_spark_gives_it(engine: Engine, expression: str, value: Any) -> None:
    table = engine.table(TYPES, [ROW])
    term, _ = translated("columns.y", expression, KNOWN)

    (columns, (row,)) = engine.run(f'SELECT {term.sql} AS "y" FROM {table}')

    assert row["y"] == value
    assert type(row["y"]) is type(value)
    if term.type is not None:
        # DuckDB names the digits of a timestamp, and Trino the length of a text that it knows.
        assert re.sub(r"_MS$|(?<=varchar)\(\d+\)$", "", columns[0][1]) == engine.as_type(term.type.sql)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("rand()", "rand()"),
        ("nosuch(i)", "nosuch()"),
        ("current_timestamp", "current_timestamp()"),
        ("monotonically_increasing_id()", "monotonically_increasing_id()"),
        ("i IN (SELECT 1)", "'i IN (SELECT 1)'"),
        ("(SELECT max(i) FROM t)", "a query of its own"),
        ("sum(i)", "sum()"),
        ("row_number() OVER (ORDER BY i)", "'ROW_NUMBER() OVER (ORDER BY i)'"),
        ("try_cast(s AS INT)", "try_cast()"),
        ("greatest(i, n)", "greatest()"),
        ("*", "'*'"),
        ("i AS j", "'i AS j'"),
        ("i; DROP TABLE answers", "'i; DROP TABLE answers'"),
        ("CAST(x AS STRING)", "a cast of a float to varchar"),
        ("CAST(ts AS BIGINT)", "a cast of a timestamp to bigint"),
        ("CAST(s AS ARRAY<INT>)", "a cast to array<int>"),
        ("concat(s, ts)", "a text made of a timestamp"),
        (r"s LIKE 'a\\_b'", "like with a pattern that is computed, or has a backslash in it"),
        ("substring(s, i)", "substring from a place that is computed, or not above 0"),
        ("i / de", "a division of decimals (cast them to double)"),
        ("x div 2", "div of what is not known to be whole numbers"),
        ("ceil(x, 1)", "ceil()"),
        ("to_timestamp(s, 'dd.MM.yyyy')", "str_to_time()"),
    ],
)
def test_what_is_not_known_to_mean_the_same_is_refused_by_name(expression: str, found: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        translated("columns.y", expression, KNOWN)

    assert str(refused.value) == (
        f"columns.y: expected an expression that Athena can compute as Spark does, found {found}. "
        "Hint: compute it in a view, and name the view as athena_table."
    )


def test_cast_to_a_whole_number_needs_the_type_of_what_is_cast() -> None:
    with pytest.raises(ConfigurationError, match="of what is of no known type \\(name the types of the columns\\)"):
        translated("columns.y", "CAST(score AS INT)", None)


def test_fields_of_records_and_all_names_are_quoted() -> None:
    term, read = translated("columns.y", "`who \"is\"`.`first name` = 'x'", None)

    assert term.sql == """("who ""is""\"."first name" = 'x')"""
    assert read == {'who "is"'}


@pytest.mark.parametrize("text", ["i +", "'i", "", "i j k"])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^columns.y: expected a column or a Spark SQL expression over the"):
        translated("columns.y", text, KNOWN)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("regexp_like(", "found: regexp_like() without all that belongs to it. Line 1, Col: 12."),
        ("n +", "found: an operation without all that belongs to it. Line 1, Col: 3."),
        ("n > 1 AND", "found: an operation without all that belongs to it. Line 1, Col: 9."),
        ("CAST(n", "found: Expected AS after CAST. Line 1, Col: 6."),
    ],
)
def test_what_is_missing_is_said_in_words_of_the_language(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        translated("row_filter", text, KNOWN)

    assert str(refused.value).endswith(said)
