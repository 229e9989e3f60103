"""Realistic made-up observations, of any size, for tests, examples and measurements."""

from obs2seq.generator.dataset import GeneratedData, generate

__all__ = ["GeneratedData", "generate"]
