"""Solutions to student notebooks: `lesson.py` and its neighbours become `notebooks/<language>/<unit>/<unit>.ipynb`.

The way of a unit: lesson.read -> source_notebook (labels become nbgrader metadata, reference and hidden tests are
pasted with nbgrader's own markers) -> nbgrader generate_assignment -> tidy (stable ids, sorted keys) -> leak check.
Equal sources give equal bytes.
"""

from __future__ import annotations

import ast
import json
import logging
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.apps.api import NbGraderAPI

from .. import files
from ..course import EXAMPLES, LOOKS, SOLUTIONS, TEXTS, Course, CourseError, current
from ..reading.released import EXPERIMENT
from ..texts import MARKER_FILE
from .chinese import typeset
from .lesson import Cell, Lesson, code_in, read
from .nbgrader import settings
from .units import BEGIN, END, Unit, find_units

HIDDEN_BEGIN, HIDDEN_END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
HEAD = {  # of the cell of a check
    "en": '# {check}: {points} points, by hidden tests with other numbers than those of check("{exercise}").',
    "zh": '# {check}：{points} 分，由隐藏的测试（hidden tests）评分，所用的数与 check("{exercise}") 不同。',
}
HIDDEN_SOURCE = {"jupyter": {"source_hidden": True}}  # what notebooks collapse; the tag hide-input is Jupyter Book's
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def source_notebook(unit: Unit, lesson: Lesson, language: str) -> NotebookNode:
    """The instructor's version of a unit in one language: answers and hidden tests in it, with nbgrader's markers."""
    cells = []
    for number, cell in enumerate(lesson.cells):
        if cell.language not in (None, language):
            continue
        cells += list(_expanded(unit, cell, number, language))
    _place_grade_cells(unit, cells, language)
    made_from = f"{unit.folder.parent.name}/{unit.name}"
    metadata = {"course": {"language": language, "unit": unit.name, "generated_from": made_from}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata | {"kernelspec": KERNEL})


def _expanded(unit: Unit, cell: Cell, number: int, language: str) -> Iterator[NotebookNode]:
    """The notebook cells that one cell of a lesson becomes in a language."""
    label = f"{unit.name[:2]}-{number:03d}"
    if cell.kind == "markdown":
        yield _cell("markdown", typeset(cell.source, cell.language), label, {})
        if cell.labels.get("question"):
            question = cell.labels["question"]
            metadata = _graded(question, float(unit.rubric[question]["points"]), solution=True, cell_type="markdown")
            yield _cell("markdown", _model_answer(unit, question, cell.language), question, metadata)
    elif cell.labels.get("exercise"):
        exercise = cell.labels["exercise"]
        metadata = {"nbgrader": _nbgrader(exercise, "code", grade=False, solution=True, locked=False)}
        yield _cell("code", code_in(unit, cell, language), exercise, metadata)
    elif cell.labels.get("role") == "setup":
        metadata = {"nbgrader": _nbgrader(f"{unit.name}-setup-{number}", "code", False, False, True)}
        yield _cell("code", code_in(unit, cell, language), f"{label}-setup", metadata | {"course": {"role": "setup"}})
    elif cell.labels.get("role") == "picture":
        metadata = {"tags": [EXPERIMENT, "hide-input"], **HIDDEN_SOURCE}
        yield _cell("code", code_in(unit, cell, language), label, metadata)
    else:
        yield _cell("code", code_in(unit, cell, language), label, {"tags": [EXPERIMENT]})


def _cell(kind: str, source: str, label: str, metadata: dict[str, Any]) -> NotebookNode:
    """A cell with a stable id, a code cell without a trace of having run."""
    new: Any = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    identity = re.sub(r"[^a-zA-Z0-9_-]", "-", label)[:64]
    return new(source=source, id=identity, metadata=metadata)


def _nbgrader(grade_id: str, cell_type: str, grade: bool, solution: bool, locked: bool) -> dict[str, Any]:
    return {
        "cell_type": cell_type,
        "grade": grade,
        "grade_id": grade_id,
        "locked": locked,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }


def _graded(grade_id: str, points: float, solution: bool, cell_type: str) -> dict[str, Any]:
    marks = _nbgrader(grade_id, cell_type, grade=True, solution=solution, locked=not solution)
    return {"nbgrader": marks | {"points": int(points) if points.is_integer() else points}}


def _model_answer(unit: Unit, question: str, language: str | None) -> str:
    return str(unit.rubric[question]["model_answer"][language or "en"]).strip()


