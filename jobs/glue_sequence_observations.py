"""Sequences observations: the script for a Glue job of type glueetl, Glue 5 or 6, with the package's wheel.

Every setting is an option with a value, as in `--sequence_length 100`; Glue adds options of its own. On this machine it
runs with Glue's library or without:

    MODE=local python jobs/glue_sequence_observations.py \
        --s3_data_location build/observations --output_s3_location build/sequences
"""

import sys

from obs2seq.glue import run_glue_job

if __name__ == "__main__":
    # Glue has taken exits for failures, also those of code 0.
    if code := run_glue_job(sys.argv):
        sys.exit(code)
