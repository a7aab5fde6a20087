"""What is known of a notebook's cells from the times that they ran: how each is run the next time. Light to import."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

QUICK = 0.5  # seconds that a student's own cell may take when the others have used up their share of the time
SOFT = 0.7  # of a cell's time, after which a statement is interrupted; at its end the process is


@dataclass
class History:
    """What the runs of a notebook's cells have shown; plain data, so that a second pass elsewhere can go on with it."""

    left_out: set[str] = field(default_factory=set)  # cells that stop a process whatever is run of them
    bare: set[str] = field(default_factory=set)  # cells that stop it, and of which the definitions are run alone
    slow: dict[str, tuple[int, ...]] = field(default_factory=dict)  # by cell, lines of statements not to run again
    took: dict[str, float] = field(default_factory=dict)  # seconds of each own cell, the last time
    own_seconds: float = 0.0  # of all own cells, fresh starts included

    def forgetting(self, exercises: Collection[str]) -> History:
        """The same without what is known of some exercises: with the reference before it, such a cell may end well."""
        gone = set(exercises)
        slow = {cell: lines for cell, lines in self.slow.items() if cell not in gone}
        return replace(self, left_out=self.left_out - gone, bare=self.bare - gone, slow=slow, took=dict(self.took))

    def copy(self) -> History:
        """One that can be written to without a change to this one."""
        return self.forgetting(())

    def note_stop(self, cell: str) -> bool:
        """Note that a cell stopped the process; whether its definitions are still worth a try."""
        if cell in self.bare:
            self.left_out.add(cell)
            return False
        self.bare.add(cell)
        return True

    def note_slow(self, cell: str, lines: Collection[int]) -> None:
        """Note in which lines the statements of a cell begin that took too long."""
        if lines:
            self.slow[cell] = tuple(sorted({*lines, *self.slow.get(cell, ())}))

    def request(self, cell: str, source: str, seconds: float) -> Mapping[str, Any]:
        """What asks a workbench to run a cell; seconds: after which it is stopped from outside; none: definitions."""
        request: dict[str, Any] = {"do": "run", "name": cell, "source": source}
        if seconds > 0:
            request["seconds"] = SOFT * seconds
        if cell in self.slow:
            request["skip"] = list(self.slow[cell])
        if cell in self.bare or seconds <= 0:
            request["definitions"] = True
        return request
