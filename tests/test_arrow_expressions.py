"""Spark SQL expressions computed by Arrow: the same values as Spark's, or a refusal that names what is in the way."""

import datetime
import decimal
import math
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from obs2seq.errors import ConfigurationError, DataError
from obs2seq.warehouses.arrow.expressions.expression import Expression
from obs2seq.warehouses.arrow.types import spark_name

NAN, INF = math.nan, math.inf
UTC = datetime.UTC
COLUMNS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "tiny": (pa.int8(), [1, -128, 127, None, 0, 7]),
    "small": (pa.int16(), [5, -300, 300, 0, None, 7]),
    "whole": (pa.int32(), [7, -7, 2_000_000_000, 0, None, 1]),
    "big": (pa.int64(), [3, -3, 9_007_199_254_740_993, 0, None, -(2**62)]),
    "single": (pa.float32(), [1.5, -0.0, NAN, INF, None, 0.1]),
    "score": (pa.float64(), [0.5, -2.5, NAN, -INF, None, -0.0]),
    "price": (pa.decimal128(10, 2), [decimal.Decimal(x) for x in ("1.50", "-0.30", "99.99", "0.00")] + [None, None]),
    "flag": (pa.bool_(), [True, False, None, True, False, None]),
    "word": (pa.string(), ["Straße", "", None, "a_b%c", " pad ", "İΣ\n2"]),
    "digits": (pa.string(), [" 12 ", "+7", "-0", None, "007", "1"]),
    "decimals": (pa.string(), ["1.5", ".5", "5.", "-1e3", " NaN ", "-Infinity"]),
    "mixed": (pa.string(), ["1", "x", "", None, "99999999999", "1.5"]),
    "yes": (pa.string(), ["T", "no", "1", None, " y ", "FALSE"]),
    "day": (pa.date32(), [datetime.date(*x) for x in ((2026, 1, 5), (1969, 12, 31), (2024, 2, 29))] + [None] * 3),
    "at": (
        pa.timestamp("us", "UTC"),
        [
            datetime.datetime(2026, 1, 5, 8, 30, 15, 123456, UTC),
            datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
            None,
            datetime.datetime(1, 1, 1, tzinfo=UTC),
            datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
            datetime.datetime(2026, 3, 29, 2, 30, tzinfo=UTC),
        ],
    ),
    "written": (
        pa.string(),
        ["2026-01-05 08:30:15.1234567", "2026-1-5T8:3:5+02:30", "2026-01-05", None, " 2026-02-28T23:59:59Z ", "2026"],
    ),
    "dates": (pa.string(), ["2026-01-05", "2026-1-5 anything", " 2024-02-29", None, "2026", "2026-02"]),
    "moments": (pa.string(), ["2026-02-30", "2026-01-05 24:00:00", "2026-13-01", "soon", "", "2026-01-05"]),
}
TABLE = pa.table({name: pa.array(values, type_) for name, (type_, values) in COLUMNS.items()})