def _place_grade_cells(unit: Unit, cells: list[NotebookNode], language: str) -> None:
    """Put the grade cells of each exercise behind the cell that checks it, or behind the exercise."""
    for exercise in unit.exercises:
        places = [i for i, cell in enumerate(cells) if f'check("{exercise}")' in cell.source]
        own = [i for i, c in enumerate(cells) if c.metadata.get("nbgrader", {}).get("grade_id") == exercise]
        if len(own) != 1:
            raise CourseError(f"{unit.folder / 'lesson.py'}: {len(own)} cells for exercise {exercise}; one is needed")
        place = max([own[0], *places]) + 1
        graded = [grade_cell(unit, check, language) for check in unit.checks(exercise)]
        for cell in graded[1:]:  # one of an exercise is seen, the others are a thin line each
            cell.metadata |= HIDDEN_SOURCE
        cells[place:place] = graded


def grade_cell(unit: Unit, check: str, language: str) -> NotebookNode:
    """The locked cell of a check, with the hidden test between nbgrader's markers; language: of what it says."""
    exercise = unit.rules[check].exercise
    points = unit.points(check)
    before, earlier = unit.before(exercise)
    truth = (unit.folder / "truth.py").read_text(encoding="utf-8")
    call = "\n".join(
        [
            "from course_utils.selfcheck.hidden_cell import grade_cell",
            "",
            "grade_cell(",
            f"    {check!r},",
            f"    unit={unit.name!r},",
            "    names=globals(),",
            f"    cases={list(unit.cases[exercise])!r},",
            f"    truth={_text_literal(closure(truth, exercise))},",
            f"    before={_text_literal(before if earlier else '')},",
            f"    earlier={earlier!r},",
            ")",
        ]
    )
    head = HEAD[language].format(check=check, points=f"{points:g}", exercise=exercise)
    shown = ["", "from course_utils.selfcheck import validate", "", f'validate("{check}")']
    source = "\n".join([head, HIDDEN_BEGIN, call, HIDDEN_END, *shown])
    return _cell("code", source, check, _graded(check, points, solution=False, cell_type="code"))


def _text_literal(text: str) -> str:
    return repr(text) if "'''" in text or text.endswith(("'", "\\")) else f"r'''{text}'''"


def closure(source: str, name: str) -> str:
    """The top-level statements of a module that a name needs, in their order."""
    tree = ast.parse(source)
    binds: dict[str, ast.stmt] = {}
    for node in tree.body:
        for bound in _bound_names(node):
            binds[bound] = node
    needed: set[ast.stmt] = {
        node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    }
    open_names = [name]
    while open_names:
        found = binds.get(open_names.pop())
        if found is not None and found not in needed:
            needed.add(found)
            open_names += [item.id for item in ast.walk(found) if isinstance(item, ast.Name)]
    return "\n\n".join(ast.unparse(node) for node in tree.body if node in needed)


def _bound_names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    bound: list[ast.AST] = [node]  # what a comprehension binds stays in it
    if isinstance(node, ast.Assign):
        bound = [*node.targets]
    elif isinstance(node, ast.AnnAssign):
        bound = [node.target]
    return [
        item.id
        for place in bound
        for item in ast.walk(place)
        if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
    ]


# from source to release ---------------------------------------------------------------------------------------------


def release(source: NotebookNode, unit: Unit, root: Path) -> NotebookNode:
    """The student's version of a notebook, made by nbgrader in a course folder; a new folder takes it some seconds."""
    generate(source, unit, root)
    made = root / "release" / unit.name / f"{unit.name}.ipynb"
    return tidy(nbformat.read(made, as_version=4), source)


def generate(source: NotebookNode, unit: Unit, root: Path) -> None:
    """Put a source notebook into nbgrader's course folder and let nbgrader release it. Raises CourseError."""
    path = root / "source" / unit.name / f"{unit.name}.ipynb"
    files.write_whole(path, as_text(source))
    logging.getLogger("nbgrader").setLevel(logging.ERROR)
    api = NbGraderAPI(config=settings(unit.course, root))
    api.log_level = logging.ERROR
    result = api.generate_assignment(unit.name, force=True, create=True)
    if not result["success"]:
        raise CourseError(f"nbgrader could not release {unit.name}: {result.get('error') or result.get('log')}")


