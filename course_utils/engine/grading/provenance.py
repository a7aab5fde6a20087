"""What decides a mark: when one of these says something else, a notebook is graded again, and else it is not.

A mark is all that a record tells of a check: points, outcome, message, hint. What is read for it is
- of the unit's folder the answers (what a later exercise is followed through with), rules, fixtures, truth, points, and
  the points of its questions; of earlier units' folders only which names are their exercises;
- the release, as far as intake looks at it, and of the unit's built texts rules, hints and known mistakes;
- the grader, and each module of the package that it or a file of the unit imports;
- the versions of Python, of the packages that carry values, and of those that a unit's own files import themselves.

Notable choices:
- a file counts for what it says: code for its syntax tree without docstrings, data for what is read from it, so that
  comments, layout, and the order of keys change nobody's mark;
- imports are found in syntax trees, also those inside functions and those by a constant name; nothing is imported for
  it, and what is imported for type checkers alone decides nothing;
- hints.yml, mutants.py and lesson.py count when they are built: until then the grader reads what was built before.
  alternatives.py never counts, for it only proves that the checks are fair;
- the walls do not count: they decide what a process may do, not what is right, and a hole that was closed is no reason
  to grade a class again; who has moved a limit in them regrades. Neither does what tells, exports or finds notebooks:
  what was found is in a record's key beside this. Of the release's prose, by which an answer in words is told from
  the question, only that it is there: it decides no mark;
- neither does the first file of the whole package: it holds the release's number and does nothing.
"""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from ..course import LOOKS, PACKAGE, CourseError, CourseUnit, open_course, read_toml
from ..making.units import Unit
from ..texts import fingerprint_of_tree, tree_of
from .skeleton import Skeleton

ENGINE = __name__.rpartition(".grading.")[0]
COURSE = ENGINE.partition(".")[0]
GRADER = f"{ENGINE}.grading.grader"
WALLS = f"{ENGINE}.walls"

# of a unit's folder
ANSWERS, QUESTIONS, SETTINGS = "answers.py", "rubric.yml", "unit.toml"
CODE = (ANSWERS, "truth.py", "rules.py", "fixtures.py")
TEXTS = ("rules", "hints")  # of a unit's texts, what a verdict is told with; see assess.UnitJudge
VALUES = ("torch", "numpy")  # packages that carry every value that is compared
MISSING, NOTHING = "missing", frozenset[str]()
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)  # what reading code or data raises

T = TypeVar("T")


@cache
def version_of(name: str) -> str:
    """The version of Python or of an imported package; empty for a part of Python and for what is not installed."""
    if name == "python":
        return platform.python_version()
    if name in sys.stdlib_module_names:
        return ""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # it is not imported by the name under which it was installed, as sklearn
        return " ".join(metadata.version(each) for each in metadata.packages_distributions().get(name, ()))


def texts_of(unit: CourseUnit) -> Mapping[str, Any]:
    """A unit's built texts."""
    return unit.texts


def lines_of_looks(unit: CourseUnit) -> list[str]:
    """The lines of a unit's recorded looks; see `engine.judging.recorded`, which would import torch."""
    return (unit.folder / LOOKS).read_text(encoding="utf-8").splitlines()


def checks_digest(solutions: Path, unit: str) -> str:
    """A short hash of all that decides a mark on a unit, equal wherever the same course lies."""
    return digest(deciding(solutions, unit))


