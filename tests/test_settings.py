import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from obs2seq.domain.spec import SequenceSpec
from obs2seq.errors import ConfigurationError
from obs2seq.settings import Settings, load_settings, settings_schema, specification_schema

CONF = Path(__file__).parent.parent / "conf"
ACCOUNT = "111122223333"
KEY_ID = "12345678-1234-1234-1234-123456789012"
KEY_ARN = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/{KEY_ID}"
ALIAS_ARN = f"arn:aws-cn:kms:cn-north-1:{ACCOUNT}:alias/pupils"
PLACES = {"s3_data_location": "in", "output_s3_location": "out"}


def load(options=None, environ=None, config=None, defaults=None) -> Settings:
    return load_settings({**PLACES, **(options or {})}, environ or {}, config, defaults or {})


def refusal(*args, **kwargs) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as refused:
        load(*args, **kwargs)
    return refused.value


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write(tmp_path / "base.yaml", "sequence_length: 20\nstride: 5\nmin_length: 2\nkeep_runs: 7\n")
    return write(tmp_path / "here.yaml", "# ours\nstride: 6\nkeep_runs: 8\nsubsets: {all: 1}\n")


def test_each_source_stands_above_the_next(config):
    options = {"mode": "local"}
    environ = {"OBS2SEQ_MODE": "emr", "OBS2SEQ_KEEP_RUNS": "9", "HOME": "/nowhere"}

    settings = load(options, environ, config, {"keep_runs": 3, "duplicates": "drop"})

    assert settings.mode == "local"
    assert settings.keep_runs == 9
    assert settings.stride == 6
    assert settings.min_length == 2
    assert settings.duplicates == "drop"
    assert settings.align == "start"
    assert settings.subsets == {"all": 1.0}


def test_null_of_a_higher_source_takes_a_value_back(config):
    assert load(config=config).stride == 6
    assert load({"stride": "none"}, config=config).stride == 20
    assert load(environ={"OBS2SEQ_STRIDE": ""}, config=config).stride == 20
    assert load({"stride": None}, config=config).stride == 20


def test_shared_file_named_itself_is_read_alone(config):
    assert load(config=config.parent / "base.yaml").keep_runs == 7


def test_file_without_settings_changes_nothing(tmp_path):
    assert load(config=write(tmp_path / "empty.yaml", "# nothing\n")) == Settings(**PLACES)


@pytest.mark.parametrize(
    ("environ", "mode"),
    [
        ({}, "emr"),
        ({"MODE": "local"}, "local"),
        ({"MODE": ""}, "emr"),
        ({"MODE": "local", "OBS2SEQ_MODE": "emr"}, "emr"),
    ],
)
def test_mode_comes_from_either_variable(environ, mode):
    assert load(environ=environ).mode == mode


def test_mode_of_the_entrypoint_gives_way_to_every_source(tmp_path):
    emr = write(tmp_path / "emr.yaml", "mode: emr")

    assert load(defaults={"mode": "local"}).mode == "local"
    assert load(defaults={"mode": "local"}, config=emr).mode == "emr"


