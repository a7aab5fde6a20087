"""The build: equal bytes twice, stale things are found, leaks are found, and a released notebook is clean."""

import copy
import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from course_utils.engine.course import FILE, LANGUAGES, LOOKS, TEXTS, VARIABLE, CourseError, current
from course_utils.engine.making import lesson
from course_utils.engine.making import release as build
from course_utils.engine.making.release import as_text, closure, leaks, release, source_notebook
from course_utils.engine.making.units import Unit, all_units
from course_utils.engine.making.words import code_of, read_words

UNITS = all_units(current().folder)
FIRST = UNITS[0]
of_units = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
RELEASES = [pytest.param(unit, language, id=f"{unit.name}-{language}") for unit in UNITS for language in LANGUAGES]
of_releases = pytest.mark.parametrize(("unit", "language"), RELEASES)


def path_of(unit, language):
    return current().notebooks / language / unit.name / f"{unit.name}.ipynb"


def released(unit, language="en"):
    """The committed notebook."""
    return nbformat.read(path_of(unit, language), as_version=nbformat.NO_CONVERT)


def marks(cell):
    return cell.metadata.get("nbgrader", {})


# equal bytes ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def course_folders(tmp_path_factory):
    """Where nbgrader releases the notebooks of each language."""
    return tmp_path_factory.mktemp("releases")


@pytest.mark.slow
@of_releases
def test_building_again_gives_the_committed_bytes(unit, language, course_folders):
    again = as_text(release(source_notebook(unit, lesson.read(unit), language), unit, course_folders / language))
    assert again == path_of(unit, language).read_text(encoding="utf-8")


@pytest.mark.slow
def test_building_in_another_process_gives_equal_bytes(tmp_path):
    """Another process orders its sets in another way."""
    script = (
        "import hashlib, pathlib, sys\n"
        "from course_utils.engine.course import current\n"
        "from course_utils.engine.making import lesson, release as build\n"
        "from course_utils.engine.making.units import all_units\n"
        "for unit in all_units(current().folder):\n"
        "    source = build.source_notebook(unit, lesson.read(unit), 'en')\n"
        "    text = build.as_text(source) + build.as_text(build.release(source, unit, pathlib.Path(sys.argv[1])))\n"
        "    print(unit.name, hashlib.sha256(text.encode()).hexdigest())\n"
    )
    digests = [
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / seed)],
            env=dict(os.environ, PYTHONHASHSEED=seed),
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        ).stdout
        for seed in ("1", "2")
    ]
    assert digests[0] == digests[1]
    assert digests[0].count("\n") == len(UNITS)


@pytest.mark.slow
def test_nothing_committed_is_stale():
    assert list(build.build(only_check=True)) == []