def deciding(
    solutions: Path,
    unit: str,
    package: Path = PACKAGE,
    texts: Callable[[CourseUnit], Mapping[str, Any]] = texts_of,
    looks: Callable[[CourseUnit], Iterable[str]] = lines_of_looks,
    version: Callable[[str], str] = version_of,
) -> dict[str, str]:
    """What decides a mark on a unit: a name of each thing -> a short hash of what it says, or its version.

    solutions: the folder of units, the release beside it; package: that of the course; texts: gives a unit's built
    texts; looks: the lines of its recorded looks; version: gives that of "python" or of an imported package, empty for
    a part of Python.
    A file that is not there or cannot be read has no error here: whoever reads it for a mark has the better sentence.
    """
    course = open_course(solutions)
    about = CourseUnit(solutions / unit)
    release = course.notebooks / course.languages[0] / unit / f"{unit}.ipynb"
    own = {name: read_code(about.folder / name) for name in CODE}
    start = [GRADER, *(name for code in own.values() for name in names_imported(code))]
    reached = modules_reached(start, package, left_out=WALLS)
    packages = {each.module.partition(".")[0] for code in own.values() for each in code.imports if not each.level}
    versions = {name: version(name) for name in ("python", *VALUES, *(packages - {COURSE}))}
    return {
        **{f"unit, {name}": code.meaning for name, code in own.items()},
        "unit, points": read_once(about.folder / SETTINGS, _points, MISSING),
        "unit, points of questions": read_once(about.folder / QUESTIONS, _questions, MISSING),
        "unit, exercises that it builds on": digest(_provided(about)),
        "unit, release": read_once(release, _release, MISSING),
        "unit, texts": _texts(texts, about),
        "unit, known mistakes": _mistakes(looks, about),
        **{name: code.meaning for name, code in reached.items()},
        **{f"version of {name}": found for name, found in versions.items() if found},
    }


def state_of_packages(packages: Iterable[str]) -> str:
    """A short hash of all modules of packages of this course and of all that they import."""
    start = [name for name in _modules(PACKAGE) if any(_is_within(name, each) for each in packages)]
    return digest({name: code.meaning for name, code in modules_reached(start, PACKAGE).items()})


