"""The dataflow: functions named for what they return, frame in, frame out, lazy, without I/O."""
