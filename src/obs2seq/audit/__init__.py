"""Looks for answers that leak from one subset into another, or from the future into a feature."""
