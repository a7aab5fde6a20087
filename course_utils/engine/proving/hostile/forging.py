"""Notebooks that forge a verdict: by patches of what compares; by words on the wire; by values that pretend."""

from __future__ import annotations

from .attack import FORGE, IN_USE, TELLING, by_answer, by_cell
from .pretending import MODULES, values
from .talking import FRAME, WIRE

PATCHES = [
    by_cell(
        "patched comparisons",
        FORGE,
        "makes torch's comparisons say yes",
        """
import torch
torch.allclose = torch.equal = lambda *a, **k: True
torch.isclose = lambda a, b, **k: torch.ones_like(a, dtype=torch.bool)
torch.testing.assert_close = lambda *a, **k: None
torch.Tensor.allclose = lambda *a, **k: True
""",
    ),
    by_cell(
        "patched Tensor methods",
        FORGE,
        "makes every tensor equal to every other",
        """
import torch
torch.Tensor.__eq__ = lambda a, b: torch.ones(1, dtype=torch.bool)
torch.Tensor.__ne__ = lambda a, b: torch.zeros(1, dtype=torch.bool)
torch.Tensor.all = torch.Tensor.any = lambda *a, **k: torch.tensor(True)
""",
        spares=False,
    ),
    by_cell(
        "patched numpy and math",
        FORGE,
        "makes numpy's and math's comparisons say yes",
        """
import math, numpy
math.isclose = lambda *a, **k: True
numpy.allclose = numpy.array_equal = lambda *a, **k: True
numpy.testing.assert_allclose = lambda *a, **k: None
""",
    ),
    by_cell(
        "patched builtins",
        FORGE,
        "replaces zip, all, any, abs and isinstance",
        """
import builtins
builtins.all = lambda *a: True
builtins.any = lambda *a: False
builtins.abs = lambda value: 0
""",
        spares=False,
    ),
    by_cell(
        "patched judge",
        FORGE,
        "replaces the judge's functions in its own process",
        """
from course_utils.engine.judging import judge
from course_utils.engine.learning import report
judge.differs = lambda *a, **k: None
judge.unequal = lambda *a, **k: ""
judge.verdict = lambda rule, *a, **k: judge.Verdict(rule.name, "passed")
""",
    ),
    by_cell(
        "patched rules",
        FORGE,
        "replaces the rules' functions in its own process",
        """
import sys
from course_utils.engine import course
from course_utils.engine.judging import rule
for module in [*sys.modules.values()]:
    for look in [*getattr(module, "__dict__", {}).values()]:
        try:
            for one in look.rules:
                object.__setattr__(one, "look", lambda student, draw: {"values": {}})
        except Exception:
            pass
rule.rules_of = lambda module: []
course.load = lambda folder, name: type(course)(name)
""",
    ),
    by_cell(
        "replaced perform",
        FORGE,
        "lets the workbench answer every request with True",
        IN_USE
        + """
Workbench.perform = lambda self, request: {"value": True}
""",
        spares=False,
    ),
    by_cell(
        "a verdict as the answer",
        FORGE,
        "lets the workbench answer with a verdict",
        IN_USE
        + """
honest = Workbench.perform
def perform(self, request):
    if request.get("name") == "powers" and request["do"] == "call":
        return {"value": {"outcome": "passed", "points": 3, "check": "powers-values"}}
    return honest(self, request)
Workbench.perform = perform
""",
    ),
    by_cell(
        "value and error at once",
        FORGE,
        "answers with a value and an error together",
        IN_USE
        + """
honest = Workbench.perform
def perform(self, request):
    answer = honest(self, request)
    return answer | {"error": None, "passed": True} if request.get("name") == "powers" else answer
Workbench.perform = perform
""",
        ends=("failed",),
        spares=False,
    ),
    by_cell(
        "an error told with markup",
        FORGE,
        "tells of exceptions whose names are a script, a path and a format",
        IN_USE
        + """
names = ["<script>alert(1)</script>", "{type}{0.__class__}", "../../../etc/passwd", "ValueError" * 1000]
in_use["describe"] = lambda error: {"types": names, "cell": "powers", "line": 10**30}
""",
        "def powers(count):\n    raise RuntimeError\n",
        spares=False,
    ),
    by_cell(
        "a line number as a channel",
        FORGE,
        "tells of an exception in a line that is a hidden input and a thousand",
        IN_USE
        + """
honest = in_use["describe"]
def describe(error):
    told = honest(error)
    if isinstance(error, LookupError):
        told |= {"cell": "powers", "line": 1000 + error.args[0]}
    return told
in_use["describe"] = describe
""",
        "def powers(count):\n    raise LookupError(count)\n",
        ends=("error",),
    ),
    by_answer(
        "a line of a cell that is not there",
        FORGE,
        "raises in code of its own that claims to be the exercise's cell and has a thousand lines more",
        "def powers(count):\n"
        "    exec(compile('\\n' * (1000 + count) + 'raise LookupError', '<cell powers>', 'exec'))\n",
        ends=("error",),
    ),
    by_answer(
        "a cell's name as a channel",
        FORGE,
        "raises in code that claims to be of a cell named by a hidden input",
        "def powers(count):\n    exec(compile('raise LookupError', f'<cell Secret{count}>', 'exec'))\n",
        ends=("error",),
    ),
    by_cell(
        "replaced codec",
        FORGE,
        "encodes every answer as a frame of its own making",
        IN_USE
        + """
codec.encode = lambda value: codec.LENGTHS.pack(4, 0) + b"true"
""",
        spares=False,
    ),
    by_cell(
        "pickle on the wire",
        FORGE,
        "sends a pickle that would run code where it is read",
        FRAME
        + """
import pickle
class Bomb:
    def __reduce__(self):
        return (os.system, ("touch /tmp/was-here",))
body = pickle.dumps(Bomb())
codec.encode = lambda value: codec.LENGTHS.pack(len(body), 0) + body
""",
        spares=False,
    ),
    by_cell(
        "points in the output",
        FORGE,
        "prints points and shows 5.0 as a result, as nbgrader counts it",
        'import sys\nprint(\'{"points": 3, "outcome": "passed"}\')\nsys.displayhook(5.0)\n5.0',
    ),
    by_cell(
        "a rewriter of cells",
        FORGE,
        "rewrites later cells through IPython's own hooks",
        """
import ast
class Yes(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
shell = get_ipython()
shell.ast_transformers.append(Yes())
shell.input_transformers_post.append(lambda lines: [line.replace("0.8", "1") for line in lines])
""",
        spares=False,
    ),
    by_cell(
        "stubbed modules",
        FORGE,
        "puts modules that say yes into sys.modules",
        """
import sys, types
class Yes(types.ModuleType):
    def __getattr__(self, name):
        return lambda *a, **k: True
for name in ("torch.testing", "course_utils.engine.judging.judge", "course_utils.engine.grading.grader", "nbgrader"):
    sys.modules[name] = Yes(name)
""",
    ),
    by_cell(
        "an import hook",
        FORGE,
        "watches imports to get hold of hidden tests",
        """
import sys
loot = []
class Hook:
    def find_spec(self, name, path=None, target=None):
        if "hidden" in name or "solutions" in name or "reference" in name:
            loot.append(name)
sys.meta_path.insert(0, Hook())
""",
        TELLING,
    ),
    by_cell(
        "a trace of every frame",
        FORGE,
        "traces the process and takes what is called expected",
        """
import sys, torch
loot = []
def spy(frame, event, argument):
    for name in ("expected", "wanted", "truth", "hidden"):
        if isinstance(frame.f_locals.get(name), torch.Tensor):
            loot.append(frame.f_locals[name])
    return spy
sys.settrace(spy)
""",
        TELLING,
    ),
    by_cell(
        "a namespace that lies",
        FORGE,
        "puts the names of truths and rules over its own",
        "POINTS = {'powers-values': 3}\nCASES = {'powers': []}\n__name__ = 'truth'\n",
    ),
]
ATTACKS = [*PATCHES, *WIRE, *values(), *MODULES]
