"""Sequences observations: the script for spark-submit.

    spark-submit jobs/sequence_observations.py \
        --s3_data_location s3://bucket/observations --sequence_length 100 --output_s3_location s3://bucket/sequences

Every setting is an option (`--help` lists them); `--config conf/emr.yaml` names a file of settings. `MODE=local` in the
environment runs it on this machine.
"""

import sys

from obs2seq.cli import run_job

if __name__ == "__main__":
    sys.exit(run_job(sys.argv[1:]))
