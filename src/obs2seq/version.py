"""The package's version, in the one place that the build and a bare zip on the path both read."""

__version__ = "0.1.0"
