"""Notebooks that forge a verdict by words on the wire: answers of their own making, noise, promises."""

from __future__ import annotations

from .attack import FORGE, IN_USE, by_answer, by_cell

# a descriptor of the channel, found like a thief would
CHANNEL = """
import os, socket, stat
channels = []
for fd in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            channels.append(fd)
    except OSError:
        pass
"""
# frames of the protocol, made with the course's own codec
FRAME = (
    CHANNEL
    + """
import torch
from course_utils.engine.asking import codec
right_looking = codec.encode({"value": torch.tensor([1.0, 0.8, 0.64])})
"""
)
WIRE = [
    by_cell(
        "an answer ahead of the request",
        FORGE,
        "writes an answer into the channel before anything is asked",
        FRAME + "for fd in channels:\n    os.write(fd, right_looking)\n",
        spares=False,
    ),
    by_cell(
        "many answers ahead",
        FORGE,
        "fills the channel with answers",
        FRAME
        + """
for fd in channels:
    os.set_blocking(fd, False)
    try:
        for _ in range(500):
            os.write(fd, right_looking)
    except BlockingIOError:
        pass
    os.set_blocking(fd, True)
""",
        spares=False,
    ),
    by_cell(
        "a promise of bytes",
        FORGE,
        "announces 2^63 bytes that never come",
        FRAME + "for fd in channels:\n    os.write(fd, codec.LENGTHS.pack(2**63, 2**63))\n",
        spares=False,
    ),
    by_answer(
        "an answer from inside the call",
        FORGE,
        "writes the answer itself and then leaves",
        FRAME + "def powers(count):\n    os.write(channels[0], right_looking)\n    os._exit(0)\n",
    ),
    by_cell(
        "a server of its own",
        FORGE,
        "takes the workbench's place and answers everything",
        FRAME
        + """
channel = socket.socket(fileno=channels[0])
channel.sendall(codec.encode({"value": None}))
while True:
    request = codec.receive(channel)
    channel.sendall(codec.encode({"value": torch.ones(11)}))
""",
        spares=False,
    ),
    by_cell(
        "noise in the channel",
        FORGE,
        "writes bytes that are no message",
        FRAME + "for fd in channels:\n    os.write(fd, bytes(range(256)) * 8)\n",
        spares=False,
    ),
    by_cell(
        "deep JSON on the wire",
        FORGE,
        "answers with ten thousand nested lists",
        IN_USE
        + """
header = b'{"list":[' * 10000 + b']}' * 10000
codec.encode = lambda value: codec.LENGTHS.pack(len(header), 0) + header
""",
        spares=False,
    ),
    by_cell(
        "impossible shapes on the wire",
        FORGE,
        "claims tensors of other shapes than their bytes",
        IN_USE
        + """
claims = [["float32", [11], 0, 0], ["float32", [0, 2**62], 0, 0], ["float32", [-1], 0, 4], ["float32", [2**70], 0, 4],
          ["float32", [True], 0.0, 4], ["object", [1], 0, 8], ["float32", ["11"], 0, 44], "abcd", [[], {}, None, 1]]
honest, state = codec._pack, [0]
def pack(value, raw, depth):
    if depth == 1 and getattr(value, "shape", None) is not None:
        state[0] += 1
        return {"tensor": claims[state[0] % len(claims)]}
    return honest(value, raw, depth)
codec._pack = pack
""",
        spares=False,
    ),
    by_cell(
        "a gradient that fills memory",
        FORGE,
        "answers a gradient whose shape spreads over the direction's",
        IN_USE
        + """
import torch
honest = in_use["_backward"]
def backward(*args):
    return [torch.ones(4_000_000, 1, 1, 1) for _ in honest(*args)]
in_use["_backward"] = backward
""",
        loses=("powers", "AddTable-gradient"),
    ),
]
