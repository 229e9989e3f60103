"""Where the work runs: the local, the S3 and the Athena warehouse, and the Spark sessions they use."""
