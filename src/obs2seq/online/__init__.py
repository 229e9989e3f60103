"""The sequence contract for one pupil at serving time: plain Python, one observation after another."""

from obs2seq.online.sequencer import Sequencer

__all__ = ["Sequencer"]
