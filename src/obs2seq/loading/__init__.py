"""Reads published sequences back, as a training run needs them: NumPy arrays, Arrow tables, batches."""
