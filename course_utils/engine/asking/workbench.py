"""The learner's side of a check: runs cells, and performs operations on the names that they define.

A workbench lives where the learner's code lives: in the notebook's kernel for a self-check, in a sandboxed process
for grading. It is asked for operations as plain data and answers with plain data; it judges nothing and knows
no right answer, so nothing is gained by tampering with it.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import linecache
import socket
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from . import codec
from .codec import Foreign, Reference

MAX_CALLS = 8  # of each child that a trace notes; an honest layer calls its parts once
MAX_MODULES = 5000  # names of modules that are told; one large library brings some hundred
SYMBOLIC_ALGEBRA = "torch.fx.experimental.symbolic_shapes"
MAX_TEXT = 2000  # characters of an exception's text that cross over where a check asks for its words

Request = dict[str, Any]
Answer = dict[str, Any]
Bench = TypeVar("Bench", bound="Workbench")


@cache
def _fixtures(source: str) -> types.ModuleType:
    """A unit's fixtures as a module that is made of text, and that no name leads the learner's code to."""
    module = types.ModuleType("<fixtures>")
    sys.modules[module.__name__] = module  # while it runs: where a dataclass in it looks for its module
    try:
        exec(compile(source, module.__name__, "exec"), module.__dict__)
    finally:
        del sys.modules[module.__name__]
    return module


def cell_file(name: str) -> str:
    """The file name under which a cell is compiled, so that its lines can be found in a traceback."""
    return f"<cell {name}>"


class Workbench:
    """The learner's names, and the objects that were built from them."""

    def __init__(self, names: dict[str, Any]) -> None:
        """names: the namespace of the learner's notebook, used as it is."""
        self.names = names
        self._objects: dict[int, Any] = {}
        self._calls: dict[int, tuple[list[Any], list[Tensor], Any]] = {}
        self._imposed: dict[str, Any] = {}
        self._count = 0
        self._transform: Callable[[str], str] | None = None

    def perform(self, request: Request) -> Answer:
        """The answer to a request, `{"value": ...}` or `{"error": ...}`; whatever the learner's code raises is told."""
        try:
            operation = getattr(self, f"_do_{request['do']}")
            with torch.enable_grad():
                return {"value": operation(request)}
        except BaseException as error:  # SystemExit and KeyboardInterrupt of a learner's code are answers too
            return {"error": self._told(error)}

    def _told(self, error: BaseException) -> dict[str, Any]:
        """What an answer tells of an exception."""
        return describe(error)

    # cells ------------------------------------------------------------------------------------------------------

    def _do_run(self, request: Request) -> None:
        """Run one cell's source in the learner's namespace; then put imposed names back in their place."""
        source, file = request["source"], cell_file(request["name"])
        try:
            source, code = self._compiled(source, file)
        finally:  # where it could not be compiled too, the error shows its line
            linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        try:
            exec(code, self.names)
        finally:
            self.names.update(self._imposed)

    def _compiled(self, source: str, file: str) -> tuple[str, types.CodeType]:
        """A cell as Python and compiled; IPython translates magics, which takes a while, only where it is no Python."""
        try:
            return source, compile(source, file, "exec")
        except (SyntaxError, ValueError):
            if self._transform is None:
                raise
        source = self._transform(source)
        return source, compile(source, file, "exec")

    def _do_impose(self, request: Request) -> None:
        """Put given definitions in place of the learner's own, now and after each cell that runs later."""
        module = types.ModuleType(request["module"])
        sys.modules[module.__name__] = module
        exec(compile(request["source"], f"<{module.__name__}>", "exec"), module.__dict__)
        self._imposed.update({name: getattr(module, name) for name in request["names"]})
        self.names.update(self._imposed)

    def _do_defined(self, request: Request) -> bool:
        return request["name"] in self.names

    def _do_modules(self, request: Request) -> list[str]:
        """The names of the modules that have come since this process was warm."""
        return sorted(name for name in [*sys.modules] if name not in _warm)[:MAX_MODULES]

    def _do_import(self, request: Request) -> None:
        """Import modules, as far as they can be."""
        for name in request["modules"]:
            with contextlib.suppress(Exception):
                importlib.import_module(name)

    def _do_seed(self, request: Request) -> None:
        """Start the CPU's random numbers anew: checks run there, and torch.manual_seed takes over 1 ms for others."""
        torch.default_generator.manual_seed(request["seed"])

    # calls ------------------------------------------------------------------------------------------------------

    def _target(self, request: Request) -> Any:
        if request.get("object") is not None:
            target = self._objects[request["object"]]
        else:
            try:
                target = self.names[request["name"]]
            except KeyError:
                raise NameError(f"name {request['name']!r} is not defined") from None
        return getattr(target, request["method"]) if request.get("method") else target

    def _do_call(self, request: Request) -> Any:
        """Call a name, an object or its method; with `gradient`, float tensors among the arguments require it.

        With `seed` torch's random numbers start anew there. With `pull` the answer is the value, what pulling
        cotangents back through the call gives, and what that raised.
        """
        target = self._target(request)
        args, kwargs = self._revive(request["args"]), self._revive(request["kwargs"])
        if "seed" in request:
            self._do_seed(request)
        if request.get("gradient") or "pull" in request:
            args = [item.requires_grad_() if _is_float(item) else item for item in args]
        if request.get("complaint"):
            try:
                return [None, "", self._plain(target(*args, **kwargs))]
            except Exception as error:
                return [describe(error)["types"], str(error)[:MAX_TEXT], None]
        value = target(*args, **kwargs)
        answer = self._plain(value)
        if "pull" in request:
            return [answer, *self._pulled(request["pull"], args, value, target)]
        if request.get("inputs"):
            return [answer, [self._plain(item) for item in args]]
        if "load" in request:
            if not isinstance(answer, Reference):
                return [answer, []]
            value.train(False)
            return [answer, _load(value, request["load"])]
        if "shapes" in request:
            if not isinstance(answer, Reference):
                return [answer, {}]
            value.train(False)
            return [answer, _shapes(value)]
        if request.get("gradient"):
            self._count += 1
            outputs = [item for item in flat(value) if _is_float(item)]
            self._calls[self._count] = (args, outputs, target)
            return [self._count, answer]
        return answer

    def _do_fixture(self, request: Request) -> Reference:
        """Build an object that is not the learner's, to be given to the learner's code."""
        self._count += 1
        make = getattr(_fixtures(request["source"]), request["name"])
        self._objects[self._count] = make(*self._revive(request["args"]), **self._revive(request["kwargs"]))
        return Reference(self._count, request["name"])

    def _do_backward(self, request: Request) -> list[Any]:
        """Pull cotangents back through a call: gradients of its arguments, or names of parameters that get none."""
        args, outputs, target = self._calls.pop(request["call"])
        return _backward(args, outputs, target, request["cotangents"], request["wants"])

    def _pulled(self, pull: Mapping[str, Any], args: list[Any], value: Any, target: Any) -> list[Any]:
        """What pulling cotangents, given or drawn at a seed, back through a call gives, and what it raised."""
        outputs = [item for item in flat(value) if _is_float(item)]
        cotangents = pull.get("cotangents")
        if cotangents is None:
            cotangents = drawn_cotangents([item.shape for item in outputs], pull["seed"], pull.get("outputs"))
        try:
            return [_backward(args, outputs, target, cotangents, pull["wants"]), None]
        except Exception as error:
            return [None, self._told(error)]

    def _do_many(self, request: Request) -> list[Answer]:
        """The answers to several requests."""
        return [self.perform(item) for item in request["requests"]]

    def _do_trace(self, request: Request) -> list[Any]:
        """Call an object while noting every call of the named children: arguments, keyword arguments, output, raised.

        Where a child raises, its first tensor takes the place of its output, so that what comes after it is noted too.
        Where the object raises, the answer holds what was noted until then. The error is the first that was raised.
        """
        target = self._target(request)
        notes: dict[str, list[Any]] = {}
        errors: list[Exception] = []
        wrapped = []
        for child in request["children"]:
            module = getattr(target, child, None)
            if isinstance(module, nn.Module):
                notes[child] = []
                wrapped.append(module)
                module.forward = self._noting(module.forward, notes[child], errors)
        value = None
        try:
            value = self._plain(target(*self._revive(request["args"]), **self._revive(request["kwargs"])))
        except Exception as raised:
            errors.append(raised)
        finally:
            for module in wrapped:
                module.__dict__.pop("forward", None)
        return [value, notes, self._told(errors[0]) if errors else None]

    def _noting(self, forward: Callable[..., Any], notes: list[Any], errors: list[Exception]) -> Callable[..., Any]:
        def noting(*args: Any, **kwargs: Any) -> Any:
            before = (self._plain(list(args)), self._plain(kwargs))
            known = len(errors)
            try:
                value = forward(*args, **kwargs)
            except Exception as raised:
                errors.append(raised)
                value = next((item for item in flat([list(args), kwargs]) if _is_float(item)), None)
                if value is None:
                    raise
            if len(notes) < MAX_CALLS:
                notes.append([*before, self._plain(value), len(errors) > known])
            return value

        return noting

    # objects ----------------------------------------------------------------------------------------------------

    def _do_state(self, request: Request) -> dict[str, Any]:
        module = self._target(request)
        return {
            "parameters": {name: value.detach().clone() for name, value in module.named_parameters()},
            "buffers": {name: value.detach().clone() for name, value in module.named_buffers()},
        }

    def _do_shapes(self, request: Request) -> dict[str, list[int]]:
        return _shapes(self._target(request))

    def _do_load(self, request: Request) -> list[str]:
        return _load(self._target(request), request["values"])

    def _do_mode(self, request: Request) -> None:
        self._target(request).train(request["training"])

    def _do_get(self, request: Request) -> Any:
        value = self._target(request)
        for part in request["path"].split("."):
            value = getattr(value, part)
        if request.get("wants") == "requires_grad":
            return bool(value.requires_grad)
        return self._plain(value)

    # values -----------------------------------------------------------------------------------------------------

    def _revive(self, value: Any) -> Any:
        """Arguments as the learner's code gets them: fresh tensors, and objects in the place of their references."""
        if isinstance(value, Reference):
            return self._objects[value.number]
        if isinstance(value, list):
            return [self._revive(item) for item in value]
        if isinstance(value, tuple):
            return tuple(self._revive(item) for item in value)
        if isinstance(value, dict):
            return {key: self._revive(item) for key, item in value.items()}
        return value

    def _plain(self, value: Any, depth: int = 0) -> Any:
        """A value as it can cross over: tensors copied, modules and other objects kept here under a number."""
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, Tensor):
            return value.detach().clone()
        if depth < codec.MAX_DEPTH and isinstance(value, list | tuple):
            items = [self._plain(item, depth + 1) for item in value]
            return items if isinstance(value, list) else tuple(items)
        if depth < codec.MAX_DEPTH and isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return {key: self._plain(item, depth + 1) for key, item in value.items()}
        if type(value).__module__ == "numpy":
            return value.item() if isinstance(value, np.number | np.bool_) else Foreign(type(value).__name__)
        self._count += 1
        self._objects[self._count] = value
        return Reference(self._count, type(value).__name__)