REFUSED = [
    ({"options": {"stride": "200"}}, "option --stride: expected 1 to 100 (sequence_length), found 200."),
    ({"options": {"stride": "ten"}}, "option --stride: expected a whole number, found 'ten'."),
    ({"options": {"mode": "prod"}}, "option --mode: expected 'local', 'emr' or 'athena', found 'prod'."),
    ({"environ": {"MODE": "production"}}, "environment MODE: expected 'local', 'emr' or 'athena', found 'production'."),
    ({"environ": {"OBS2SEQ_MODE": ""}}, "environment OBS2SEQ_MODE: expected 'local', 'emr' or 'athena', found ''."),
    ({"environ": {"OBS2SEQ_KEEP_RUNS": "0"}}, "environment OBS2SEQ_KEEP_RUNS: expected 1 or more, found 0."),
    (
        {"environ": {"OBS2SEQ_STRIDEE": "1"}},
        "environment: expected names of settings, found 'OBS2SEQ_STRIDEE'. Hint: did you mean 'OBS2SEQ_STRIDE'.",
    ),
    ({"options": {"strde": 1}}, "options: expected names of settings, found 'strde'. Hint: did you mean 'stride'."),
    ({"defaults": {"mode": "x"}}, "default: mode: expected 'local', 'emr' or 'athena', found 'x'."),
    ({"options": {"force": "1"}}, "option --force: expected true or false, found 1."),
    ({"options": {"csv_quote": "''"}}, "option --csv_quote: expected a text of at most 1 characters, found"),
    (
        {"options": {"features": "[{name: a}]"}},
        "settings: option --features.0.column: expected a value, found none; opt",
    ),
    ({"options": {"features": "correct"}}, "option --features: expected a list, found 'correct'."),
    ({"options": {"features": "&a [*a]"}}, "option --features: line 1: expected YAML, found unconstructable recursive"),
    ({"options": {"features": "[{"}}, "option --features: line 1: expected YAML, expected the node content"),
    ({"options": {"driver_memory": "2"}}, "option --driver_memory: expected a size with its unit, such as 2g or 512m"),
    ({"options": {"shuffle_partitions": "0"}}, "option --shuffle_partitions: expected 1 or more, found 0."),
    (
        {"options": {"columns": "a=f(b, c)"}},
        "option --columns: expected name=value pairs with a comma between, each name",
    ),
    (
        {"options": {"columns": "a=b,a=c"}},
        "option --columns: expected name=value pairs with a comma between, each name",
    ),
    ({"options": {"columns": "{a: 1}"}}, "option --columns.a: expected a text, found 1."),
    ({"options": {"columns": "{a: x, A: y}"}}, "option --columns: expected names that differ in more than case, found"),
    ({"options": {"spark": "a.b=1"}}, "option --spark: expected names that start with spark., found 'a.b'."),
    (
        {"options": {"spark": "{spark.a: [1]}"}},
        "option --spark.spark.a: expected true, false, a number or a text, found",
    ),
    (
        {"options": {"subsets": "train=0.8,test=0.1"}},
        "option --subsets: expected fractions that add up to 1, found a sum",
    ),
    (
        {"options": {"subsets": "a=0.6,b=0.5"}},
        "option --subsets: expected fractions that add up to 1, found a sum of 1.1.",
    ),
    ({"options": {"subsets": "a=1,b=0"}}, "option --subsets.b: expected a number above 0, found 0."),
    ({"options": {"subsets": "a=1.5"}}, "option --subsets.a: expected 1 or less, found 1.5."),
    ({"options": {"subsets": "a=true"}}, "option --subsets.a: expected a number, found True."),
    ({"options": {"subsets": "{}"}}, "option --subsets: expected at least one, found {}."),
    ({"options": {"subsets": ""}}, "option --subsets: expected at least one, found {}."),
    (
        {"options": {"subsets": "_a=1"}},
        "option --subsets: expected names of letters, digits, - and _ that do not start",
    ),
    ({"options": {"subsets": ".a=1"}}, "option --subsets: expected names of letters"),
    ({"options": {"subsets": "a/b=1"}}, "option --subsets: expected names of letters"),
    (
        {"options": {"subsets": "a=0.5,A=0.5"}},
        "option --subsets: expected names that differ in more than case, found 'a' 2",
    ),
    (
        {"options": {"s3_data_location": "s3a://b/k"}},
        "option --s3_data_location: expected a local path, a file:// URI or",
    ),
    (
        {"options": {"s3_data_location": "s3:///k"}},
        "option --s3_data_location: expected s3://<bucket>/<folder>, found no",
    ),
    ({"options": {"s3_region": "Frankfurt"}}, "option --s3_region: expected a region such as eu-central-1, found 'Fr"),
    ({"options": {"s3_region": "eu-central-1."}}, "option --s3_region: expected a region such as eu-central-1, found"),
    (
        {"options": {"s3_kms_key": "my-key"}},
        "option --s3_kms_key: expected the ARN or the id of a KMS key, or alias/<name>, found 'my-key'.",
    ),
    (
        {"options": {"s3_kms_key": "arn:aws:iam::111122223333:role/job"}},
        "option --s3_kms_key: expected the ARN or the id of a KMS key, or alias/<name>, found 'arn:aws:iam",
    ),
    (
        {"environ": {"OBS2SEQ_S3_EXPECTED_OWNER": "11112222333"}},
        "environment OBS2SEQ_S3_EXPECTED_OWNER: expected the 12 digits of an AWS account, in quotes, found '1",
    ),
    (
        {"defaults": {"s3_expected_owner": 111122223333}},
        "default: s3_expected_owner: expected the 12 digits of an AWS account, in quotes, found 111122223333.",
    ),
    (
        {"options": {"output_s3_location": ""}},
        "settings: expected output_s3_location, found none. Hint: give --output_s3_location, OBS2SEQ_OUTPUT_S3_LOC",
    ),
]


