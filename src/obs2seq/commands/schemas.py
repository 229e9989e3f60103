"""`schema`: what settings and specifications look like, for editors."""

import argparse
import json

from obs2seq.settings import settings_schema, specification_schema


def add_schema(parser: argparse.ArgumentParser) -> None:
    """Print a JSON Schema, for editors."""
    parser.add_argument("of", choices=["settings", "specification"], nargs="?", default="settings", help="of what")
    parser.set_defaults(command=_schema)


def _schema(arguments: argparse.Namespace) -> None:
    schema = settings_schema() if arguments.of == "settings" else specification_schema()
    print(json.dumps(schema, indent=2, ensure_ascii=False))
