"""The one task that all contenders are given."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

LENGTH = 100
THREADS = 2
PUPIL = "pupilid"
ORDER = ("answered_at", "observation_id")
PADS: Mapping[str, int | float | str] = MappingProxyType(
    {"pupilid": -1, "exercise_id": -1, "skill": "<pad>", "correct": -1, "duration_s": 0.0}
)
"""The columns to sequence, five of twelve and one of them text, with what stands where there is no value."""
COLUMNS = tuple(dict.fromkeys([PUPIL, *PADS, *ORDER]))
"""What has to be read."""
COMPRESSION: Final = "snappy"


def job_arguments(data: Path, out: Path, **further: str) -> list[str]:
    """Return the same task as options of `obs2seq run` and of the job for spark-submit."""
    features = [{"name": name, "column": name, "pad": pad} for name, pad in PADS.items()]
    options = {
        "s3_data_location": str(data),
        "output_s3_location": str(out),
        "mode": "local",
        "sequence_length": str(LENGTH),
        "order_by": ",".join(ORDER),
        "features": json.dumps(features),
        "subsets": "train=1",
        "subset_method": "hash",
        "compression": COMPRESSION,
    }
    return [word for name, value in (options | further).items() for word in (f"--{name}", value)]