def digest(value: Any) -> str:
    """A short hash of data as JSON; the order of keys does not count, that of lists does."""
    return _hash(json.dumps(value, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


# files --------------------------------------------------------------------------------------------------------------


_kept: dict[tuple[Path, Any], tuple[tuple[int, int], Any]] = {}  # by file and reader: time and size, what was read


def read_once(path: Path, read: Callable[[Path], T], missing: T) -> T:
    """What is read from a file, kept as long as neither its time nor its size changes; missing: where there is none."""
    try:
        status = path.stat()
    except OSError:
        return missing
    state = (status.st_mtime_ns, status.st_size)
    kept = _kept.get((path, read))
    if kept is None or kept[0] != state:
        kept = _kept[path, read] = (state, read(path))
    return cast("T", kept[1])


# code ---------------------------------------------------------------------------------------------------------------


class Import(NamedTuple):
    """One import, as it is written."""

    level: int  # dots before the name
    module: str
    names: tuple[str, ...]  # what is taken from the module, itself perhaps a module
    inside: bool  # a function, so that it does not run when its file is imported


@dataclass(frozen=True)
class Code:
    """A file of Python: what it says, and what it imports when it runs."""

    meaning: str
    imports: tuple[Import, ...] = ()


def read_code(path: Path) -> Code:
    """What a file of Python says."""
    return read_once(path, _code, Code(MISSING))


def _code(path: Path) -> Code:
    data = path.read_bytes()
    try:
        tree = tree_of(data.decode("utf-8-sig"))
        return Code(imports=tuple(_imports(tree)), meaning=fingerprint_of_tree(tree))
    except UNREADABLE:
        return Code(_hash(data))


def _imports(tree: ast.Module) -> Iterator[Import]:
    """The imports of a module, but those that are for type checkers alone."""
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (Import(0, alias.name, (), inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import(node.level, node.module or "", tuple(alias.name for alias in node.names), inside)
        elif isinstance(node, ast.Call) and node.args and _is_import_function(node.func):
            name = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            if isinstance(name, str):
                yield Import(len(name) - len(name.lstrip(".")), name.lstrip("."), (), inside)
        inside |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        runs: Iterable[ast.AST] = ast.iter_child_nodes(node)
        if isinstance(node, ast.If) and _last_name(node.test) == "TYPE_CHECKING":
            runs = node.orelse
        waiting += [(each, inside) for each in runs]


def _is_import_function(node: ast.expr) -> bool:
    return _last_name(node) in ("import_module", "__import__")


def _last_name(node: ast.expr) -> str:
    """The name that an expression ends with: "c" of `a.b.c`."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def names_imported(code: Code, package: str = "", inside: bool = True) -> Iterator[str]:
    """The full names that code imports, those of modules and of what is in them.

    package: the one that dots before a name start from; inside: also what functions import when they run.
    """
    for each in code.imports:
        if inside or not each.inside:
            parts = package.split(".") if each.level else []
            base = ".".join([*parts[: len(parts) - each.level + 1], *filter(None, [each.module])])
            yield base
            yield from (f"{base}.{name}" for name in each.names)


def modules_reached(start: Iterable[str], package: Path, left_out: str = "") -> dict[str, Code]:
    """The modules of the course that some names lead to, with all that they import, and the packages round them.

    Of a package that is only round a module, no function is called: what these import is not followed.
    start: names of modules, or of what is in them; left_out: a package that is not followed.
    """
    files = _modules(package)
    found: dict[str, Code] = {}
    waiting = [(name, True) for name in start]
    seen = set(waiting)
    while waiting:
        name, is_named = waiting.pop()
        around = name.rpartition(".")[0]
        following = {(around, False)}
        if path := files.get(name):
            found[name] = read_code(path)
            own_package = name if path.name == "__init__.py" else around
            following |= {(other, True) for other in names_imported(found[name], own_package, is_named)}
        new = {(other, named) for other, named in following if _counts(other, left_out)} - seen
        seen |= new
        waiting += new
    return found


def _counts(name: str, left_out: str) -> bool:
    return name != COURSE and _is_within(name, COURSE) and not (left_out and _is_within(name, left_out))


def _is_within(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def _modules(package: Path) -> dict[str, Path]:
    """The files of a course's modules, by their full names."""
    found = {}
    for path in package.rglob("*.py"):
        parts = [COURSE, *path.relative_to(package).with_suffix("").parts]
        found[".".join(parts[:-1] if path.name == "__init__.py" else parts)] = path
    return found


# data ---------------------------------------------------------------------------------------------------------------


def _questions(path: Path) -> str:
    """What is read of the questions that a person marks; no student sees criteria and model answers."""
    return _hash_of(path, lambda: {name: float(found["points"]) for name, found in Unit(path.parent).rubric.items()})


def _release(path: Path) -> str:
    return _hash_of(path, lambda: Skeleton.of(path.stem, json.loads(path.read_text(encoding="utf-8"))).meaning())


def _hash_of(path: Path, read: Callable[[], Any]) -> str:
    """A short hash of what is read from a file, of its bytes where it cannot be read."""
    try:
        return digest(read())
    except (LookupError, TypeError, AttributeError, *UNREADABLE):  # CourseError is a ValueError
        return _hash(path.read_bytes())


def _texts(texts: Callable[[CourseUnit], Mapping[str, Any]], unit: CourseUnit) -> str:
    try:
        found = texts(unit)
    except (FileNotFoundError, CourseError):  # not built yet
        return MISSING
    return digest({kind: found.get(kind) for kind in TEXTS})


def _mistakes(looks: Callable[[CourseUnit], Iterable[str]], unit: CourseUnit) -> str:
    """Of recorded looks those at known mistakes, which give a message its hint; the truth's are the self-check's."""
    try:
        entries = [json.loads(line) for line in looks(unit)]
    except FileNotFoundError:  # not built yet
        return MISSING
    return digest([entry for entry in entries if "hint" in entry])


def _points(path: Path) -> str:
    """What decides a mark of a unit's settings; its title, minutes and warm imports do not."""
    return _hash_of(path, lambda: [read_toml(path).get(key) for key in ("points", "same_answer")])


def _provided(unit: CourseUnit) -> list[str]:
    """What `Unit.provided` says, which loads the rules of the earlier units for it."""
    names = unit.course.unit_names
    earlier = [unit.folder.parent / name / SETTINGS for name in names[: names.index(unit.name)]]
    exercises = {name for path in earlier for name in read_once(path, _exercises, NOTHING)}
    return sorted(exercises & read_once(unit.folder / ANSWERS, _taken, NOTHING))


def _exercises(path: Path) -> frozenset[str]:
    """The exercises of a unit, by its settings."""
    try:
        return frozenset(read_toml(path).get("points", ()))
    except CourseError:
        return NOTHING


def _taken(path: Path) -> frozenset[str]:
    """The names by which a module knows what it takes from others."""
    found = [alias for node in _body(path) if isinstance(node, ast.ImportFrom) for alias in node.names]
    return frozenset(alias.asname or alias.name for alias in found)


def _body(path: Path) -> list[ast.stmt]:
    try:
        return tree_of(path.read_text(encoding="utf-8")).body
    except UNREADABLE:
        return []
