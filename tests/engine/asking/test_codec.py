"""Values as bytes and back: what goes in comes out, and bytes that a hostile process makes up only raise CodecError."""

import json
import math
import random
import socket
import threading

import numpy as np
import pytest
import torch

from course_utils.engine.asking import codec
from course_utils.engine.asking.codec import CodecError, Foreign, Reference

DTYPES = list(codec.DTYPES.values())
SHAPES = [(), (0,), (7,), (2, 0, 3), (3, 5), (2, 3, 5, 7)]


def parts(message):
    header, raw = codec.lengths(message[: codec.LENGTHS.size])
    start = codec.LENGTHS.size
    assert len(message) == start + header + raw
    return message[start : start + header], message[start + header :]


def again(value):
    return codec.decode(*parts(codec.encode(value)))


def random_tensor(dtype, shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    if dtype is torch.bool:
        return torch.randint(2, shape, generator=generator).bool()
    if dtype.is_complex:
        return torch.complex(*(torch.randn(shape, generator=generator, dtype=torch.float64) for _ in "ab")).to(dtype)
    if dtype.is_floating_point:
        return torch.randn(shape, generator=generator).to(dtype)
    return torch.randint(0, 100, shape, generator=generator).to(dtype)


def same(a, b):
    """Equal in kind, order and value; tensors to the bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype is b.dtype and a.shape == b.shape and torch.equal(a, b)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    return type(a) is type(b) and a == b


# there and back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_tensor_of_any_kind_and_shape_comes_back_to_the_bit(dtype, shape):
    tensor = random_tensor(dtype, shape)
    assert same(tensor, again(tensor))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_tensor_that_is_not_contiguous_comes_back(dtype):
    tensor = random_tensor(dtype, (4, 6)).t()[::2]
    assert not tensor.is_contiguous()
    assert same(tensor, again(tensor))


@pytest.mark.parametrize(
    "view",
    [
        torch.randn(3, 4).expand(2, 3, 4),
        torch.complex(torch.randn(5), torch.randn(5)).conj(),
        torch.complex(torch.randn(5), torch.randn(5)).conj().imag,
        torch.randn(3, 4, requires_grad=True),
        torch.tensor([math.nan, math.inf, -math.inf, -0.0]).nan_to_num(nan=2.0),
    ],
    ids=["expanded", "conjugate", "negated", "with gradient", "infinite"],
)
def test_a_view_with_a_flag_comes_back_as_its_values(view):
    back = again(view)
    assert torch.equal(back, view.detach().resolve_conj().resolve_neg())
    assert not back.requires_grad


def test_not_a_number_comes_back_as_itself():
    assert torch.isnan(again(torch.tensor([math.nan]))).all()


def test_what_comes_back_is_a_copy_that_may_be_written():
    tensor = torch.zeros(3)
    back = again(tensor)
    back += 1
    assert tensor.sum() == 0


@pytest.mark.parametrize("byte", [2, 128, 255])
def test_a_byte_that_is_no_bool_arrives_as_true(byte):
    header = json.dumps({"tensor": ["bool", [3], 0, 3]}).encode()
    value = codec.decode(header, bytes([0, 1, byte]))
    assert value.tolist() == [False, True, True]
    assert value.view(torch.uint8).tolist() == [0, 1, 1]


def random_value(dice, depth=0):
    kinds = ["none", "bool", "int", "float", "str", "tensor", "reference", "foreign"]
    kind = dice.choice(kinds + ["list", "tuple", "dict"] * (depth < 4))
    match kind:
        case "bool":
            return dice.random() < 0.5
        case "int":
            return dice.choice([0, -1, 2**63 - 1, 1 - 2**63, dice.randrange(1000)])
        case "float":
            return dice.choice([0.0, -1e300, 5e-324, math.inf, -math.inf, math.nan, dice.random()])
        case "str":
            return dice.choice(["", "词", '"\\\n', "\x00", "🙂", "tensor"])
        case "tensor":
            shape = [dice.randrange(4) for _ in range(dice.randrange(4))]
            return random_tensor(dice.choice(DTYPES), shape, dice.randrange(1000))
        case "reference":
            return Reference(dice.randrange(100), "Module")
        case "foreign":
            return Foreign("ndarray")
        case "list":
            return [random_value(dice, depth + 1) for _ in range(dice.randrange(5))]
        case "tuple":
            return tuple(random_value(dice, depth + 1) for _ in range(dice.randrange(5)))
        case "dict":
            return {f"key {i}": random_value(dice, depth + 1) for i in range(dice.randrange(5))}
    return None


@pytest.mark.parametrize("seed", range(60))
def test_any_plain_value_comes_back_in_kind_order_and_value(seed):
    value = random_value(random.Random(seed))
    assert same(value, again(value))


@pytest.mark.parametrize("seed", range(60))
def test_a_copy_is_what_would_come_back(seed):
    value = random_value(random.Random(seed))
    assert same(codec.copied(value), again(value))


def test_a_copy_shares_no_memory_and_keeps_no_graph():
    value = [torch.ones(2, requires_grad=True), torch.arange(6.0).reshape(2, 3).T]
    copy = codec.copied(value)
    copy[1][0, 0] = 5
    assert value[1][0, 0] == 0
    assert not copy[0].requires_grad
    assert copy[1].is_contiguous()


# what is not plain ------------------------------------------------------------------------------------------------


class Odd:
    """An object with behaviour of its own."""

    def __eq__(self, other):
        return True

    __hash__ = None


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Odd(), "Odd"),
        (2**63, "int"),
        ({1: 2}, "dict"),
        ({"a"}, "set"),
        (np.zeros(3), "ndarray"),
        (torch.zeros(2, 2).to_sparse(), "Tensor of float32"),
        (torch.zeros((1,) * 9), "Tensor of float32"),
        (print, "builtin_function_or_method"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_of_anything_else_only_the_name_of_its_type_crosses_over(value, name):
    assert again(value) == Foreign(name)
    assert codec.copied(value) == Foreign(name)


def test_a_number_of_numpy_crosses_over_as_a_number():
    assert again([np.float32(0.5), np.int64(3), np.bool_(True)]) == [0.5, 3, True]


def test_what_is_nested_too_deeply_is_cut_and_does_not_fail():
    value = current = []
    for _ in range(500):
        current.append([])
        current = current[0]
    text = repr(again(value))
    assert "nested too deeply" in text


def test_a_list_that_holds_itself_is_cut():
    value = []
    value.append(value)
    assert "nested too deeply" in repr(again(value))


def test_a_value_that_is_too_large_raises():
    with pytest.raises(CodecError, match="larger than a message may be"):
        codec.encode(torch.zeros(codec.MAX_RAW_BYTES // 4 + 1))


def test_many_tensors_that_are_too_large_together_raise():
    half = torch.zeros(codec.MAX_RAW_BYTES // 2 + 1, dtype=torch.uint8)
    with pytest.raises(CodecError, match="larger than a message may be"):
        codec.encode([half, half])


# hostile bytes ----------------------------------------------------------------------------------------------------


RAW = bytes(range(64))


def tensor(dtype="float32", shape=(2, 2), start=0, length=16):
    return {"tensor": [dtype, list(shape), start, length]}


HOSTILE = {
    "a length below the shape": tensor(length=12),
    "a length above the shape": tensor(length=20),
    "bytes past the end": tensor(shape=[17], length=68),
    "a start past the end": tensor(start=64),
    "a negative start": tensor(start=-16),
    "a start and a length that cancel": tensor(start=1000, length=-984),
    "a negative length": tensor(shape=[-4], length=-16),
    "a negative shape": tensor(shape=[-2, -2]),
    "one negative size": tensor(shape=[-1, 0], length=0),
    "an empty tensor of endless rows": tensor(shape=[2**62, 0], length=0),
    "a size beyond 64 bits": tensor(shape=[2**64, 0], length=0),
    "a product that overflows": tensor(shape=[2**32, 2**32], length=0),
    "many dimensions": tensor(shape=[1] * 9, length=4),
    "a shape that is a number": {"tensor": ["float32", 4, 0, 16]},
    "a shape of words": tensor(shape=["two", "two"]),
    "a shape that is not finite": tensor(shape=[math.inf]),
    "a shape that is not a number": tensor(shape=[math.nan]),
    "a nested shape": tensor(shape=[[2, 2]]),
    "an unknown dtype": tensor(dtype="object"),
    "a dtype that is a list": tensor(dtype=["float32"]),
    "a dtype of another layout": tensor(dtype="qint8"),
    "a start that is a word": tensor(start="0"),
    "a start that is none": tensor(start=None),
    "a length that is a fraction": tensor(length=16.0),
    "too few entries": {"tensor": ["float32", [2, 2], 0]},
    "too many entries": {"tensor": ["float32", [2, 2], 0, 16, 0]},
    "a tensor that is none": {"tensor": None},
    "a tensor that is a dict": {"tensor": {"dtype": "float32"}},
    "the same bytes twice": {"list": [tensor(), tensor()]},
    "bytes that overlap": {"list": [tensor(), tensor(start=8)]},
    "bytes in another order": {"list": [tensor(start=16), tensor()]},
    "a bare list": [1, 2],
    "an empty dict": {},
    "two kinds at once": {"list": [], "tuple": []},
    "an unknown kind": {"module": "os"},
    "a list that is none": {"list": None},
    "a list that is a number": {"list": 7},
    "a dict of single keys": {"dict": ["ab", "c"]},
    "a dict that is a number": {"dict": 1},
    "a float that is a word": {"float": "many"},
    "a float that is a list": {"float": []},
    "a reference that is a word": {"reference": ["one", "Module"]},
    "a reference that is empty": {"reference": []},
    "a reference that is a dict": {"reference": {}},
    "an integer beyond 64 bits": 2**63,
    "an integer of 400 digits": 10**400,
    "a negative integer of 400 digits": {"list": [-(10**400)]},
}


@pytest.mark.parametrize("tree", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_message_that_lies_raises_and_nothing_else_happens(tree):
    with pytest.raises(CodecError, match=r"."):
        codec.decode(json.dumps(tree).encode(), RAW)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"\x80",
        b"nul",
        b"[" * 100_000,
        b'{"list":[' * 100_000,
        b'{"list":[' * 40 + b"]}" * 40,
        b'{"dict":[["k",' * 40 + b"1" + b"]]}" * 40,
        b"1" * 5000,
        b'{"reference":["' + b"9" * 5000 + b'",""]}',
        b"'single'",
    ],
    ids=lambda header: f"{header[:12]!r} of {len(header)}",
)
def test_a_header_that_is_no_message_raises(header):
    with pytest.raises(CodecError, match=r"."):
        codec.decode(header, b"")


@pytest.mark.parametrize("seed", range(200))
def test_a_message_with_changed_bytes_is_read_or_raises_codec_error(seed):
    """Any other exception would stop the grading of a whole class."""
    dice = random.Random(seed)
    value = [random_value(dice) for _ in range(5)] + [torch.arange(6.0).reshape(2, 3)]
    header, raw = map(bytearray, parts(codec.encode(value)))
    for _ in range(dice.randrange(1, 6)):
        place = dice.randrange(len(header))
        match dice.randrange(3):
            case 0:
                header[place] = dice.randrange(256)
            case 1:
                header[place:place] = dice.choice([b"-", b"9", b"0", b"]", b"[", b"null", b"1e999", b"{"])
            case 2:
                del header[place : place + dice.randrange(1, 4)]
    try:
        codec.decode(bytes(header), bytes(raw[: dice.randrange(len(raw) + 1)]))
    except CodecError:
        return


def test_a_small_header_cannot_ask_for_more_bytes_than_came():
    """Were the same bytes read again and again, 64 MiB and a header of 4 MiB would fill 6 TB."""
    size = 2**20
    header = json.dumps({"list": [{"tensor": ["uint8", [size], 0, size]}] * 1000}).encode()
    with pytest.raises(CodecError, match="lie elsewhere"):
        codec.decode(header, bytes(size))


def test_a_name_that_crosses_over_is_short():
    header = json.dumps({"list": [{"foreign": "x" * 10_000}, {"reference": [1, "y" * 10_000]}]}).encode()
    foreign, reference = codec.decode(header, b"")
    assert len(foreign.type_name) == len(reference.type_name) == 80


@pytest.mark.parametrize(
    ("header", "raw"), [(2**63, 0), (codec.MAX_HEADER_BYTES + 1, 0), (0, codec.MAX_RAW_BYTES + 1), (1, 2**64 - 1)]
)
def test_announced_lengths_beyond_the_limit_raise_before_anything_is_read(header, raw):
    with pytest.raises(CodecError, match="announces more bytes"):
        codec.lengths(codec.LENGTHS.pack(header, raw))


def test_lengths_at_the_limit_are_taken():
    announced = (codec.MAX_HEADER_BYTES, codec.MAX_RAW_BYTES)
    assert codec.lengths(codec.LENGTHS.pack(*announced)) == announced


# over a socket ----------------------------------------------------------------------------------------------------


@pytest.fixture
def channel():
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


def test_values_arrive_one_after_the_other(channel):
    ours, theirs = channel
    values = [torch.randn(300, 200), "词", {"a": [1, (2.5, None)]}]
    writer = threading.Thread(target=lambda: [codec.send(theirs, value) for value in values])
    writer.start()
    received = [codec.receive(ours) for _ in values]
    writer.join()
    assert same(values, received)


@pytest.mark.parametrize("kept", [0, 7, 16, 20])
def test_a_channel_that_closes_too_early_raises_eof(channel, kept):
    ours, theirs = channel
    theirs.sendall(codec.encode({"a": torch.zeros(4)})[:kept])
    theirs.close()
    with pytest.raises(EOFError, match="closed the channel"):
        codec.receive(ours)
