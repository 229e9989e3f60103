"""Ctrl-C and SIGTERM, from the program's first moment on: one message, and nothing half-made stays."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
INTERRUPTED = 130


def python(*words: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=100)


STARTING = """
import sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == "pydantic":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from obs2seq.entry import main
sys.exit(main())
"""


def test_ctrl_c_while_the_program_starts_is_one_message() -> None:
    ended = python("-c", STARTING, "run")

    assert (ended.returncode, ended.stdout) == (INTERRUPTED, "")
    assert ended.stderr == "error: interrupted, nothing more was published\n"