def drawn_cotangents(shapes: Sequence[torch.Size], seed: int, which: Sequence[int] | None = None) -> list[Tensor]:
    """Random numbers of some shapes, and zeros for all but those that are meant; None stands for all."""
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(shape, generator=generator) for shape in shapes]
    return [one if which is None or place in which else one * 0 for place, one in enumerate(drawn)]


def _backward(args: list[Any], outputs: list[Tensor], target: Any, cotangents: Sequence[Tensor], wants: str) -> Any:
    """Gradients of arguments, or the names of parameters of which each gets none or only zeros; or both, in a list."""
    module = target if isinstance(target, nn.Module) else nn.Module()
    module.zero_grad()
    pairs = [(o, c) for o, c in zip(outputs, cotangents, strict=True) if o.requires_grad]
    if pairs:  # as one scalar: backward with given cotangents first imports half a second of symbolic algebra
        sum(((o * c.to(o.dtype)).sum() for o, c in pairs), torch.zeros(())).backward()
    gradients = [item.grad if _is_float(item) else None for item in args]
    silent = [name for name, value in module.named_parameters() if value.grad is None or not value.grad.any()]
    return {"arguments": gradients, "parameters": silent, "both": [gradients, silent]}[wants]


def _shapes(module: nn.Module) -> dict[str, list[int]]:
    return {name: list(value.shape) for name, value in module.named_parameters()}