SAME_AS_SPARK = r"""
whole + 1; whole - small; tiny * 1S; big + whole; -whole; -big; abs(small); whole % 3; whole % -3; -7 % 3; big % 4
whole div 2; big div -2; 7 div 2; -7 div 2; whole / 2; 1 / 3; tiny / small is null; big / 3; score / 2; score * 2
score + whole; score - 0.1; score * 1.5; single + score; score + big; 0.1 + 2e-1; -0.5; - 3; 2147483647; 2147483648
-2147483648; 1.50; 3L; 1.5D; 2S; 1e3; 'it\'s'; "two"; true; null; NULL + 1
whole = 7; whole <> 7; whole > 0; whole >= small; tiny < big; score = score; score > 1; score >= 0.5; score < 1e300
score <= score; score = 0; single = 1.5D; score <> score; price > 1; price = 1.5; price >= 0.30; whole > 6.5
big = 9007199254740993; big > 9007199254740992.0; price = score; whole = '7'
whole <> '3000000000'; score > '0.5'; single < '2'; flag = true
word = 'Straße'; word < 'a'; word >= ''; word in ('', ' pad '); whole in (1, 7, null); whole not in (1, 7)
score in (0.5, 0); whole between 0 and 7; score between -10 and 10; price between 0.1 and 2; day = '2026-01-05'
day > date'2024-01-01'; at > '2026-01-01'; at >= timestamp'2026-01-05 08:30:15.123456'; at < day; at = '1970-01-01'
flag and whole > 0; flag or whole > 0; not flag; !flag; flag and null; flag or null; flag is true; flag is not true
flag is false; flag is null; whole is not null; isnull(whole); isnotnull(whole); whole <=> null; score <=> score
score <=> 0; word <=> null; whole is distinct from 7; whole is not distinct from 7; isnan(score); isnan(single)
case when whole > 0 then 'more' when whole < 0 then 'less' end; case whole when 7 then 1 else 2L end
case when whole = 0 then 0 else 100 div whole end; if(whole <> 0, 1 / whole, null); if(flag, 1, 2.5D); if(flag, 1, 2.5)
if(flag, null, whole); coalesce(whole, 0); coalesce(tiny, big); nvl(score, 0); ifnull(word, 'none'); nullif(whole, 7)
coalesce(small, whole, 5L); nullif(score, 0.5); whole <> 0 and 10 / whole > 1; whole = 0 or 20 / whole > 1
case when flag then whole when not flag then score end; if(price > 1, price, 0)
cast(score >= 0.5 as int); int(flag); cast(flag as bigint); cast(flag as double); cast(whole as boolean)
cast(tiny as int); cast(big as double); cast(big as float); cast(whole as float); cast(small as decimal(7,2))
cast(price as double); cast(price as int); cast(price as string); cast(whole as string); string(flag); string(day)
cast(digits as int); cast(digits as bigint); cast(digits as tinyint); cast(decimals as double); cast(decimals as float)
cast(yes as boolean); cast(word as string); cast(dates as date); to_date(dates); cast(written as timestamp)
to_timestamp(written); cast(written as date); cast(day as timestamp); cast(at as date); to_date(at); cast(at as bigint)
cast(whole as timestamp); cast(small as timestamp); timestamp_seconds(whole); timestamp_millis(small)
timestamp_micros(big)
try_cast(mixed as int); try_cast(mixed as bigint); try_cast(mixed as double); try_cast(yes as boolean)
try_cast(moments as timestamp); try_cast(moments as date); try_cast(mixed as boolean); try_cast(digits as smallint)
cast(score * 0 as boolean) is null; cast(1.9 as int); cast(-1.9D as int)
cast(if(whole > 100, null, whole) + 0.9D as int)
floor(price + 0D); ceil(cast(whole as double) / 2); floor(-0.5D); floor(whole); ceil(tiny)
year(day); month(at); day(at); dayofmonth(day); hour(at); minute(at); second(at); year(at); unix_seconds(at)
unix_millis(at); unix_micros(at); hour(day)
lower(word); upper(word); lcase(word); trim(word); ltrim(word); rtrim(word); length(word); char_length(word)
substring(word, 2, 3); substr(word, 3); concat(word, '-', digits); word || digits; concat(word, whole); concat('a', 'b')
word like 'a%'; word like '%\n%'; word like '_ad'; word like 'a_b'; word not like 'S%'; startswith(word, 'S')
endswith(word, 'c'); contains(word, '_'); word = ' pad '; `whole` + `tiny`; WHOLE + Tiny; bigint(whole); date(dates)
"""

FAILING = [
    "1 / 0",
    "whole / 0",
    "whole div 0",
    "whole % 0",
    "score / 0",
    "cast(mixed as int)",
    "cast(mixed as double)",
    "cast(word as boolean)",
    "cast(moments as timestamp)",
    "cast(moments as date)",
    "cast(big as int)",
    "cast(score as int)",
    "cast(whole as tinyint)",
    "whole + whole",
    "big * big",
    "tiny + tiny",
    "-tiny",
    "abs(tiny)",
    "cast(price * 1D as tinyint) + tiny",
]


def computed(expression: str, table: pa.Table = TABLE) -> pa.Array:
    return Expression("columns.x", expression, table.schema).values(table)


def expressions() -> list[str]:
    return [each.strip() for line in SAME_AS_SPARK.strip().splitlines() for each in line.split("; ")]


def plain(value: Any) -> Any:
    """Values that compare: NaN is itself, and a time is in UTC."""
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)
    return repr(value) if isinstance(value, float) else value


