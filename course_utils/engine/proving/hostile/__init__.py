"""A bank of hostile notebooks, one module per kind, and of honest ones that stand among them.

    forging     patches of what compares; with it:
      talking     words on the wire
      pretending  values and modules that pretend
    guessing    constants, noise and inputs handed back, which have properties without content
    patching    patches of what gathers evidence: probes, test models, the workbench
    stealing    the reference, hidden tests, other submissions, secrets of the machine; with it:
      following   the reference where it stands beside a student's code
    escaping    limits of time, memory, processes, output, and of Python itself
    damaging    cells, labels, metadata, bytes, and what is no file
    reaching    other submissions, the warm process, what all of them share
    bringing    files beside the notebook, states left behind, words that are told
    honest      right answers that print, warn, log, use magics or stand among failing cells

They are written by someone who has read this very code. `selftest` grades them and says what each got.
"""

from __future__ import annotations

from . import bringing, damaging, escaping, forging, guessing, honest, patching, reaching, stealing
from .attack import KINDS, TELLTALE, Hostile, Notebook
from .honest import HONEST

__all__ = ["BANK", "HONEST", "KINDS", "TELLTALE", "Hostile", "Notebook"]


def _mixed() -> list[Hostile]:
    """All hostile notebooks, an honest one after every few of them."""
    hostile = [
        *forging.ATTACKS, *guessing.GUESSES, *patching.ATTACKS, *stealing.ATTACKS,
        *escaping.ATTACKS, *damaging.ATTACKS, *reaching.ATTACKS, *bringing.ATTACKS,
    ]  # fmt: skip
    mixed, calm = [], list(honest.ANSWERS)
    step = max(1, len(hostile) // len(calm))
    for number, attack in enumerate(hostile):
        mixed.append(attack)
        if number % step == 0 and calm:
            mixed.append(calm.pop(0))
    return mixed + calm


BANK: tuple[Hostile, ...] = tuple(_mixed())