def _load(module: nn.Module, values: dict[str, Tensor]) -> list[str]:
    """Set parameters in place; the names of those that the module lacks or holds in another shape."""
    parameters = dict(module.named_parameters())
    missing = []
    with torch.no_grad():
        for name, value in values.items():
            if name in parameters and parameters[name].shape == value.shape:
                parameters[name].copy_(value)
            else:
                missing.append(name)
    return missing


def _is_float(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def flat(value: Any) -> Iterator[Any]:
    """The leaves of nested lists, tuples and dicts, in order."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from flat(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from flat(item)
    else:
        yield value


def describe(error: BaseException) -> dict[str, Any]:
    """What crosses over of an exception: the names of its classes and the place in the learner's cell, no text."""
    cell, line = None, None
    if isinstance(error, SyntaxError) and str(error.filename).startswith("<cell "):
        cell, line = str(error.filename), error.lineno
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith("<cell "):
            cell, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    types = [kind.__name__ for kind in type(error).__mro__][:20]
    if isinstance(error, RuntimeError) and "allocate memory" in str(error):  # torch's way of saying MemoryError
        types.insert(0, "MemoryError")
    return {
        "types": types,
        "cell": cell[len("<cell ") : -1] if cell else None,
        "line": line,
    }


# Names of modules that were there before the first fork. Noted once: to look at each name in a child would have the
# kernel copy the pages on which they lie, 5 milliseconds a child.
_warm: set[str] = set()


def warm_up() -> None:
    """Do what submissions need once, before the first fork: import, allocate, build a shell, go backward.

    Some of torch's own layers import symbolic algebra, half a second of it, when they are first called: so it is here.
    """
    _shell()
    with contextlib.suppress(ImportError):  # a name of torch's own, which another torch may have moved
        importlib.import_module(SYMBOLIC_ALGEBRA)
    parts = nn.Linear(6, 6), nn.LayerNorm(6), nn.Dropout(0.1), nn.ReLU(), nn.Softmax(dim=-1)
    bench = Workbench({"layer": nn.Sequential(*parts)})
    bench.perform({"do": "call", "name": "layer", "args": [torch.randn(2, 4, 6)], "kwargs": {}, "gradient": True})
    bench.perform({"do": "backward", "call": 1, "cotangents": [torch.randn(2, 4, 6)], "wants": "parameters"})
    _warm.update(sys.modules)


def _shell() -> Any:
    """The IPython shell of this process, without a history: that would be a thread and a file."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    shell: Any = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.user_module.__spec__ = None  # it is __main__ now, and multiprocessing asks __main__ for this
    shell.enable_gui = lambda gui=None: None  # no window opens here; without this, `%matplotlib inline` raises
    return shell


def notebook_workbench() -> Workbench:
    """A workbench with the namespace of an IPython shell, so that magics, `display` and `get_ipython` work."""
    return in_shell(Workbench)


def in_shell(kind: type[Bench]) -> Bench:
    """A workbench of some kind with the namespace of this process's IPython shell."""
    shell = _shell()
    names = shell.user_ns
    names.update(get_ipython=lambda: shell, display=lambda *args, **kwargs: None)
    builtins.input = _no_input
    bench = kind(names)
    bench._transform = shell.transform_cell
    return bench


def _no_input(*_: Any) -> str:
    raise EOFError("nobody answers input() while a notebook is graded")


TRUSTED = ("import", "impose", "modules")  # requests in which nothing of a learner's runs


def serve(channel: socket.socket, cover: Callable[[], None] | None = None) -> None:
    """Answer requests until the other side closes the channel.

    cover: makes this process blind for files, when it is asked to; before that it takes no request but TRUSTED ones.
    Raises RuntimeError for any other.
    """
    bench = notebook_workbench()
    while True:
        try:
            request = codec.receive(channel)
        except (EOFError, OSError):
            return
        if cover is not None and request["do"] not in TRUSTED:
            if request["do"] != "cover":
                raise RuntimeError("a process whose files are not covered yet runs nothing of a learner's")
            cover()
            cover, answer = None, {"value": None}
        else:
            answer = bench.perform(request)
        try:
            message = codec.encode(answer)
        except Exception as error:  # too large, or a tensor that only pretends to be one
            message = codec.encode({"error": describe(error)})
        channel.sendall(message)
