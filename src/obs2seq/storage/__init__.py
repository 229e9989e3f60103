"""Adapters for the small files beside the data: local, on S3, and both behind one door."""
