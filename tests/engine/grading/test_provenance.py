"""Who is graded again: a change of each kind of file, and the units whose marks it decides."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils.engine.course import FILE, current
from course_utils.engine.grading import provenance
from course_utils.engine.grading.provenance import checks_digest, deciding, modules_reached
from course_utils.engine.making.units import all_units

UNITS = [unit.name for unit in all_units(current().folder)]
ALL, NOBODY = "1 2 3 4 5 6 7 8 9", ""


class Copy:
    """A copy of the course that a test may change."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.texts = provenance.texts_of
        self.looks = provenance.lines_of_looks
        self.version = provenance.version_of

    def digests(self) -> dict[str, str]:
        """What each unit's marks are known by."""
        place, package = self.root / "solutions", self.root / "course_utils"
        found = {unit: deciding(place, unit, package, self.texts, self.looks, self.version) for unit in UNITS}
        return {unit: provenance.digest(facts) for unit, facts in found.items()}


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    root = tmp_path_factory.mktemp("another place")
    for folder in ("solutions", "course_utils", "notebooks/en"):
        shutil.copytree(current().top / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return root, Copy(root).digests()


@pytest.fixture
def course(copied):
    return Copy(copied[0])


@pytest.fixture
def again(copied, course):
    """Says whose marks would be made again by now: the numbers of units."""

    def numbers() -> str:
        return " ".join(str(int(unit[:2])) for unit, digest in course.digests().items() if digest != copied[1][unit])

    return numbers


@pytest.fixture
def change(course):
    """Changes a file until the test has ended; where nothing is to be replaced the new text goes to its end."""
    before: dict[Path, bytes] = {}

    def write(name: str, old: str, new: str) -> None:
        path = course.root / name
        text = path.read_text(encoding="utf-8")
        before.setdefault(path, path.read_bytes())
        assert old in text
        path.write_text(text.replace(old, new) if old else text + new, encoding="utf-8")

    yield write
    for path, data in before.items():
        path.write_bytes(data)


def test_the_time_of_a_file_is_nothing_that_it_says(course, again):
    for path in [*(course.root / "course_utils" / "engine").rglob("__init__.py"), *course.root.glob("solutions/*/*")]:
        os.utime(path, (0, 0))
    assert again() == NOBODY


U2, U3, U5 = "solutions/02_attention", "solutions/03_encoder_layer", "solutions/05_bert_pooling"
REMARK, MORE = "\n\n# a comment\n", "\n\nMORE = 1\n"


def test_the_same_course_in_another_place_is_the_same(copied):
    assert copied[1] == {unit: checks_digest(current().folder, unit) for unit in UNITS}


@pytest.mark.parametrize(
    ("file", "old", "new", "who"),
    [
        # what a unit's folder holds
        (f"{U2}/truth.py", "import torch\n", "import torch  # as ever\n\n\n", NOBODY),
        (f"{U2}/truth.py", '"""The blocks of columns, stacked."""', '"""Otherwise said."""', NOBODY),
        (f"{U2}/truth.py", "x.chunk(num_heads, dim=2)", "x.chunk(num_heads, dim=-1)", "2"),
        (f"{U2}/truth.py", "import torch\n", "import torch (\n", "2"),
        (f"{U2}/unit.toml", "values = 1.5", "values = 2.5", "2"),
        (f"{U2}/unit.toml", "values = 1.5", "values = 1.50  # as ever", NOBODY),
        (f"{U2}/unit.toml", "minutes = 1 ", "minutes = 2 ", NOBODY),
        (f"{U2}/unit.toml", "Unit 2: Attention", "Unit 2: More attention", NOBODY),
        (f"{U5}/unit.toml", "warm = [", 'warm = [\n    "json",', NOBODY),
        (f"{U3}/unit.toml", "same_answer = ", "# same_answer = ", "3"),
        (f"{U2}/unit.toml", "[points.split_heads]", "[points.split_heads", "2 3"),  # names no exercise any more
        (f"{U2}/answers.py", "import math\n", "# the root\nimport math\n", NOBODY),
        (f"{U2}/answers.py", "", MORE, "2"),
        (f"{U2}/rubric.yml", "    points: 4\n", "    points: 5\n", "2"),
        (f"{U2}/rubric.yml", "Says how the spread", "Tells how the spread", NOBODY),
        (f"{U2}/rubric.yml", "# The thinking questions", "# Thinking questions", NOBODY),
        (f"{U2}/alternatives.py", "", MORE, NOBODY),
        # sources of what is built: they count when it is built
        (f"{U2}/hints.yml", "By what does the formula divide them?", "What does it divide them by?", NOBODY),
        (f"{U2}/mutants.py", "MUTANTS = [", "MUTANTS = [] + [", NOBODY),
        (f"{U2}/lesson.py", "# %% [markdown]", "# Another word.\n# %% [markdown]", NOBODY),
        # another unit's folder: of it only the names of its exercises
        (f"{U2}/unit.toml", "points.MultiHeadSelfAttention", "points.SelfAttentionOfHeads", "2 3"),
        # rules and fixtures
        (f"{U2}/rules.py", "", REMARK, NOBODY),
        (f"{U2}/rules.py", "", MORE, "2"),
        (f"{U5}/fixtures.py", "", REMARK, NOBODY),
        (f"{U5}/fixtures.py", "", MORE, "5"),
        ("solutions/08_learning_rate/rules.py", "", MORE, "8"),
        ("course_utils/engine/judging/dtypes.py", "", MORE, "2 3 5 6"),
        ("course_utils/engine/judging/content.py", "", MORE, "1 2 3 4 5 6 7 9"),
        # what they import, and what that imports
        ("course_utils/models.py", "", REMARK, NOBODY),
        ("course_utils/models.py", "", MORE, "2 3 4 5"),
        ("course_utils/corpora/grammar.py", "", MORE, "2 3 4 5"),
        ("course_utils/plots/charts.py", "", MORE, NOBODY),
        ("course_utils/training/loop.py", "", MORE, NOBODY),
        # the engine
        ("course_utils/engine/judging/judge.py", "", MORE, ALL),
        ("course_utils/engine/judging/sentences.py", "", MORE, ALL),
        ("course_utils/engine/asking/codec.py", "", MORE, ALL),
        ("course_utils/engine/grading/intake.py", "", MORE, ALL),
        ("course_utils/engine/grading/task.py", "cell_seconds: float = 8.0", "cell_seconds: float = 9.0", ALL),
        ("course_utils/engine/making/units.py", "", MORE, ALL),
        ("course_utils/engine/grading/run.py", "", MORE, NOBODY),
        ("course_utils/engine/learning/plain_cell.py", "", MORE, NOBODY),
        ("course_utils/engine/learning/report.py", "", MORE, NOBODY),
        ("course_utils/engine/telling/export.py", "", MORE, NOBODY),
        ("course_utils/engine/walls/zygote/forking.py", "", MORE, NOBODY),
        ("course_utils/engine/walls/sandbox.py", "", MORE, NOBODY),
        ("course_utils/__init__.py", '__version__ = "', '__version__ = "9.', NOBODY),
    ],
    ids=lambda value: value.rpartition("/")[2] if isinstance(value, str) else None,
)
def test_a_changed_file_is_a_reason_to_grade_those_whose_marks_it_decides(change, again, file, old, new, who):
    change(file, old, new)
    assert again() == who


RELEASE = "notebooks/en/02_attention/02_attention.ipynb"


@pytest.mark.parametrize(
    ("old", "new", "who"),
    [
        ("import math\\n\\nimport matplotlib", "# a comment\\nimport math\\n\\nimport matplotlib", NOBODY),
        ("import math\\n\\nimport matplotlib", "import os\\nimport math\\n\\nimport matplotlib", "2"),
        ('"grade_id": "split_heads",', '"grade_id": "cut_heads",', "2"),
        ("# YOUR CODE HERE", "# Your code here", NOBODY),
        ('"source": "# ', '"source": "# On ', NOBODY),
        ('"schema_version": 3', '"schema_version":  3', NOBODY),
    ],
    ids=["comment in the set-up", "import in the set-up", "grade id", "comment of a gap", "prose", "layout"],
)
def test_the_release_counts_as_far_as_intake_reads_it(change, again, old, new, who):
    change(RELEASE, old, new)
    assert again() == who


def test_a_release_with_a_question_in_other_words_is_another(change, again, course):
    notebook = json.loads((course.root / RELEASE).read_text(encoding="utf-8"))
    question = next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("points") == 4)
    change(RELEASE, json.dumps(question["source"], ensure_ascii=False), '"Write here."')
    assert again() == "2"


