"""Ctrl-C and SIGTERM, from the program's first moment on: one message, and nothing half-made stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small_jobs import answers, put_answers

ROOT = Path(__file__).parents[1]
INTERRUPTED, TERMINATED = 130, 143


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


LOGGING = """
import logging, sys
from obs2seq.cli import guarded

def stopped():
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        logging.getLogger("py4j.java_gateway").exception("KeyboardInterrupt while sending command.")
        raise

sys.exit(guarded(stopped, is_debug=False))
"""


def test_ctrl_c_that_a_library_logs_is_one_message() -> None:
    ended = python("-c", LOGGING)

    assert ended.returncode == INTERRUPTED
    assert ended.stderr == "error: interrupted, nothing more was published\n"


def test_ctrl_c_while_the_program_starts_is_one_message() -> None:
    ended = python("-c", STARTING, "run")

    assert (ended.returncode, ended.stdout) == (INTERRUPTED, "")
    assert ended.stderr == "error: interrupted, nothing more was published\n"


@pytest.mark.parametrize(
    ("name", "code", "said"), [("SIGTERM", TERMINATED, "terminated"), ("SIGINT", INTERRUPTED, "interrupted")]
)
def test_a_run_that_is_told_to_end_takes_back_what_it_has_begun(
    tmp_path: Path, name: str, code: int, said: str
) -> None:
    put_answers(str(tmp_path / "in" / "a.parquet"), *(answers(pupil, [1] * 20) for pupil in range(30)))
    (tmp_path / "temporary").mkdir()
    words = {
        "s3_data_location": tmp_path / "in",
        "output_s3_location": tmp_path / "out",
        "temporary_folder": tmp_path / "temporary",
        "features": "[{name: correct, column: correct, pad: -1}]",
        "engine": "arrow",
        "memory_budget": "32k",
        "sequence_length": 3,
        "subsets": "train=1",
    }

    told = (part for key, value in words.items() for part in (f"--{key}", value))
    ended = python("-m", "tests.stopped_job", name, "run", *told)

    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.splitlines()[-1] == f"error: {said}, nothing more was published"
    assert "Traceback" not in ended.stderr
    assert list((tmp_path / "temporary").iterdir()) == []
    assert list((tmp_path / "out").iterdir()) == []
