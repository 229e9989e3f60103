"""The embedded engine: Arrow reads and writes, the kernel computes, in this process and without Java."""
