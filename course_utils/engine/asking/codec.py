"""Values as bytes and back: JSON for the structure, raw bytes for tensors, never pickle.

What a learner's function returns crosses a process boundary in this form. The reading side trusts nothing:
it caps sizes and depth, and knows only plain data, so that no object with behaviour of its own ever arrives.

A message is: length of the header (8 bytes, big endian), length of the raw part (8 bytes), header (JSON), raw part.
"""

from __future__ import annotations

import json
import math
import socket
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

LENGTHS = struct.Struct(">QQ")
MAX_HEADER_BYTES = 4 * 2**20  # far above any honest answer; a class with thousands of names still fits
MAX_RAW_BYTES = 64 * 2**20  # the largest hidden input is below 1 MiB
MAX_DEPTH = 12
MAX_DIMENSIONS = 8
MAX_DIMENSION = 2**24  # an empty tensor may claim any size along its other axes, and a rule may count along them

DTYPES: dict[str, torch.dtype] = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float16, torch.bfloat16, torch.float32, torch.float64,
        torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool,
        torch.complex64, torch.complex128,
    )
}  # fmt: skip


NAMES = {dtype: name for name, dtype in DTYPES.items()}

_JSON = json.JSONEncoder(separators=(",", ":"), check_circular=False)  # made once: each message needs it


class CodecError(ValueError):
    """Bytes that are no message of this format, or a value that is too large for one."""


@dataclass(frozen=True)
class Foreign:
    """Stands for a value that is no plain data; only the name of its type crosses over."""

    type_name: str


@dataclass(frozen=True)
class Reference:
    """Stands for an object that stays on the learner's side, such as a module."""

    number: int
    type_name: str = ""


def encode(value: Any) -> bytes:
    """The message for a value of plain data, tensors, `Reference` and `Foreign`. Raises CodecError if too large."""
    raw: list[bytes] = []
    header = _JSON.encode(_pack(value, raw, 0)).encode()
    size = sum(map(len, raw))
    if len(header) > MAX_HEADER_BYTES or size > MAX_RAW_BYTES:
        raise CodecError(f"a value of {len(header) + size} bytes is larger than a message may be")
    return b"".join([LENGTHS.pack(len(header), size), header, *raw])


def decode(header: bytes, raw: bytes) -> Any:
    """The value of a message's two parts. Raises CodecError for anything that `encode` does not write."""
    try:
        tree = json.loads(header.decode())
        return _unpack(tree, _Raw(memoryview(raw)), 0)
    except CodecError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError, RuntimeError) as error:
        raise CodecError(f"not a message of this format ({type(error).__name__})") from None


def copied(value: Any) -> Any:
    """What `decode` would give for `encode` of a value, without the bytes between. Raises CodecError if too large."""
    room = [MAX_RAW_BYTES]
    copy = _copied(value, room, 0)
    if room[0] < 0:
        raise CodecError("a value is larger than a message may be")
    return copy


def _copied(value: Any, room: list[int], depth: int) -> Any:
    if depth <= MAX_DEPTH:
        kind = type(value)
        if kind is torch.Tensor or kind is torch.nn.Parameter:
            if value.dtype in NAMES and value.layout is torch.strided and value.dim() <= MAX_DIMENSIONS:
                room[0] -= value.numel() * value.element_size()
                if room[0] < 0:
                    raise CodecError("a tensor is larger than a message may be")
                return torch.empty(value.shape, dtype=value.dtype).copy_(value.detach())
        elif kind is list or kind is tuple:
            return kind(_copied(item, room, depth + 1) for item in value)
        elif kind is dict and all(type(key) is str for key in value):
            return {key: _copied(item, room, depth + 1) for key, item in value.items()}
        elif value is None or kind is bool or kind is str or kind is float or (kind is int and abs(value) < 2**63):
            return value
    raw: list[bytes] = []
    header = _JSON.encode(_pack(value, raw, depth)).encode()
    return decode(header, b"".join(raw))


def lengths(prefix: bytes) -> tuple[int, int]:
    """Lengths of header and raw part that a message's first 16 bytes announce. Raises CodecError if too large."""
    header, raw = LENGTHS.unpack(prefix)
    if header > MAX_HEADER_BYTES or raw > MAX_RAW_BYTES:
        raise CodecError("a message announces more bytes than it may have")
    return header, raw


def send(channel: socket.socket, value: Any) -> None:
    """Write one message to a blocking socket."""
    channel.sendall(encode(value))


