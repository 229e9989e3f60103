"""The sequence contract in memory: NumPy index arithmetic on sorted columns, data in Arrow, no engine."""
