"""Observations in, sequences out."""
