"""SIGTERM, by which schedulers end a program: as Ctrl-C, so that what was begun is taken back."""

import signal


class Terminated(KeyboardInterrupt):
    """The process was told to end."""


def heed_termination() -> None:
    """Let SIGTERM raise `Terminated` in the main thread, once: what takes things back is not disturbed by another."""
    signal.signal(signal.SIGTERM, _terminated)


def _terminated(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated
