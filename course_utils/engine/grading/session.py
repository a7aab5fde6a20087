"""One process of the sandbox, asked: requests out, plain values in, with a deadline and a cap on what it prints.

A process that does not answer in time, writes something else than an answer, prints too much or ends stops its
exercise with the sentence for that; see `assess.Stopped`.
"""

from __future__ import annotations

import os
import selectors
import time
from typing import Any

from ..asking import codec
from ..judging.sentences import SENTENCES
from ..walls.sandbox import Child
from .assess import Stopped
from .task import Patience


class Session:
    """Requests to one sandboxed process, with its deadline and a count of what it prints."""

    def __init__(self, child: Child, patience: Patience) -> None:
        """child: a process that serves a workbench."""
        self._child, self._patience = child, patience
        self._printed = 0
        self._held = bytearray()  # what has come and was not asked for yet
        self._events = selectors.EVENT_READ
        self._deadline = time.monotonic() + patience.cell_seconds
        child.channel.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(child.channel, self._events, "channel")
        self._selector.register(child.output, selectors.EVENT_READ, "output")

    def allow(self, seconds: float) -> None:
        """Set the deadline of the requests that follow."""
        self._deadline = time.monotonic() + seconds

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request. Raises Stopped when there is none in time, or none at all."""
        self._send(memoryview(codec.encode(request)))
        try:
            header, raw = codec.lengths(self._read(codec.LENGTHS.size))
            answer = codec.decode(self._read(header), self._read(raw))
        except codec.CodecError:  # the learner's code wrote into the channel; nothing after it can be trusted
            raise Stopped("crashed", SENTENCES["crashed"]) from None
        if not isinstance(answer, dict):
            raise Stopped("crashed", SENTENCES["crashed"])
        return answer

    def close(self) -> None:
        """End the process and all that it started."""
        self._selector.close()
        self._child.close()

    def _send(self, message: memoryview) -> None:
        while message:
            try:
                message = message[self._child.channel.send(message) :]
            except BlockingIOError:
                self._wait(writing=True)
            except OSError:
                raise self._ended() from None

    def _read(self, count: int) -> bytes:
        while len(self._held) < count:
            try:
                part = self._child.channel.recv(min(max(count - len(self._held), 2**16), 2**20))
            except BlockingIOError:
                self._wait(writing=False)
                continue
            except OSError:
                part = b""
            if not part:
                raise self._ended()
            self._held += part
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken

    def _wait(self, writing: bool) -> None:
        """Wait until the channel can go on, reading away what the process prints. Raises Stopped."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        if events != self._events:
            self._events = events
            self._selector.modify(self._child.channel, events, "channel")
        while True:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise Stopped("timeout", SENTENCES["timeout"])
            ready = [key.data for key, _ in self._selector.select(left)]
            if "output" in ready:
                self._drain()
            if "channel" in ready:
                return

    def _drain(self) -> None:
        try:
            part = os.read(self._child.output, 2**16)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part:  # the learner's code closed its own output
            self._selector.unregister(self._child.output)
        self._printed += len(part)
        if self._printed > self._patience.output_bytes:
            raise Stopped("crashed", SENTENCES["too_much_output"])

    def _ended(self) -> Stopped:
        """Why a process that no longer answers is gone."""
        self._child.kill()
        if self._child.cause == "memory":
            return Stopped("memory", SENTENCES["memory"])
        if self._child.cause == "cpu":
            return Stopped("timeout", SENTENCES["timeout"])
        return Stopped("crashed", SENTENCES["crashed"])
