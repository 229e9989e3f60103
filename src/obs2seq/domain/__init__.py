"""The rules of the sequence contract in plain Python: no engine, no I/O."""
