"""Stands for Glue's library with Glue below it, as far as the job uses them; remembers what it was told."""

calls: list[tuple[str, ...]] = []
