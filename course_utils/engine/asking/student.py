"""Handles on a learner's names: what a rule holds, wherever the learner's code runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..judging.raised import Raised
from . import codec
from .codec import Reference
from .slopes import Slope
from .workbench import MAX_CALLS, Answer, Request, Workbench

Transport = Callable[[Request], Answer]

MAX_PARAMETERS = 2000  # of one module by name; an honest one has below a hundred, and some rules try each in turn


class StudentError(Exception):
    """The learner's code raised: `types` are the names of the exception's classes, `line` is a line of its cell."""

    def __init__(self, types: Sequence[str], cell: str | None = None, line: int | None = None) -> None:
        """types: from the class itself up to object."""
        super().__init__(types[0] if types else "error")
        self.types, self.cell, self.line = tuple(types), cell, line
        self.raised: Raised | None = None  # in full, where `own` asked the learner's own process; never in grading

    @classmethod
    def of(cls, told: Any) -> StudentError:
        """The error that a workbench told of; whatever is not of the right form counts as not told."""
        told = told if isinstance(told, dict) else {}
        types, cell, line = told.get("types"), told.get("cell"), told.get("line")
        return cls(
            [kind for kind in types if isinstance(kind, str)] if isinstance(types, list) else [],
            cell if isinstance(cell, str) else None,
            line if isinstance(line, int) and not isinstance(line, bool) and 0 < line < 10_000 else None,
        )


class Fault(Exception):
    """What came back cannot be looked at: `reason` names a sentence, `about` fills it; both are our own words."""

    def __init__(self, reason: str, **about: Any) -> None:
        """reason: a key of the sentences in `judge`."""
        super().__init__(reason)
        self.reason, self.about = reason, about


def local(names: dict[str, Any]) -> Student:
    """A handle on names of this very process."""
    return Student(within(Workbench(names)))


def within(bench: Workbench) -> Transport:
    """The way to a workbench of this very process, with the same copies of values as one to another process makes."""

    def transport(request: Request) -> Answer:
        answer = bench.perform(codec.copied(request))
        try:
            result: Answer = codec.copied(answer)
        except codec.CodecError:
            result = {"error": {"types": ["ValueError", "Exception"], "cell": None, "line": None}}
        return result

    return transport


class Student:
    """The learner's names. Every verb returns plain data or a `Built`, and raises StudentError for what they raise."""

    def __init__(self, transport: Transport) -> None:
        """transport: carries a request to a workbench and brings its answer."""
        self._transport = transport

    def ask(self, do: str, **request: Any) -> Any:
        """The value that a workbench answers to one request. Raises StudentError."""
        answer = self._transport({"do": do, **request})
        if not isinstance(answer, dict) or len(answer) != 1:
            raise codec.CodecError("an answer is neither a value nor an error")
        if "error" in answer:
            raise self.error_of(answer["error"])
        return answer["value"]

    def ask_all(self, requests: Sequence[Request]) -> list[Any]:
        """The values that a workbench answers to several requests in one go. Raises StudentError at the first error."""
        answers = self.try_all(requests)
        for answer in answers:
            if isinstance(answer, StudentError):
                raise answer
        return answers

    def try_all(self, requests: Sequence[Request]) -> list[Any]:
        """The values that a workbench answers to several requests in one go, a StudentError in the place of some.

        A message takes longer than most of what it asks for.
        """
        answers = self.ask("many", requests=list(requests))
        if not isinstance(answers, list) or not all(isinstance(item, dict) and len(item) == 1 for item in answers):
            raise codec.CodecError("an answer is neither a value nor an error")
        if len(answers) != len(requests):
            raise codec.CodecError("some requests have no answer")
        return [self.error_of(item["error"]) if "error" in item else item["value"] for item in answers]

    def request(self, name: str, *args: Any, **kwargs: Any) -> Request:
        """A call of the learner's function, to be made together with others by `ask_all` or `try_all`."""
        return _request({"name": name}, args, kwargs)

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """What the learner's function returns."""
        return self._call({"name": name}, args, kwargs)

    def tensor(self, name: str, *args: Any, **kwargs: Any) -> Tensor:
        """What the learner's function returns, which has to be a tensor."""
        return as_tensor(self.call(name, *args, **kwargs))

    def error(self, name: str, *args: Any, **kwargs: Any) -> str:
        """The best-known class of what the call raises, such as "ValueError"; empty where it raises nothing."""
        return self._error({"name": name}, args, kwargs)

    def complaint(self, name: str, *args: Any, **kwargs: Any) -> tuple[str, str, Any]:
        """The best-known class of what the call raises, and its text; or two empty texts and the value."""
        return self._complaint({"name": name}, args, kwargs)

    def call_and_inputs(self, name: str, *args: Any) -> tuple[Any, list[Any]]:
        """What the learner's function returns, and the arguments as they are after the call."""
        return self._call_and_inputs({"name": name}, args)

    def inputs_after(self, name: str, *args: Any) -> list[Any]:
        """The arguments as they are after the call."""
        return self._call_and_inputs({"name": name}, args)[1]

    def slope(
        self, name: str, *args: Any, of: Sequence[int] = (), outputs: Sequence[int] | None = None
    ) -> dict[str, Any]:
        """For each float argument, whether autograd agrees with the slope of the learner's own function.

        of: positions of the arguments to look at; none stands for all.
        outputs: positions among the float tensors that come back, of those whose slope is meant; None stands for all.
        """
        return self._slope({"name": name}, args, of, outputs)

    def seed(self, seed: int) -> None:
        """Start torch's own random numbers anew on the learner's side, such as those that fresh weights are."""
        self.ask_all([self.restart(seed)])

    def restart(self, seed: int) -> Request:
        """What `seed` asks for, to be asked for together with other things."""
        return {"do": "seed", "seed": seed}

    def build(self, name: str, *args: Any, **kwargs: Any) -> Built:
        """An object that stays on the learner's side, such as a module."""
        return self._built(name, self.call(name, *args, **kwargs))

    def build_loaded(
        self, name: str, *args: Any, values: Mapping[str, Tensor], optional: Sequence[str] = (), **kwargs: Any
    ) -> tuple[Built, list[str]]:
        """A module in eval mode with given parameters, and the names among `optional` that it has no room for.

        Raises Fault where it has no room for another one.
        """
        value, missing = self._call({"name": name}, args, kwargs, load=dict(values))
        built = self._built(name, value)
        refuse_missing([parameter for parameter in missing if parameter not in optional], values)
        return built, sorted(parameter for parameter in optional if parameter in missing)

    def build_shaped(self, name: str, *args: Any, **kwargs: Any) -> tuple[Built, dict[str, torch.Size]]:
        """A module in eval mode, and the shape of each of its parameters by name.

        Raises Fault where it is no module, or its parameters are too many or too large.
        """
        value, shapes = self._call({"name": name}, args, kwargs, shapes=True)
        return self._built(name, value), _sizes(shapes)

    def _built(self, name: str, value: Any) -> Built:
        if not isinstance(value, Reference):
            raise Fault("no_object", name=name)
        return Built(self, value.number, name)

    def fixture(self, make: Callable[..., Any], *args: Any, **kwargs: Any) -> Built:
        """What a function or class of a unit's `fixtures.py` makes on the learner's side, such as a tiny model."""
        value = self.ask_all([fixture_request(make, *args, **kwargs)])[0]
        return Built(self, value.number, make.__name__)

    def error_of(self, told: Any) -> StudentError:
        """The error that the workbench told of."""
        return StudentError.of(told)

    # shared by names and objects ----------------------------------------------------------------------------------

    def _call(self, target: dict[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any], **more: Any) -> Any:
        return self.ask("call", **target, args=list(_sent(args)), kwargs=_sent(dict(kwargs)), **more)

    def _error(self, target: dict[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        try:
            self._call(target, args, kwargs)
        except StudentError as error:
            return known_type(error.types)
        return ""

    def _complaint(
        self, target: dict[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[str, str, Any]:
        types, text, value = self._call(target, args, kwargs, complaint=True)
        if not isinstance(types, list):
            return "", "", Built(self, value.number, "object") if isinstance(value, Reference) else value
        return known_type([kind for kind in types if isinstance(kind, str)]), str(text), None

    def _call_and_inputs(self, target: dict[str, Any], args: Sequence[Any]) -> tuple[Any, list[Any]]:
        value, after = self._call(target, args, {}, inputs=True)
        return value, list(after)

    def _slope(
        self, target: dict[str, Any], args: Sequence[Any], of: Sequence[int] = (), which: Sequence[int] | None = None
    ) -> dict[str, bool]:
        slope = Slope(_request(target, args, {}), of, [which])
        return slope.agreement(self.try_all(slope.requests))


class Built:
    """An object that the learner's code made and that stays on its side."""

    def __init__(self, student: Student, number: int, name: str) -> None:
        """number: under which the workbench keeps it; name: the exercise that made it."""
        self._student, self._target, self.name = student, {"object": number}, name

    @property
    def reference(self) -> Reference:
        """Stands for the object among the arguments of another call."""
        return Reference(self._target["object"])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What calling the object returns."""
        return self._student._call(self._target, args, kwargs)

    def tensor(self, *args: Any, **kwargs: Any) -> Tensor:
        """What calling the object returns, which has to be a tensor."""
        return as_tensor(self(*args, **kwargs))

    def method(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """What a method of the object returns."""
        return self._student._call({**self._target, "method": method}, args, kwargs)

    def error(self, *args: Any, **kwargs: Any) -> str:
        """The best-known class of what calling the object raises; empty where it raises nothing."""
        return self._student._error(self._target, args, kwargs)

    def complaint(self, *args: Any, **kwargs: Any) -> tuple[str, str, Any]:
        """The best-known class of what calling the object raises, and its text; else both empty, and the value."""
        return self._student._complaint(self._target, args, kwargs)

    def call_and_inputs(self, *args: Any) -> tuple[Any, list[Any]]:
        """What calling the object returns, and the arguments as they are after it."""
        return self._student._call_and_inputs(self._target, args)

    def inputs_after(self, *args: Any) -> list[Any]:
        """The arguments as they are after calling the object."""
        return self.call_and_inputs(*args)[1]

    def slope(self, *args: Any) -> dict[str, Any]:
        """For each float argument, whether autograd agrees with the slope of the object's own forward."""
        return self._student._slope(self._target, args)

    def request(self, *args: Any, **kwargs: Any) -> Request:
        """A call of the object, to be made together with others by `Student.ask_all` or `try_all`."""
        return _request(self._target, args, kwargs)

    def switch(self, training: bool) -> Request:
        """What `train` asks for, to be asked for together with other things."""
        return {"do": "mode", **self._target, "training": training}

    def parameters(self) -> dict[str, Tensor]:
        """A copy of each parameter by name."""
        return self.state()[0]

    def parameter_shapes(self) -> dict[str, torch.Size]:
        """The shape of each parameter by name. Raises Fault where they are too many or too large."""
        return _sizes(self._student.ask("shapes", **self._target))

    def state(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """A copy of each parameter, and of each buffer, by name."""
        (told,) = self._student.ask_all([self.stating()])
        return dict(told["parameters"]), dict(told["buffers"])

    def stating(self) -> Request:
        """What `state` asks for, to be asked for together with other things."""
        return {"do": "state", **self._target}

    def load(self, values: Mapping[str, Tensor]) -> None:
        """Set parameters by name. Raises Fault where the module has none of that name and shape."""
        refuse_missing(self._student.ask_all([self.loading(values)])[0], values)

    def loading(self, values: Mapping[str, Tensor]) -> Request:
        """What `load` asks for, to be asked for together with other things; `refuse_missing` reads the answer."""
        return {"do": "load", **self._target, "values": dict(values)}

    def train(self, training: bool) -> None:
        """Switch to training or evaluation mode."""
        self._student.ask_all([self.switch(training)])

    def get(self, path: str) -> Any:
        """The value of an attribute, with dots for attributes of attributes."""
        return self._student.ask("get", **self._target, path=path)

    def getting(self, path: str, wants: str = "value") -> Request:
        """A request for an attribute's value, or with "requires_grad" whether it is part of an autograd graph."""
        return {"do": "get", **self._target, "path": path, "wants": wants}

    def gradient(self, cotangent: Tensor, *args: Any) -> Any:
        """The gradient at the first argument of what calling the object returns, for a given cotangent."""
        return pulled(self._student.ask_all([self.pulling(*args, cotangent=cotangent)])[0])[0]

    def silent_parameters(self, *args: Any) -> list[str]:
        """Names of the parameters that get no gradient, or only zeros, from a random cotangent."""
        return silent_names(self._student.ask_all([self.pulling(*args)])[0])

    def pulling(self, *args: Any, cotangent: Tensor | None = None) -> Request:
        """A request for the gradients of the arguments, for a given cotangent; else for the silent parameters.

        `pulled` and `silent_names` read the answer, whose first item is the value of the call.
        """
        given = {"cotangents": [cotangent], "wants": "arguments"}
        return self.request(*args) | {"pull": given if cotangent is not None else {"seed": 1, "wants": "parameters"}}

    def tracing(self, children: Sequence[str], *args: Any, **kwargs: Any) -> Request:
        """What `trace` asks for, to be asked for together with other things; the answer is as the workbench told it."""
        return self.request(*args, **kwargs) | {"do": "trace", "children": list(children)}

    def trace(
        self, children: Sequence[str], *args: Any, **kwargs: Any
    ) -> tuple[Any, dict[str, list[Any]], StudentError | None]:
        """The output, for each child its calls (args, kwargs, output, whether it raised), and the first error.

        A child that raised has its first tensor as its output. Raises Fault for a missing child.
        """
        (told,) = self._student.ask_all([self.tracing(children, *args, **kwargs)])
        value, notes, error = told
        for child in children:
            if child not in notes:
                raise Fault("no_submodule", name=child)
        # the workbench notes no more than a few calls; what claims to be more would only be slow to look at
        calls = {child: [tuple(call) for call in notes[child][:MAX_CALLS]] for child in children}
        return value, calls, self._student.error_of(error) if error is not None else None


def _sizes(told: Mapping[str, Any]) -> dict[str, torch.Size]:
    shapes = {name: torch.Size(shape) for name, shape in told.items()}
    if (
        len(shapes) > MAX_PARAMETERS
        or sum(abs(shape.numel()) for shape in shapes.values()) * torch.float32.itemsize > codec.MAX_RAW_BYTES
    ):
        raise Fault("odd_value")
    return shapes


def refuse_missing(missing: Sequence[str] | StudentError, values: Mapping[str, Tensor]) -> None:
    """Raise Fault for the first of the values that a module had no room for, or the error that it raised."""
    if isinstance(missing, StudentError):
        raise missing
    for name in values:
        if name in missing:
            raise Fault("no_parameter", name=name)


def answered(answer: Any) -> Any:
    """An answer of `try_all`. Raises the StudentError that stands in its place."""
    if isinstance(answer, StudentError):
        raise answer
    return answer


def pulled(answer: Any) -> Any:
    """What was pulled back in a call with `pull`. Raises the StudentError that the call or the pulling raised."""
    _, found, error = answered(answer)
    if error is not None:
        raise StudentError.of(error)
    return found


def silent_names(answer: Any) -> list[str]:
    """The names of parameters that get no gradient, in the answer to `Built.pulling`. Raises StudentError."""
    return sorted(name for name in pulled(answer) if isinstance(name, str))


def as_tensor(value: Any) -> Tensor:
    """The value itself if it is a tensor of real numbers. Raises Fault otherwise."""
    if not isinstance(value, Tensor):
        raise Fault("no_tensor", type=kind_of(value))
    if value.is_complex():
        raise Fault("odd_value")
    return value


# words for the type of what came back: a learner's own class could carry a hidden input in its name
KNOWN_KINDS = ("ndarray", "int", "float", "bool", "str", "list", "tuple", "dict", "Tensor")


def kind_of(value: Any) -> str:
    """A word for the type of a value that came back."""
    if value is None:
        return "None"
    name = value.type_name if isinstance(value, codec.Foreign | Reference) else type(value).__name__
    return name if name in KNOWN_KINDS else "object"


KNOWN_ERRORS = frozenset(
    name
    for name, value in vars(__import__("builtins")).items()
    if isinstance(value, type) and issubclass(value, BaseException)
)


def known_type(types: Sequence[str]) -> str:
    """The first of an exception's classes that is Python's own: a learner's own name could carry a hidden input."""
    return next((name for name in types if name in KNOWN_ERRORS), "Exception")


def fixture_request(make: Callable[..., Any], *args: Any, **kwargs: Any) -> Request:
    """What `Student.fixture` asks for, to be asked for together with other things.

    The text of the fixtures' file travels with the request, so that the learner's side needs to know no unit.
    """
    sent = {"do": "fixture", "name": make.__name__, "source": _text_of(inspect.getfile(make))}
    return sent | {"args": list(_sent(args)), "kwargs": _sent(dict(kwargs))}


@cache
def _text_of(file: str) -> str:
    return Path(file).read_text(encoding="utf-8")


def _request(target: Mapping[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Request:
    return {"do": "call", **target, "args": list(_sent(args)), "kwargs": _sent(dict(kwargs))}


def error_of(answer: Any) -> str:
    """The best-known class of an exception among the answers of `try_all`; empty where none was raised."""
    return known_type(answer.types) if isinstance(answer, StudentError) else ""


def _sent(value: Any) -> Any:
    """Arguments as they are sent: handles become references."""
    if isinstance(value, Built):
        return value.reference
    if isinstance(value, list | tuple):
        return type(value)(_sent(item) for item in value)
    if isinstance(value, dict):
        return {key: _sent(item) for key, item in value.items()}
    return value