def on_spark(spark: SparkSession) -> Any:
    rows = [dict(row, _row=i) for i, row in enumerate(TABLE.to_pylist())]
    schema = ", ".join(f"{field.name} {spark_name(field.type)}" for field in TABLE.schema)
    return spark.createDataFrame(
        [tuple(row[name] for name in [*TABLE.column_names, "_row"]) for row in rows], f"{schema}, _row int"
    )


@pytest.fixture
def one_by_one(spark: SparkSession) -> Iterator[None]:
    """Spark otherwise computes ahead what several expressions share, also what a condition is there to keep it from."""
    spark.conf.set("spark.sql.subexpressionElimination.enabled", False)
    yield
    spark.conf.unset("spark.sql.subexpressionElimination.enabled")


def test_expressions_give_the_values_and_types_of_spark(spark: SparkSession, one_by_one: None) -> None:
    texts = expressions()
    frame = on_spark(spark).orderBy("_row").select(*(F.expr(text).alias(f"c{i}") for i, text in enumerate(texts)))
    types = [field.dataType.simpleString() for field in frame.schema]
    # Instants as numbers: Python would see them in the zone of this machine.
    shown = [F.unix_micros(f"c{i}") if type_ == "timestamp" else F.col(f"c{i}") for i, type_ in enumerate(types)]
    rows = frame.select(*shown).collect()

    for i, text in enumerate(texts):
        found = computed(text)
        assert spark_name(found.type) == types[i], text
        instants = pa.types.is_timestamp(found.type)
        ours = [plain(value) for value in (found.cast(pa.int64()) if instants else found).to_pylist()]
        assert ours == [plain(row[i]) for row in rows], text


def test_expressions_that_fail_for_a_row_in_spark_fail_here(spark: SparkSession) -> None:
    frame = on_spark(spark)

    for text in FAILING:
        with pytest.raises((PySparkException, Py4JJavaError)):
            frame.select(F.expr(text)).collect()
        with pytest.raises(DataError, match=r"columns\.x: expected every row to have a value, found one"):
            computed(text)


def test_a_doubled_quote_is_refused_as_lanes_of_spark_read_it_differently() -> None:
    with pytest.raises(
        ConfigurationError, match=r"columns\.x: expected no doubled quote, .* Hint: write \\' for a quote"
    ):
        computed("word = 'it''s'")

    assert computed("word = '' or word = 'x'").type == pa.bool_()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("rand()", r"rand\(\)"),
        ("current_date()", r"current_date\(\)"),
        ("sum(whole)", r"sum\(\)"),
        ("row_number() over (order by whole)", "ROW_NUMBER"),
        ("(select 1)", "a query of its own"),
        ("word rlike 'a.*'", "regexp_like"),
        ("price * 2", "arithmetic of decimals"),
        ("price / 3", "a division of decimals"),
        ("whole / 2.5", "a division of decimals"),
        ("0.1 + 0.2", "arithmetic of decimals"),
        ("cast(score as string)", "a cast of double to string"),
        ("cast(at as string)", "a cast of timestamp to string"),
        ("cast(price as string) || score", "a cast of double to string"),
        ("word + 1", "arithmetic of string"),
        ("digits = 7", "a comparison of string and int"),
        ("single + whole", "arithmetic of float and int"),
        ("word like 'a\\\\%'", "like with a pattern"),
        ("round(score, 2)", r"round\(\)"),
        ("date_format(at, 'yyyy')", r"\(\)"),
        ("if(flag, 'one', 1)", "a choice of string and int"),
        ("coalesce(whole, 'x')", "coalesce of int and string"),
        ("price = '1.5'", "a comparison of decimal"),
        ("whole and flag", "int as a condition"),
        ("cast(word as array<int>)", "a cast to array<int>"),
    ],
)
def test_what_is_not_known_to_mean_the_same_is_refused_by_name(text: str, found: str) -> None:
    with pytest.raises(ConfigurationError, match=f"expected an expression that Arrow .*{found}.*Hint: compute"):
        computed(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("whole +", "expected a column or a Spark SQL expression over the input, found: "),
        ("wohle + 1", r"found: no column 'wohle' \(did you mean 'whole'\)"),
        ("a.b", "found a field of a record"),
    ],
)
def test_what_is_no_expression_over_the_columns_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        computed(text)


def test_texts_in_dictionaries_are_texts_to_expressions() -> None:
    coded = pa.table({"word": TABLE.column("word").dictionary_encode()})

    assert computed("upper(word)", coded).to_pylist() == computed("upper(word)").to_pylist()