@pytest.mark.parametrize(("sources", "message"), REFUSED, ids=[message[:50] for _, message in REFUSED])
def test_bad_value_is_refused_and_its_source_named(sources, message):
    assert str(refusal(**sources)).startswith(message)


def test_problems_of_several_sources_are_told_together(config):
    error = refusal({"sequence_length": "4"}, {"OBS2SEQ_DUPLICATES": "merge"}, write(config, "output: all"))

    assert error.where == "settings"
    assert "environment OBS2SEQ_DUPLICATES: expected 'keep' or 'drop', found 'merge'" in error.problem
    assert f"{config}: output: expected 'sequences' or 'observations', found 'all'" in error.problem


def test_value_that_fits_no_longer_is_told_with_the_file_that_has_it(config):
    error = refusal({"sequence_length": "5"}, config=config)

    assert str(error) == f"{config}: stride: expected 1 to 5 (sequence_length), found 6."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stride: 1\nstride: 2\n", "line 2: expected YAML, found 'stride' a second time"),
        ("spark:\n  spark.a: 1\n  spark.a: 2\n", "line 3: expected YAML, found 'spark.a' a second time"),
        ("stride: 1\n\tmode: local\n", "line 2: expected YAML, found character"),
        ("a: [1\nb: 2\n", "line 2: expected YAML, "),
        ("columns: &a {b: *a}\n", "line 1: expected YAML, found unconstructable recursive node"),
        ("features: &a [*a]\n", "line 1: expected YAML, found unconstructable recursive node"),
        ("split_salt: 2023-02-30\n", "line 1: expected YAML, found a date or a number that does not exist"),
        ("{[1]: 2}", "line 1: expected YAML, found unhashable key"),
        ("pupil: !!python/name:os.system x\n", "line 1: expected YAML, could not determine a constructor"),
        ("pupil: a\x07b\n", "expected YAML, found a character that is not allowed in it"),
        ("features: " + "[" * 5000, "expected YAML, found values nested too deeply"),
        ("- stride\n", "expected keys with values, found a list"),
        ("stride\n", "expected keys with values, found a str"),
        ("strde: 1\n", "expected names of settings, found 'strde'. Hint: did you mean 'stride'"),
        (
            "sequence-length: 1\n",
            "expected names of settings, found 'sequence-length'. Hint: did you mean 'sequence_len",
        ),
        ("1: x\n", "expected names of settings, found '1'. Hint: known are align, "),
        ("order_by: t\n", "order_by: expected a list, found 't'"),
        ("csv_null_value: null\n", "csv_null_value: expected a text, found None"),
    ],
)
def test_broken_file_is_refused_with_name_and_line(tmp_path, text, message):
    path = write(tmp_path / "here.yaml", text)

    assert str(refusal(config=path)).startswith(f"{path}: {message}")


