"""The program `obs2seq` as a shell starts it: Ctrl-C is answered alike before it knows its commands."""

import sys

from obs2seq.errors import INTERRUPTED


def main() -> int:
    """Run one command; return its exit code."""
    try:
        from obs2seq.cli import main as run

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted, nothing more was published\n")
        return INTERRUPTED
