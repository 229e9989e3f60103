"""The program, which is told to end once the first observations lie in a temporary file.

The first argument is the signal, by its name; the others are the program's own.
"""

import os
import signal
import sys
import threading

from obs2seq import entry
from obs2seq.warehouses.arrow import memory
from obs2seq.warehouses.arrow.buckets import Buckets

if __name__ == "__main__":
    told = signal.Signals[sys.argv.pop(1)]
    add, is_first = Buckets.add, threading.Lock()

    def add_and_end(self: Buckets, table: object) -> None:
        add(self, table)
        if is_first.acquire(blocking=False):
            os.kill(os.getpid(), told)

    memory.LEAST_PIECE_ROWS = 8
    Buckets.add = add_and_end  # type: ignore[method-assign]
    sys.exit(entry.main())