def test_missing_file_folder_and_other_encodings_are_refused(tmp_path):
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("mode: local\npupil: élève\n".encode("latin-1"))

    assert "expected a YAML file, found none. Hint: check --config" in str(refusal(config=tmp_path / "no.yaml"))
    assert "expected a YAML file that can be read" in str(refusal(config=tmp_path))
    assert str(refusal(config=latin)) == f"{latin}: line 2: expected UTF-8, found a byte that is not."


def test_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / "here.yaml"
    path.write_bytes(b"\xef\xbb\xbfkeep_runs: 4\n")

    assert load(config=path).keep_runs == 4


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("order_by", "a, b", ("a", "b")),
        ("order_by", "[a, 'b,c']", ("a", "b,c")),
        ("sequence_length", "7", 7),
        ("session_gap_seconds", "1800", 1800.0),
        ("session_gap_seconds", "None", None),
        ("max_sequences_per_pupil", "null", None),
        ("subsets", "{train: 1.0}", {"train": 1.0}),
        ("subsets", "train=0.7,test=0.1, dev=0.2", {"train": 0.7, "test": 0.1, "dev": 0.2}),
        ("columns", "skill=skill_id,pupil=0", {"skill": "skill_id", "pupil": "0"}),
        ("columns", "{a: 'coalesce(b, 1)'}", {"a": "coalesce(b, 1)"}),
        ("columns", "", {}),
        ("spark", "spark.a=true,spark.b=3,spark.c=x=y", {"spark.a": True, "spark.b": 3, "spark.c": "x=y"}),
        ("row_filter", "correct >= 0", "correct >= 0"),
        ("row_filter", "none", None),
        ("row_filter", "true", "true"),
        ("csv_null_value", "null", "null"),
        ("csv_null_value", "", ""),
        ("csv_delimiter", "\t", "\t"),
        ("csv_header", "false", False),
        ("force", "yes", True),
        ("split_salt", "2024", "2024"),
        ("compression", "none", "none"),
        ("driver_memory", "2G", "2G"),
        ("output_s3_location", "s3://bucket", "s3://bucket"),
        ("s3_region", "us-gov-west-1", "us-gov-west-1"),
        ("s3_region", "auto", "auto"),
        ("s3_region", "none", None),
        ("s3_kms_key", KEY_ARN, KEY_ARN),
        ("s3_kms_key", ALIAS_ARN, ALIAS_ARN),
        ("s3_kms_key", KEY_ID, KEY_ID),
        ("s3_kms_key", "alias/pupils", "alias/pupils"),
        ("s3_expected_owner", ACCOUNT, ACCOUNT),
        ("s3_expected_owner", "012345670123", "012345670123"),
    ],
)
def test_text_is_read_by_the_type_of_its_setting(key, text, expected):
    from_option = load({key: text, "sequence_length": "9"} if key != "sequence_length" else {key: text})
    from_environment = load_settings({}, {f"OBS2SEQ_{key.upper()}": text}, None, required=())

    assert getattr(from_option, key) == expected
    assert getattr(from_environment, key) == expected


def test_features_are_read_from_yaml_and_json():
    as_yaml = load({"features": "[{name: right, column: correct, pad: 0, shift: 1}]"})
    as_json = load(environ={"OBS2SEQ_FEATURES": '[{"name": "right", "column": "correct", "pad": 0, "shift": 1}]'})

    assert as_yaml == as_json
    assert [(each.output, each.pad, each.shift) for each in as_yaml.features] == [("right_sequence", 0, 1)]


