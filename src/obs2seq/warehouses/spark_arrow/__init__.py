"""The arrow execution on Spark: Spark reads and shuffles, the embedded engine's kernel makes each task's own files."""
