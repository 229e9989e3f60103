"""CSV and JSON lines, read as Spark reads them: the same inferred types, the same values, or a refusal."""
