import argparse

import pytest

from obs2seq.settings import (
    Settings,
    add_settings_arguments,
    given_settings,
    load_settings,
    parse_args,
    unknown_options,
)


def test_arguments_give_what_was_given_alone():
    options, unknown = parse_args(["--stride=3", "--sequence-length", "20", "--order_by", "a,b", "--force"])

    assert given_settings(options) == {"stride": "3", "sequence_length": "20", "order_by": "a,b", "force": True}
    assert options.config is None
    assert unknown == []


def test_arguments_reach_the_settings():
    argv = ["--s3-data-location", "in", "--output_s3_location=out", "--subsets", "train=1", "--csv_header", "false"]
    options, _ = parse_args([*argv, "--force"])

    settings = load_settings(given_settings(options), {}, options.config)

    assert (settings.s3_data_location, settings.output_s3_location) == ("in", "out")
    assert settings.subsets == {"train": 1.0}
    assert settings.force is True
    assert settings.csv_header is False


def test_unknown_arguments_are_passed_over_and_told():
    options, unknown = parse_args(
        ["--strid", "8", "--conf", "a=b", "x", "--sequence-lenght=3", "--zzz", "--stride", "2"]
    )

    assert given_settings(options) == {"stride": "2"}
    assert unknown == ["--strid", "8", "--conf", "a=b", "x", "--sequence-lenght=3", "--zzz"]
    assert unknown_options(unknown) == [
        "--strid (did you mean --stride?)",
        "--conf (did you mean --config?)",
        "--sequence-lenght (did you mean --sequence_length?)",
        "--zzz",
    ]


@pytest.mark.parametrize("key", Settings.model_fields)
def test_every_setting_is_an_option_in_both_spellings(key):
    value = [] if key == "force" else ["x"]

    for spelling in (f"--{key}", f"--{key.replace('_', '-')}"):
        options, unknown = parse_args([spelling, *value])
        assert (list(given_settings(options)), unknown) == ([key], [])


def help_of(**defaults: object) -> str:
    parser = argparse.ArgumentParser(allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add_settings_arguments(parser, defaults)
    return " ".join(parser.format_help().split())


def test_help_tells_meaning_and_true_default_in_groups():
    text = help_of()

    assert "--sequence_length N L, the length of every array, in observations. (default: 100)" in text
    assert "--duplicates keep|drop Whether observations" in text
    assert '(default: {"train": 0.8, "validation": 0.1, "test": 0.1})' in text
    assert "--mode local|emr|athena Where the job runs: this machine, EMR, or Athena, where" in text
    assert "settings mean nothing. (default: emr)" in text
    assert "--sequence-length" not in text
    groups = [f"{each}: --" for each in ("specification", "input", "split", "checks", "output", "spark", "athena")]
    assert [text.index(group) for group in groups] == sorted(text.index(group) for group in groups)
    assert text.isascii()


def test_help_shows_the_default_of_the_entrypoint():
    assert "settings mean nothing. (default: local)" in help_of(mode="local")