def test_fractions_may_miss_one_by_rounding_alone():
    thirds = Settings(subsets=dict.fromkeys("abc", 0.3333333333)).subsets

    assert sum(thirds.values()) == pytest.approx(1, abs=1e-9)
    assert sum(thirds.values()) < 1
    with pytest.raises(ConfigurationError, match="add up to 1"):
        Settings(subsets={"a": 0.5, "b": 0.49999999})


def test_settings_hold_the_specification():
    settings = Settings(sequence_length=20, session_gap_seconds=1800, mode="local")

    spec = settings.spec

    assert type(spec) is SequenceSpec
    assert (spec.stride, spec.session_gap_seconds, spec.order_by) == (20, 1800.0, ("answered_at", "observation_id"))
    assert [(each.name, each.pad) for each in spec.features] == [
        *(("pupilid", -1), ("exercise_id", -1), ("skill", "<pad>"), ("correct", 0), ("duration_s", 0.0)),
    ]


def test_settings_cannot_be_changed_and_survive_json():
    settings = Settings(columns={"a": "b"}, spark={"spark.a": True, "spark.b": 1, "spark.c": "x"}, stride=3)

    with pytest.raises(ValueError, match="frozen"):
        settings.stride = 1
    assert Settings.model_validate(json.loads(settings.model_dump_json())) == settings
    with pytest.raises(ConfigurationError, match="expected keys with values, found list"):
        Settings.model_validate([])


def test_base_file_has_every_key_with_its_default():
    text = (CONF / "base.yaml").read_text(encoding="utf-8")
    base = yaml.safe_load(text)

    assert sorted(base) == sorted(Settings.model_fields)
    assert Settings.model_validate(base) == Settings()
    for key in base:
        before = text[: text.index(f"\n{key}:")].splitlines()[-1]
        assert before.startswith("# "), f"{key} has no comment"


@pytest.mark.parametrize("name", ["base.yaml", "local.yaml", "emr.yaml", "athena.yaml"])
def test_files_of_the_project_are_valid(name):
    content = yaml.safe_load((CONF / name).read_text(encoding="utf-8"))

    jsonschema.validate(content, settings_schema())
    assert load(config=CONF / name).mode == name.removesuffix(".yaml").replace("base", "emr")


def test_schemas_are_valid_and_describe_every_key():
    for schema, model in ((settings_schema(), Settings), (specification_schema(), SequenceSpec)):
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["title"].startswith("obs2seq ")
        assert schema["additionalProperties"] is False
        assert sorted(schema["properties"]) == sorted(model.model_fields)
        assert all(each["description"].endswith((".", "'")) for each in schema["properties"].values())


@pytest.mark.parametrize(
    ("content", "is_valid"),
    [
        ({}, True),
        ({"stride": None}, True),
        ({"stride": 0}, False),
        ({"strde": 1}, False),
        ({"subsets": {"_train": 1}}, False),
        ({"subsets": {"train": 0}}, False),
        ({"features": [{"name": "a", "column": "a", "pad": 0, "shfit": 1}]}, False),
        ({"spark": {"spark.a": False}}, True),
        ({"spark": {"a": False}}, False),
        ({"driver_memory": "2"}, False),
        ({"s3_region": "eu-central-1", "s3_kms_key": KEY_ID, "s3_expected_owner": ACCOUNT}, True),
        ({"s3_region": "eu central"}, False),
        ({"s3_kms_key": "key"}, False),
        ({"s3_expected_owner": 111122223333}, False),
        ({"s3_expected_owner": "1111222233334"}, False),
    ],
)
def test_schema_of_settings_agrees_with_the_settings(content, is_valid):
    assert jsonschema.Draft202012Validator(settings_schema()).is_valid(content) == is_valid
    if is_valid:
        Settings.model_validate(content)
    else:
        with pytest.raises(ConfigurationError):
            Settings.model_validate(content)


def test_schema_of_specification_asks_for_what_has_no_default():
    assert specification_schema()["required"] == ["order_by", "sequence_length", "features"]