# a workshop of its own --------------------------------------------------------------------------------------------


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    """A course of its own with unit 01 alone, its sources and generated files, which the build then works on."""
    solutions = tmp_path / "solutions"
    shutil.copytree(FIRST.folder, solutions / FIRST.name, ignore=shutil.ignore_patterns("__pycache__"))
    settings = (current().folder / FILE).read_text(encoding="utf-8")
    (solutions / FILE).write_text(f'{settings.partition("units = ")[0]}units = ["{FIRST.name}"]\n', encoding="utf-8")
    for language in LANGUAGES:
        folder = tmp_path / "notebooks" / language
        shutil.copytree(current().notebooks / language / FIRST.name, folder / FIRST.name)
        shutil.copyfile(current().notebooks / language / "course.json", folder / "course.json")
    monkeypatch.setenv(VARIABLE, str(solutions))
    return tmp_path


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.slow
def test_check_names_every_stale_file_and_writes_none(workshop):
    """A notebook that is gone, a Chinese one edited by hand, a changed hint, a look gone, a lost marker."""
    (workshop / "notebooks" / "en" / FIRST.name / f"{FIRST.name}.ipynb").unlink()
    chinese = workshop / "notebooks" / "zh" / FIRST.name / f"{FIRST.name}.ipynb"
    edit(chinese, "位置编码", "位置 编码")
    edit(workshop / "solutions" / FIRST.name / TEXTS, "parenthesis", "bracket")
    looks = workshop / "solutions" / FIRST.name / LOOKS
    looks.write_text("".join(looks.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    (workshop / "notebooks" / "zh" / "course.json").write_text("{}")
    before = chinese.read_bytes()
    assert sorted(build.build(only_check=True)) == [
        f"notebooks/en/{FIRST.name}/{FIRST.name}.ipynb is stale; run: course build",
        f"notebooks/zh/{FIRST.name}/{FIRST.name}.ipynb is stale; run: course build",
        "notebooks/zh/course.json is stale; run: course build",
        f"solutions/{FIRST.name}/recorded/looks.jsonl is stale; run: course build",
        f"solutions/{FIRST.name}/recorded/texts.json is stale; run: course build",
    ]
    assert chinese.read_bytes() == before
    assert not (workshop / "build").exists()


@pytest.mark.slow
def test_a_build_writes_what_is_stale_and_then_nothing_more(workshop):
    chinese = workshop / "notebooks" / "zh" / FIRST.name / f"{FIRST.name}.ipynb"
    before = chinese.read_bytes()
    edit(chinese, "位置编码", "位置 编码")
    assert list(build.build()) == [f"wrote notebooks/zh/{FIRST.name}/{FIRST.name}.ipynb"]
    assert chinese.read_bytes() == before
    made = workshop / "build" / "nbgrader"
    assert (made / "release" / FIRST.name / f"{FIRST.name}.ipynb").exists()
    stamp = (made / "source" / FIRST.name / f"{FIRST.name}.ipynb").stat().st_mtime_ns
    assert list(build.build()) == []
    assert (made / "source" / FIRST.name / f"{FIRST.name}.ipynb").stat().st_mtime_ns == stamp


@pytest.mark.slow
def test_a_code_cell_that_differs_between_the_languages_is_stale(workshop):
    path = workshop / "notebooks" / "zh" / FIRST.name / f"{FIRST.name}.ipynb"
    edit(path, "torch.manual_seed(0)", "torch.manual_seed(1)")
    assert list(build.build(only_check=True)) == [
        f"notebooks/zh/{FIRST.name}/{FIRST.name}.ipynb is stale; run: course build"
    ]


@pytest.mark.slow
def test_a_build_writes_a_lost_look_again_to_the_byte(workshop):
    looks = workshop / "solutions" / FIRST.name / LOOKS
    before = looks.read_text(encoding="utf-8")
    looks.write_text("".join(before.splitlines(keepends=True)[:-1]), encoding="utf-8")
    assert list(build.build()) == [f"wrote solutions/{FIRST.name}/recorded/looks.jsonl"]
    assert looks.read_text(encoding="utf-8") == before


def look_line(number, hint="halved"):
    return json.dumps({"hint": hint, "number": 1, "check": "double-values", "look": [{"float": number}]}) + "\n"


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        (0.3333333, 0.3333334, 0.3333333),
        (1.3e-7, -1.2e-7, 1.3e-7),
        (0.3333, 0.3334, 0.3334),
    ],
)
def test_a_look_whose_last_digits_alone_differ_keeps_its_line(old, new, kept, tmp_path):
    """Another machine rounds otherwise; what it builds changes the lines of changed looks alone."""
    path = tmp_path / "looks.jsonl"
    path.write_text(look_line(old) + look_line(1.0, "squared"), encoding="utf-8")
    made = look_line(new) + look_line(2.0, "squared")
    assert build.with_old_digits(made, path) == look_line(kept) + look_line(2.0, "squared")


@pytest.mark.parametrize("old", [None, b"", b"\xff", b"{", b"[]\n3\n"], ids=str)
def test_looks_are_made_anew_where_the_file_holds_none(old, tmp_path):
    path = tmp_path / "looks.jsonl"
    if old is not None:
        path.write_bytes(old)
    assert build.with_old_digits(look_line(0.5), path) == look_line(0.5)