@pytest.mark.parametrize(
    ("kind", "who"),
    [("rules", "2"), ("hints", "2"), ("title", NOBODY), ("minutes", NOBODY), ("steps", NOBODY)],
)
def test_of_the_built_texts_those_count_that_a_verdict_is_told_with(course, again, kind, who):
    other = {kind: {"x": ["said otherwise"]}}
    course.texts = lambda unit: {**unit.texts, **(other if unit.name[:2] == "02" else {})}
    assert again() == who


def test_the_order_of_keys_in_built_texts_does_not_count(course, again):
    course.texts = lambda unit: {**unit.texts, "hints": dict(reversed(unit.texts["hints"].items()))}
    assert again() == NOBODY


def test_a_known_mistake_that_is_recorded_anew_counts(course, again):
    course.looks = lambda unit: [
        line.replace('"hint":', '"hint":"other","was":') if unit.name[:2] == "02" else line
        for line in provenance.lines_of_looks(unit)
    ]
    assert again() == "2"


def test_what_is_recorded_of_the_truth_is_the_self_checks_alone(course, again):
    course.looks = lambda unit: [line for line in provenance.lines_of_looks(unit) if '"hint"' in line]
    assert again() == NOBODY


def test_the_order_of_known_mistakes_counts_since_the_first_of_equals_is_named(course, again):
    course.looks = lambda unit: provenance.lines_of_looks(unit)[::-1]
    assert again() == ALL


@pytest.mark.parametrize(
    ("package", "who"),
    [("python", ALL), ("torch", ALL), ("numpy", ALL), ("transformers", "5"), ("scipy", "6"), ("pandas", NOBODY)],
)
def test_another_version_counts_for_those_whose_checks_use_it(course, again, package, who):
    course.version = lambda name: "0.0.1" if name == package else provenance.version_of(name)
    assert again() == who


@pytest.mark.parametrize(("name", "installed_as"), [("sklearn", "scikit-learn"), ("yaml", "PyYAML")])
def test_a_package_that_is_installed_by_another_name_has_a_version(name, installed_as):
    from importlib import metadata

    assert provenance.version_of(name) == metadata.version(installed_as)


def test_what_is_not_there_or_broken_is_no_error(course, tmp_path):
    shutil.copyfile(current().folder / FILE, tmp_path / FILE)
    shutil.copytree(course.root / U2, tmp_path / "02_attention")
    for name, broken in (("rubric.yml", "questions: ["), ("answers.py", "def"), ("truth.py", None)):
        path = tmp_path / "02_attention" / name
        path.unlink()
        if broken:
            path.write_text(broken, encoding="utf-8")
    assert len(checks_digest(tmp_path, "02_attention")) == 16


# imports -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path):
    """Writes a small course with a module `start`, and what else is said of it."""

    def write(start: str, **files: str) -> Path:
        texts = {"one/more": "", "two/__init__": "", "one/__init__": files.pop("one", ""), "start": start, **files}
        for name, text in texts.items():
            path = (tmp_path / name).with_suffix(".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.mark.parametrize(
    "source",
    [
        "import course_utils.one.more",
        "import course_utils.one.more as other",
        "from course_utils.one import more",
        "from course_utils.one.more import anything",
        "from .one import more",
        "from . import one\nfrom .one.more import *",
        "def late():\n    from course_utils.one import more",
        "class Late:\n    def late(self):\n        from .one import more",
        "try:\n    import course_utils.one.more\nexcept ImportError:\n    pass",
        "from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    from .one import more",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    from .one import more",
        "import importlib\nimportlib.import_module('course_utils.one.more')",
        "from importlib import import_module\nimport_module('.one.more', __package__)",
        "__import__('course_utils.one.more')",
    ],
)
def test_an_import_is_followed_with_the_package_round_it(package, source):
    found = modules_reached(["course_utils.start"], package(source))
    assert sorted(found) == ["course_utils.one", "course_utils.one.more", "course_utils.start"]


