"""What sequences cost, side by side: `python -m benchmarks --help`."""
