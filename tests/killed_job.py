"""A job that is killed at the last moment: all subsets are made, and none is published yet.

The one argument is the settings as JSON.
"""

import json
import os
import signal
import sys

from obs2seq.bootstrap import warehouse
from obs2seq.domain.runs import CURRENT
from obs2seq.orchestrator import DataSequencingOrchestrator
from obs2seq.ports import VersionedText
from obs2seq.settings import Settings
from obs2seq.storage.routing import RoutedStorage


class KillingStorage(RoutedStorage):
    """Kills its process where it would let readers find a run."""

    def replace_text(self, location: str, text: str, expected: VersionedText | None) -> None:
        if location.endswith(CURRENT):
            os.kill(os.getpid(), signal.SIGKILL)
        super().replace_text(location, text, expected)


if __name__ == "__main__":
    settings = Settings(**json.loads(sys.argv[1]))
    DataSequencingOrchestrator(warehouse(settings, KillingStorage())).orchestrate(settings)
