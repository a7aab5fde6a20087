"""The self-check's handle on names of this very process: exceptions are told in full, and one Stop ends it all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..asking.student import Student, StudentError, within
from ..asking.workbench import Answer, Request, Workbench
from ..judging.raised import Raised, raised_by
from .interrupts import end_if_stopped
from .nearby import meant


class OwnWorkbench(Workbench):
    """A workbench that keeps what the learner's code raised, for whoever holds the workbench itself.

    An answer carries only a number: so the words of an exception go no way that an answer goes.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        """names: the namespace of the learner's notebook, used as it is."""
        super().__init__(names)
        self._raised: list[Raised] = []

    def raised(self, told: Any) -> Raised | None:
        """What an answer's error stands for; None where the learner's code did not raise it."""
        number = told.get("raised") if isinstance(told, dict) else None
        return self._raised[number] if isinstance(number, int) else None

    def perform(self, request: Request) -> Answer:
        """The answer to a request. Raises KeyboardInterrupt after a Stop."""
        return next(self._apart(request))

    def _apart(self, request: Request) -> Iterator[Answer]:
        """The one answer to a request. As a generator, since a generator has exceptions in hand that end with it.

        Where a Stop ends a learner's `except`, Python believes that its exception is still in hand; the next traceback,
        of whatever cell, would begin with it.
        """
        yield super().perform(request)

    def _told(self, error: BaseException) -> dict[str, Any]:
        end_if_stopped()
        self._raised.append(replace(raised_by(error, self.names), meant=meant(error, self.names)))
        return super()._told(error) | {"raised": len(self._raised) - 1}


class OwnStudent(Student):
    """The learner's names in the learner's own process."""

    def __init__(self, bench: OwnWorkbench) -> None:
        """bench: where the names are."""
        self._bench = bench
        reach = within(bench)

        def transport(request: Request) -> Answer:
            end_if_stopped()
            answer = reach(request)
            end_if_stopped()  # the learner's code may have caught the interrupt
            return answer

        super().__init__(transport)

    def error_of(self, told: Any) -> StudentError:
        """The error that the workbench told of, and the exception in full."""
        error = super().error_of(told)
        error.raised = self._bench.raised(told)
        return error


def own(names: dict[str, Any]) -> Student:
    """A handle on the names of the learner's own notebook."""
    return OwnStudent(OwnWorkbench(names))
