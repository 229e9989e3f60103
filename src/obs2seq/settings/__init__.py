"""What a run is told: one flat set of keys, from files, the environment and the command line."""

from obs2seq.domain.secrets import masked
from obs2seq.settings.arguments import add_settings_arguments, given_settings, parse_args, unknown_options
from obs2seq.settings.model import Settings
from obs2seq.settings.schema import settings_schema, specification_schema
from obs2seq.settings.sources import LOCATIONS, load_settings

__all__ = [
    "LOCATIONS",
    "Settings",
    "add_settings_arguments",
    "given_settings",
    "load_settings",
    "masked",
    "parse_args",
    "settings_schema",
    "specification_schema",
    "unknown_options",
]