@pytest.mark.parametrize(
    "source",
    [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .one import more",
        "import typing\nif typing.TYPE_CHECKING:\n    from .one import more",
        "words = 'import course_utils.one.more'",
        "import one.more",
        "import course_utils_of_another.one.more",
    ],
)
def test_what_does_not_run_or_is_no_module_of_the_course_is_not_followed(package, source):
    assert list(modules_reached(["course_utils.start"], package(source))) == ["course_utils.start"]


@pytest.mark.parametrize(
    ("start", "one", "is_followed"),
    [
        ("from .one.more import name", "def late():\n    from .. import two", False),
        ("from .one.more import name", "from .. import two", True),
        ("from .one import late", "def late():\n    from .. import two", True),
    ],
)
def test_of_a_package_round_a_module_counts_what_runs_when_it_is_imported(package, start, one, is_followed):
    found = modules_reached(["course_utils.start"], package(start, one=one))
    assert ("course_utils.two" in found) == is_followed


def test_modules_that_import_each_other_are_found_once(package):
    place = package("from . import other", other="from . import start")
    assert sorted(modules_reached(["course_utils.start"], place)) == ["course_utils.other", "course_utils.start"]


def test_a_module_that_is_left_out_leads_nowhere(package):
    found = modules_reached(["course_utils.start"], package("from . import two, one"), left_out="course_utils.two")
    assert sorted(found) == ["course_utils.one", "course_utils.start"]


# against what really happens -----------------------------------------------------------------------------------------

GRADES = """
import json, sys
opened = set()
sys.addaudithook(lambda event, args: opened.add(str(args[0])) if event == "open" else None)
from course_utils.engine.grading import grader, worker_state
from course_utils.engine.grading.assess import trial
from course_utils.engine.grading.task import Task
solutions, unit = sys.argv[1:]
worker_state.prepare(solutions, [unit])
ready = worker_state.unit_judge(solutions, unit)
blank = {name: ready.unit.released(name) for name in ready.unit.exercises}
assert any(verdict.outcome != "passed" for verdict in trial(ready, blank).values())
ready.unit.provided
grader.grade(Task("ann", unit, None, "missing", "missing", "seed", "none", solutions))
print(json.dumps([sorted(name for name in sys.modules if name.startswith("course_utils.")), sorted(opened)]))
"""


@pytest.fixture(scope="module", params=["03_encoder_layer", "06_attention_maps"])
def graded(request):
    """A unit, the modules of the course that grading it has loaded, and the files that it has opened."""
    command = [sys.executable, "-c", GRADES, str(current().folder), request.param]
    modules, opened = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=current().top).stdout)
    return request.param, set(modules), {os.path.relpath(path, current().top) for path in opened}


@pytest.mark.slow
def test_every_module_that_grading_loads_decides_a_mark_or_names_earlier_exercises_or_is_a_wall(graded):
    unit, modules, _ = graded
    earlier = {name for each in UNITS if each < unit for name in deciding(current().folder, each)}
    unknown = modules - set(deciding(current().folder, unit)) - earlier
    assert {name for name in unknown if not f"{name}.".startswith(f"{provenance.WALLS}.")} == set()


@pytest.mark.slow
def test_every_file_that_grading_reads_decides_a_mark_or_names_earlier_exercises(graded):
    unit, _, opened = graded
    read = {path for path in opened if path.startswith(("solutions/", "notebooks/")) and "__pycache__" not in path}
    read -= {"solutions/course.toml"}  # which units there are before this one, and in which languages
    read -= {f"notebooks/zh/{unit}/{unit}.ipynb"}  # of it only the prose, which decides no mark; see the module
    earlier = {path for path in read if path.split("/")[1] < unit}
    assert {path.rpartition("/")[2] for path in earlier} <= {"answers.py", "rules.py", "fixtures.py", "unit.toml"}
    files = (
        "answers.py",
        "rules.py",
        "truth.py",
        "unit.toml",
        "rubric.yml",
        "recorded/texts.json",
        "recorded/looks.jsonl",
        *(["fixtures.py"] if (current().folder / unit / "fixtures.py").is_file() else []),
    )
    assert read - earlier == {f"notebooks/en/{unit}/{unit}.ipynb", *(f"solutions/{unit}/{name}" for name in files)}


def test_the_digests_need_no_torch():
    source = f"""
import sys
from pathlib import Path
from course_utils.engine.grading.provenance import checks_digest
checks_digest(Path({str(current().folder)!r}), {UNITS[1]!r})
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == 0
