"""What the process that grading workers are forked from imports before it does: the engine, and torch with it."""

from __future__ import annotations

import gc

gc.disable()  # imports make no garbage to speak of, and looking for it is an eighth of their time
from . import grader  # noqa: E402, F401

gc.freeze()
gc.enable()
gc.set_threshold(50_000, 20, 20)  # nor does a worker make much: its records are plain values
