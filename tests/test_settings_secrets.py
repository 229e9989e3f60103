from pathlib import Path

import pytest

from obs2seq.errors import ConfigurationError
from obs2seq.settings import load_settings, masked

# Put together here so that nothing in this file looks like a key.
ACCESS_KEY = "AKIA" + "ABCDEFGHIJ234567"
SECRET = "swordfish"


def load(**options: object) -> object:
    return load_settings(options, {}, None, required=())


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"spark": {"spark.hadoop.fs.s3a.secret.key": SECRET}}, "spark.hadoop.fs.s3a.secret.key"),
        ({"spark": {"spark.hadoop.fs.s3a.access.key": SECRET}}, "spark.hadoop.fs.s3a.access.key"),
        ({"spark": {"spark.hadoop.fs.s3a.session.token": SECRET}}, "spark.hadoop.fs.s3a.session.token"),
        ({"spark": {"spark.ssl.keyPassword": 12345}}, "spark.ssl.keyPassword"),
        ({"spark": {"spark.my.Credentials": SECRET}}, "spark.my.Credentials"),
        ({"spark": f"spark.hadoop.fs.s3a.secret.key={SECRET}"}, "spark.hadoop.fs.s3a.secret.key"),
        ({"spark": {"spark.driver.extraJavaOptions": f"-Da=b -DtrustStorePassword={SECRET}"}}, "extraJavaOptions"),
        ({"spark": {"spark.x": f"${{env.A:-{SECRET}}}", "spark.secret": f"${{env.A:-{SECRET}}}"}}, "spark.secret"),
        ({"split_salt": ACCESS_KEY}, "split_salt"),
        ({"s3_data_location": f"s3://{ACCESS_KEY}:{SECRET}/x@bucket/data"}, "s3_data_location"),
        ({"columns": {"a": f"read('https://me:{SECRET}@host/')"}}, "a"),
        ({"features": [{"name": ACCESS_KEY, "column": "a", "pad": 0}]}, "name"),
    ],
)
def test_secret_is_refused_by_name_and_never_shown(options, named):
    with pytest.raises(ConfigurationError) as refused:
        load(**options)

    message = str(refused.value)
    assert named in message
    assert "AWS" in message
    assert "credential chain" in message
    assert SECRET not in message
    assert ACCESS_KEY not in message
    assert "12345" not in message


def test_secret_is_refused_before_its_key_is_found_unknown(tmp_path: Path):
    path = tmp_path / "here.yaml"
    path.write_text(f"aws_secret_access_key: {SECRET}\n")

    with pytest.raises(ConfigurationError) as refused:
        load_settings({}, {}, path)

    assert refused.value.where == f"{path}: aws_secret_access_key"
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "text", [f"{{spark.password: {SECRET}", f"spark.password={SECRET},x", f"spark.password={SECRET}("]
)
def test_text_that_cannot_be_read_is_not_shown(text):
    with pytest.raises(ConfigurationError) as refused:
        load(spark=text)

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "options",
    [
        {"spark": {"spark.hadoop.fs.s3a.aws.credentials.provider": "org.example.Provider"}},
        {"spark": {"spark.security.credentials.hive.enabled": False}},
        {"spark": {"spark.hadoop.fs.s3a.secret.key": "${env.SECRET}"}},
        {"spark": {"spark.hadoop.fs.s3a.secret.key": ""}},
        {"columns": {"token": "word", "password_attempts": "n"}},
        {"row_filter": "token = 'the'"},
        {"features": [{"name": "token", "column": "token", "pad": ""}]},
        {"s3_data_location": "s3://bucket/a:b@c"},
    ],
)
def test_what_only_sounds_like_a_secret_is_allowed(options):
    assert load(**options)


def test_masked_hides_secrets_and_nothing_else():
    told = {
        "stride": 3,
        "spark": {"spark.hadoop.fs.s3a.secret.key": SECRET, "spark.a": "b", "spark.ui.enabled": False},
        "password": 12345,
        "token": None,
        "data": f"s3://me:{SECRET}@bucket/a",
        "proxy": f"https://{SECRET}@host:80/a",
        "salt": f"x {ACCESS_KEY} y",
        "java": f"-Da=b;keyPassword={SECRET};x",
        "json": f'{{"secret": "{SECRET} {SECRET}"}}',
    }

    assert masked(told) == {
        "stride": 3,
        "spark": {"spark.hadoop.fs.s3a.secret.key": "***", "spark.a": "b", "spark.ui.enabled": False},
        "password": "***",
        "token": None,
        "data": "s3://***@bucket/a",
        "proxy": "https://***@host:80/a",
        "salt": "x *** y",
        "java": "-Da=b;keyPassword=***",
        "json": '{"secret": ***}',
    }
    assert told["password"] == 12345


def test_masked_hides_values_of_arguments():
    arguments = [
        *("--api-token", SECRET, "--fast", "--password=" + SECRET, "plain"),
        *("--conf", f"spark.hadoop.fs.s3a.secret.key={SECRET}", "--password", "-" + SECRET, "--a=b"),
    ]

    assert masked({"unknown": arguments})["unknown"] == [
        *("--api-token", "***", "--fast", "--password=***", "plain"),
        *("--conf", "spark.hadoop.fs.s3a.secret.key=***", "--password", "***", "--a=b"),
    ]