def receive(channel: socket.socket) -> Any:
    """Read one message from a blocking socket. Raises EOFError when the other side has closed it."""
    header, raw = lengths(_read(channel, LENGTHS.size))
    return decode(_read(channel, header), _read(channel, raw))


def _read(channel: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = channel.recv(min(count - len(parts), 2**20))
        if not part:
            raise EOFError("the other side closed the channel")
        parts += part
    return bytes(parts)


def _pack(value: Any, raw: list[bytes], depth: int) -> Any:
    if depth > MAX_DEPTH:
        return {"foreign": "nested too deeply"}
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else {"foreign": "int"}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, torch.Tensor):
        return _pack_tensor(value, raw)
    if isinstance(value, list | tuple):
        return {"tuple" if isinstance(value, tuple) else "list": [_pack(item, raw, depth + 1) for item in value]}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": [[key, _pack(item, raw, depth + 1)] for key, item in value.items()]}
    if isinstance(value, Reference):
        return {"reference": [value.number, value.type_name]}
    if isinstance(value, np.generic):
        return _pack(value.item(), raw, depth + 1)
    name = value.type_name if isinstance(value, Foreign) else type(value).__name__
    return {"foreign": name}


def _pack_tensor(tensor: torch.Tensor, raw: list[bytes]) -> Any:
    name = NAMES.get(tensor.dtype, "")
    if not name or tensor.layout is not torch.strided or tensor.dim() > MAX_DIMENSIONS:
        return {"foreign": f"Tensor of {str(tensor.dtype).removeprefix('torch.')}"}
    if tensor.numel() * tensor.element_size() > MAX_RAW_BYTES:
        raise CodecError("a tensor is larger than a message may be")
    start = sum(map(len, raw))
    if tensor.dtype is torch.bfloat16:  # numpy does not know it
        tensor = tensor.detach().view(torch.int16)
    raw.append(tensor.numpy(force=True).tobytes())  # in the order of the indices, however the tensor lies in memory
    return {"tensor": [name, list(tensor.shape), start, len(raw[-1])]}


@dataclass
class _Raw:
    """The raw part of a message, read once from front to back.

    Were a tensor free to point anywhere, a small header could ask for the same bytes a hundred thousand times.
    """

    data: memoryview
    position: int = 0

    def take(self, start: int, length: int) -> memoryview:
        """The next bytes. Raises CodecError where a tensor asks for others."""
        if start != self.position or not 0 <= length <= len(self.data) - start:
            raise CodecError("a tensor whose bytes lie elsewhere than the next ones")
        self.position += length
        return self.data[start : self.position]


def _unpack(tree: Any, raw: _Raw, depth: int) -> Any:
    if depth > MAX_DEPTH + 1:
        raise CodecError("nested too deeply")
    if isinstance(tree, int) and abs(tree) >= 2**63:  # larger than a float can be, it would upset a comparison
        raise CodecError("an integer of more than 64 bits")
    if tree is None or isinstance(tree, bool | str | int | float):
        return tree
    if not isinstance(tree, dict) or len(tree) != 1:
        raise CodecError("an unknown kind of value")
    ((kind, body),) = tree.items()
    match kind:
        case "list":
            return [_unpack(item, raw, depth + 1) for item in body]
        case "tuple":
            return tuple(_unpack(item, raw, depth + 1) for item in body)
        case "dict":
            return {str(key): _unpack(item, raw, depth + 1) for key, item in body}
        case "tensor":
            return _unpack_tensor(body, raw)
        case "float":
            return float(str(body))
        case "reference":
            return Reference(int(body[0]), str(body[1])[:80])
        case "foreign":
            return Foreign(str(body)[:80])
    raise CodecError("an unknown kind of value")


def _unpack_tensor(body: Any, raw: _Raw) -> torch.Tensor:
    name, shape, start, length = body
    dtype = DTYPES[name]
    shape = [int(size) for size in shape]
    if len(shape) > MAX_DIMENSIONS or not all(0 <= size <= MAX_DIMENSION for size in shape):
        raise CodecError("a tensor with an impossible shape")
    if math.prod(shape) * dtype.itemsize != length:
        raise CodecError("a tensor whose bytes do not fit its shape")
    data = raw.take(start, length)
    if length == 0:
        return torch.empty(shape, dtype=dtype)
    if dtype is torch.bool:  # a byte other than 0 and 1 would be no bool
        return torch.from_numpy(np.frombuffer(data, dtype=np.uint8) != 0).reshape(shape)
    return torch.frombuffer(bytearray(data), dtype=dtype).reshape(shape)
