"""Brings the job onto what AWS runs: EMR on EC2, EMR Serverless, Glue and Athena."""