DAMAGES = {
    "a stale translation": ("A Transformer reads all words", "A Transformer reads most words", "is stale"),
    "a missing translation": ('# %% [markdown] lang="zh"', '# %% [markdown] lang="en"', 'lang="en" then lang="zh"'),
    "a code cell with a language": ("# %%\n", '# %% lang="zh"\n', "code is the same in all languages"),
}


@pytest.mark.parametrize("only_check", [True, False])
@pytest.mark.parametrize(("old", "new", "match"), DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_lesson_stops_the_build_before_anything_is_written(workshop, old, new, match, only_check):
    edit(workshop / "solutions" / FIRST.name / "lesson.py", old, new)
    before = {path: path.read_bytes() for path in workshop.rglob("*.ipynb")}
    with pytest.raises(CourseError, match=match):
        list(build.build(only_check=only_check))
    assert {path: path.read_bytes() for path in workshop.rglob("*.ipynb")} == before


def test_an_unknown_unit_stops_the_build(workshop):
    with pytest.raises(CourseError, match="no unit 99_nothing; there are 01_positional_encoding"):
        list(build.build(["99_nothing"]))


@pytest.mark.slow
def test_a_lesson_that_shows_an_answer_stops_the_build(workshop):
    secret = "frequencies = torch.exp(-two_i * math.log(10000.0) / d_model)"
    edit(
        workshop / "solutions" / FIRST.name / "lesson.py",
        "torch.manual_seed(0)\n",
        f"torch.manual_seed(0)\n{secret}\n",
    )
    with pytest.raises(CourseError, match="secret lines, such as 'frequencies = torch"):
        list(build.build())


# leaks ------------------------------------------------------------------------------------------------------------


@of_releases
def test_a_released_notebook_shows_no_secret_line(unit, language):
    assert leaks(released(unit, language), unit) == []


PLANTED = {
    "an answer": lambda unit: unit.cell(unit.exercises[0]).split("### BEGIN SOLUTION\n")[1].splitlines()[0],
    "a truth": lambda unit: next(
        line for line in (unit.folder / "truth.py").read_text(encoding="utf-8").splitlines() if "return torch" in line
    ),
    "a mutant": lambda unit: next(
        line
        for line in (unit.folder / "mutants.py").read_text(encoding="utf-8").splitlines()
        if "(EXPONENTIAL, " in line
    ),
    "an alternative": lambda unit: next(
        line
        for line in (unit.folder / "alternatives.py").read_text(encoding="utf-8").splitlines()
        if "return torch" in line
    ),
    "a criterion": lambda unit: next(
        line for line in (unit.folder / "rubric.yml").read_text(encoding="utf-8").splitlines() if "en: " in line
    ),
    "a marker": lambda unit: "### BEGIN HIDDEN TESTS",
}


@pytest.mark.parametrize("kind", ["code", "markdown"])
@pytest.mark.parametrize("secret", PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_leak_is_found(secret, kind):
    notebook = copy.deepcopy(released(FIRST))
    line = secret(FIRST)
    cell = next(cell for cell in notebook.cells if cell.cell_type == kind)
    cell.source += f"\n    {line}"
    assert leaks(notebook, FIRST) == [line.strip()]


# what a student gets ----------------------------------------------------------------------------------------------


@of_releases
def test_a_released_notebook_is_valid(unit, language):
    nbformat.validate(released(unit, language))


@of_releases
def test_ids_are_unique_and_say_where_a_cell_comes_from(unit, language):
    ids = [cell.id for cell in released(unit, language).cells]
    assert len(set(ids)) == len(ids)
    assert set(unit.exercises) | set(unit.rules) | set(unit.rubric) <= set(ids)
    assert all(name in {*unit.exercises, *unit.rules, *unit.rubric} or name.startswith(unit.name[:2]) for name in ids)


@of_releases
def test_no_cell_has_run(unit, language):
    code = [cell for cell in released(unit, language).cells if cell.cell_type == "code"]
    assert {cell.execution_count for cell in code} == {None}
    assert [cell.outputs for cell in code if cell.outputs] == []


@of_releases
def test_the_notebook_says_its_kernel_unit_language_and_source(unit, language):
    metadata = released(unit, language).metadata
    assert metadata.kernelspec == {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert metadata.course == {
        "unit": unit.name,
        "language": language,
        "generated_from": f"solutions/{unit.name}",
    }


def translated_words(unit):
    """The texts of a unit's code that stand in both languages, as English -> Chinese."""
    raw = [cell.words["zh"].source for cell in lesson.read(unit).cells if "zh" in cell.words]
    return {key: text for source in raw for key, text in read_words(source).items()}


@of_units
def test_code_is_the_same_in_both_languages_but_for_docstrings_comments_and_marked_words(unit):
    words = translated_words(unit)

    def code(language, marked):
        cells = [cell for cell in released(unit, language).cells if cell.cell_type == "code"]
        return [(cell.id, code_of(cell.source, marked)) for cell in cells]

    assert code("en", set(words)) == code("zh", set(words.values()))


@of_units
def test_ids_tags_and_marks_for_nbgrader_are_equal_in_both_languages(unit):
    def told(language):
        for cell in released(unit, language).cells:
            mine = {name: value for name, value in marks(cell).items() if name != "checksum"}
            yield (
                cell.cell_type,
                cell.id if cell.cell_type == "code" else "",
                mine,
                cell.metadata.get("tags"),
                cell.metadata.get("course"),
            )

    assert list(told("en")) == list(told("zh"))


@of_units
def test_an_empty_answer_in_words_has_one_checksum_in_both_languages(unit):
    def checksums(language):
        return [marks(c).get("checksum") for c in released(unit, language).cells if c.cell_type == "markdown"]

    assert checksums("en") == checksums("zh")


@of_units
def test_prose_differs_between_the_languages(unit):
    def prose(language):
        cells = released(unit, language).cells
        return [cell.source for cell in cells if cell.cell_type == "markdown" and not marks(cell)]

    english, chinese = prose("en"), prose("zh")
    assert len(english) == len(chinese)
    assert not any(a == b for a, b in zip(english, chinese, strict=True))


@of_releases
def test_grade_ids_and_points_are_those_of_the_unit(unit, language):
    cells = [cell for cell in released(unit, language).cells if marks(cell)]
    exercises = [marks(c).grade_id for c in cells if marks(c).solution and not marks(c).grade]
    checks = {marks(c).grade_id: marks(c).points for c in cells if marks(c).grade and not marks(c).solution}
    questions = {marks(c).grade_id: marks(c).points for c in cells if marks(c).grade and marks(c).solution}
    assert exercises == unit.exercises
    assert checks == {check: unit.points(check) for check in unit.rules}
    assert questions == {name: question["points"] for name, question in unit.rubric.items()}


@of_releases
def test_only_answers_can_be_edited(unit, language):
    cells = [marks(cell) for cell in released(unit, language).cells if marks(cell)]
    open_cells = {mark.grade_id for mark in cells if not mark.locked}
    assert open_cells == set(unit.exercises) | set(unit.rubric)


@of_releases
def test_what_grading_does_not_run_is_tagged(unit, language):
    for cell in released(unit, language).cells:
        if cell.cell_type == "code" and not marks(cell):
            assert cell.metadata.tags[0] == build.EXPERIMENT


@of_releases
def test_a_picture_shows_no_code_and_says_so_to_notebooks_and_books(unit, language):
    pictures = [cell for cell in lesson.read(unit).cells if cell.labels.get("role") == "picture"]
    collapsed = [cell for cell in released(unit, language).cells if cell.metadata.get("tags", [])[1:] == ["hide-input"]]
    assert [cell.source for cell in collapsed] == [cell.source for cell in pictures]
    assert all(cell.metadata.jupyter.source_hidden for cell in collapsed)


@of_releases
def test_a_gap_of_text_is_asked_for_in_both_languages(unit, language):
    cells = {marks(cell).get("grade_id"): cell.source for cell in released(unit, language).cells}
    assert [cells[name] for name in unit.rubric] == ["YOUR ANSWER HERE / 在此作答"] * len(unit.rubric)


@of_units
def test_grade_cells_stand_behind_the_check_of_their_exercise(unit):
    cells = released(unit).cells
    for exercise in unit.exercises:
        place = next(i for i, cell in enumerate(cells) if cell.source.strip().endswith(f'check("{exercise}")'))
        behind = [marks(cell).get("grade_id") for cell in cells[place + 1 : place + 1 + len(unit.checks(exercise))]]
        assert behind == unit.checks(exercise)


@of_releases
def test_the_file_ends_with_one_line_break_and_holds_chinese_as_it_is(unit, language):
    text = path_of(unit, language).read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


# what a truth needs -----------------------------------------------------------------------------------------------


MODULE = """
from __future__ import annotations

import math
import os.path
from torch import nn, Tensor as T

UNUSED = 1
FACTOR, OTHER = 2, 3
TABLE: dict[str, int] = {"a": FACTOR}


def helper(x: T, scale=OTHER):
    return deep(x) * scale


def deep(x):
    return math.sqrt(x)


class Base(nn.Module):
    pass


class Layer(Base):
    def forward(self, x):
        return helper(x) + TABLE["a"]


@decorate
def path():
    return os.path.sep


def decorate(f):
    return f
"""


@pytest.mark.parametrize(
    ("name", "needed", "dropped"),
    [
        ("deep", ["import math", "def deep"], ["helper", "Layer", "FACTOR", "os.path"]),
        ("helper", ["import math", "def deep", "FACTOR, OTHER", "Tensor as T"], ["Layer", "UNUSED", "TABLE"]),
        ("Layer", ["class Base", "def helper", "def deep", "TABLE", "FACTOR, OTHER", "nn"], ["UNUSED", "def path"]),
        ("path", ["import os.path", "def decorate"], ["math", "class"]),
        ("TABLE", ["FACTOR, OTHER"], ["def ", "class ", "import math"]),
    ],
)
def test_a_closure_holds_what_a_name_needs_and_no_more(name, needed, dropped):
    source = closure(MODULE, name)
    assert source.startswith("from __future__ import annotations")
    assert [text for text in needed if text not in source] == []
    assert [text for text in dropped if text in source] == []


def test_a_closure_keeps_the_order_of_the_module():
    source = closure(MODULE, "Layer")
    assert source.index("FACTOR") < source.index("TABLE") < source.index("def helper") < source.index("class Layer")


@of_units
def test_a_grade_cell_says_its_points_and_compiles(unit):
    for check in unit.rules:
        cell = build.grade_cell(unit, check, "en")
        compile(cell.source, check, "exec")
        assert f"{check}: {unit.points(check):g} points" in cell.source.splitlines()[0]
        assert f"{check}：{unit.points(check):g} 分" in build.grade_cell(unit, check, "zh").source.splitlines()[0]
        assert cell.source.splitlines()[1] == build.HIDDEN_BEGIN
        behind = cell.source.partition(build.HIDDEN_END)[2].split("\n")
        assert behind[1:] == ["", "from course_utils.selfcheck import validate", "", f'validate("{check}")']


@of_releases
def test_of_the_graded_cells_of_an_exercise_one_is_seen(unit, language):
    for exercise in unit.exercises:
        graded = [
            c for c in released(unit, language).cells if c.source.endswith(tuple(map(repr_of, unit.checks(exercise))))
        ]
        assert [bool(cell.metadata.get("jupyter")) for cell in graded] == [False] + [True] * (len(graded) - 1)


def repr_of(check):
    return f'validate("{check}")'


def test_two_cells_for_one_exercise_stop_the_build():
    unit = Unit(FIRST.folder)
    cells = lesson.read(unit).cells
    exercise = next(cell for cell in cells if cell.labels.get("exercise"))
    with pytest.raises(CourseError, match="2 cells for exercise div_term; one is needed"):
        source_notebook(unit, lesson.Lesson(unit.folder / "lesson.py", [*cells, exercise]), "en")