def tidy(notebook: NotebookNode, source: NotebookNode) -> NotebookNode:
    """A released notebook with the cell ids of its source and nothing in it that differs from run to run."""
    for cell, original in zip(notebook.cells, source.cells, strict=True):
        cell.id = original.id
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = None, []
    notebook.metadata = NotebookNode(source.metadata)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def as_text(notebook: NotebookNode) -> str:
    """The bytes of a notebook's file, keys sorted."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def leaks(released: NotebookNode, unit: Unit) -> list[str]:
    """Lines of answers, hidden tests or markers that a released notebook shows."""
    text = {line.strip() for cell in released.cells for line in cell.source.splitlines()}
    shown = {line.strip() for exercise in unit.exercises for line in unit.released(exercise).splitlines()}
    given = {line.strip() for line in unit.given_source().splitlines()}
    secret = {line.strip() for line in secret_lines(unit)} - shown - given
    return sorted(line for line in text if line in secret or "BEGIN SOLUTION" in line or "HIDDEN TESTS" in line)


def secret_lines(unit: Unit) -> Iterator[str]:
    """The lines of a unit that no student may see: answers between markers, hidden tests, mutants, model answers."""
    for exercise in unit.exercises:
        inside = False
        for line in unit.cell(exercise).splitlines():
            if line.strip() in (BEGIN, END):
                inside = line.strip() == BEGIN
            elif inside and _tells(line):
                yield line
    for name in ("truth.py", "mutants.py", "alternatives.py", "rubric.yml"):
        for line in (unit.folder / name).read_text(encoding="utf-8").splitlines():
            if _tells(line):
                yield line


def _tells(line: str) -> bool:
    """Whether a line would tell a student anything: brackets, imports and short words do not."""
    text = line.strip()
    plain = (
        "import ",
        "from ",
        "for ",
        "with ",
        "#",
        "return x",
        "class ",
        "def ",
        "super().__init__",
        "@",
        '"""',
        "raise ValueError(",
    )
    return len(text) > 14 and not text.startswith(plain)


def build(names: Sequence[str] = (), only_check: bool = False) -> Iterator[str]:
    """Build units, or only find out what is stale; yields a sentence for each thing that is stale or was written.

    Raises CourseError for an unknown unit, a stale translation, or a leak.
    """
    course = current()
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        for unit in find_units(course.folder, names):
            yield from _build_unit(unit, Path(folder), only_check)
    for language in course.languages:
        path = course.notebooks / language / MARKER_FILE
        yield from _written(course, path, json.dumps({"language": language}) + "\n", only_check)


def _build_unit(unit: Unit, folder: Path, only_check: bool) -> Iterator[str]:
    """Build a unit; nbgrader releases its languages one after the other in a course folder."""
    from .observations import examples_of_unit, looks_of, solutions_of, texts_of

    lesson, course = read(unit), unit.course
    made = unit.folder / TEXTS, unit.folder / LOOKS
    yield from _written(course, made[0], as_json(texts_of(unit, lesson)), only_check)
    yield from _written(course, unit.folder / SOLUTIONS, as_json(solutions_of(unit)), only_check)
    yield from _written(course, made[1], with_old_digits(looks_of(unit), made[1]), only_check)
    if unit.examples_module:
        path = unit.folder / EXAMPLES
        yield from _written(course, path, with_old_digits(examples_of_unit(unit), path), only_check)
    for number, language in enumerate(course.languages):
        source = source_notebook(unit, lesson, language)
        released = release(source, unit, folder)
        found = leaks(released, unit)
        if found:
            raise CourseError(f"{unit.name}: the release would show {len(found)} secret lines, such as {found[0]!r}")
        path = course.notebooks / language / unit.name / f"{unit.name}.ipynb"
        yield from _written(course, path, as_text(released), only_check)
        if number == 0 and not only_check and not _is_generated(source, unit):
            generate(source, unit, course.nbgrader)


def _is_generated(source: NotebookNode, unit: Unit) -> bool:
    """Whether nbgrader's course folder was made from this very source."""
    name = f"{unit.name}/{unit.name}.ipynb"
    made = unit.course.nbgrader / "source" / name
    return (unit.course.nbgrader / "release" / name).exists() and made.read_text(encoding="utf-8") == as_text(source)


def _written(course: Course, path: Path, text: str, only_check: bool) -> Iterator[str]:
    """Write a file that does not hold a text yet, or only say that it is stale."""
    if _text_of(path) == text:
        return
    shown = path.relative_to(course.top)
    if only_check:
        yield f"{shown} is stale; run: course build"
    else:
        files.write_whole(path, text)
        yield f"wrote {shown}"


def as_json(texts: dict[str, Any]) -> str:
    """The bytes of a unit's texts: one string a line, the languages of a sentence below each other."""
    return json.dumps(texts, indent=1, ensure_ascii=False) + "\n"


def with_old_digits(looks: str, path: Path) -> str:
    """Lines of looks, each as the file has it already where but last digits differ: other machines round otherwise."""
    old = dict(_by_what_it_is_of(_text_of(path)))
    return "".join(
        old[of][0] if of in old and _close(old[of][1], entry) else line
        for of, (line, entry) in _by_what_it_is_of(looks)
    )


def _by_what_it_is_of(looks: str) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Lines of looks, as they stand and read, each with all that it says beside the look; damaged ones are left out."""
    for line in looks.splitlines(keepends=True):
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                yield json.dumps({key: entry[key] for key in entry if key != "look"}), (line, entry)


def _text_of(path: Path) -> str:
    """What a file holds, nothing for one that is missing or no text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _close(a: Any, b: Any) -> bool:
    if isinstance(a, float | int) and isinstance(b, float | int) and not isinstance(a, bool):
        return abs(a - b) <= 1e-5 * max(1.0, abs(a), abs(b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(_close(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_close, a, b))
    return bool(a == b)
