"""The student's zip file: complete, free of secrets, equal twice, and enough to work with alone."""

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement

from course_utils import models
from course_utils.engine.course import LANGUAGES, VARIABLE, CourseError, current
from course_utils.engine.making import bundle
from course_utils.engine.making.units import all_units

UNITS = all_units(current().folder)
TOP = bundle.top_of(current())
WARNING = re.compile("Warning|Traceback|Error")
OF_INSTRUCTORS = {"instructor", "grading", "making", "proving", "telling", "walls"}  # folders of the package
SHRUNK = current().top / "tests" / "instructor" / "shrunk.py"
of_languages = pytest.mark.parametrize("language", LANGUAGES)


def plain(name):
    """A package's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_by(requirements):
    """The names of the packages that pip installs for some requirements, as the installed packages tell."""
    found, open_ones = set(), [Requirement(line) for line in requirements]
    while open_ones:
        requirement = open_ones.pop()
        key = (plain(requirement.name), frozenset(requirement.extras))
        if key in found:
            continue
        found.add(key)
        try:
            needed = metadata.requires(requirement.name) or []
        except metadata.PackageNotFoundError:  # for another system or Python
            continue
        for line in map(Requirement, needed):
            wanted = [{"extra": extra} for extra in ("", *requirement.extras)]
            if line.marker is None or any(line.marker.evaluate(extra) for extra in wanted):
                open_ones.append(line)
    return {name for name, _ in found}


def dependencies(bundled):
    """What a bundle's own pyproject.toml installs."""
    return tomllib.loads(bundled[f"{TOP}/pyproject.toml"].decode())["project"]["dependencies"]


def modules_of_others():
    """The modules that are installed here and not in a student's environment."""
    core = installed_by(files_project()["dependencies"]) | {"pip", "setuptools", "wheel"}
    return sorted(
        module
        for module, owners in metadata.packages_distributions().items()
        if not {plain(owner) for owner in owners} & core and module != "course_utils"
    )


def files_project():
    return tomllib.loads((current().top / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def alone():
    """Language -> path in the zip for self-study -> bytes."""
    return {
        language: {f"{TOP}/{name}": data for name, data in bundle.bundle_files(language, self_study=True)}
        for language in LANGUAGES
    }


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """Language -> path in the zip -> bytes."""
    folder = tmp_path_factory.mktemp("bundles")
    found = {}
    for language in LANGUAGES:
        path = folder / f"{language}.zip"
        bundle.write_bundle(language, path)
        with zipfile.ZipFile(path) as archive:
            found[language] = {name: archive.read(name) for name in archive.namelist()}
    return found


# what is in it ----------------------------------------------------------------------------------------------------


@of_languages
def test_two_bundles_are_equal_to_the_byte(language, tmp_path):
    counts = {bundle.write_bundle(language, tmp_path / name) for name in ("a.zip", "b.zip")}
    assert len(counts) == 1
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@of_languages
def test_a_bundle_holds_the_notebooks_of_its_language_alone(language, contents):
    notebooks = [name for name in contents[language] if name.endswith(".ipynb")]
    assert notebooks == [f"{TOP}/notebooks/{unit.name}/{unit.name}.ipynb" for unit in UNITS]
    for name in notebooks:
        assert json.loads(contents[language][name])["metadata"]["course"]["language"] == language
    assert json.loads(contents[language][f"{TOP}/notebooks/course.json"]) == {"language": language}


@of_languages
def test_a_bundle_holds_the_students_part_of_the_package_alone(language, contents):
    inside = {name.removeprefix(f"{TOP}/") for name in contents[language]}
    wanted = {
        path.relative_to(current().top).as_posix()
        for path in (current().top / "course_utils").rglob("*")
        if path.suffix in (".py", ".typed") and not OF_INSTRUCTORS & set(path.relative_to(current().top).parts)
    }
    of_the_course = {name for name in inside if name.startswith("course_utils/units/")}
    assert {name for name in inside if name.startswith("course_utils/")} - of_the_course == wanted
    assert {name for name in inside if "/" not in name} == {
        "README.md",
        "LICENSE",
        "LICENSE-prose",
        "environment.yml",
        "pyproject.toml",
    }
    odd = (
        *OF_INSTRUCTORS,
        "solutions",
        "tests",
        "__pycache__",
        "mutants",
        "truth",
        "answers",
        "lesson",
        "hints",
        "unit",
        "rubric",
        "alternatives",
    )
    assert [name for name in inside for part in odd if part in name.split("/") or f"/{part}." in name] == []


@of_languages
def test_a_bundle_holds_of_each_unit_rules_fixtures_and_what_is_recorded_alone(language, contents):
    start = f"{TOP}/course_utils/units/"
    wanted = {"course.toml": current().folder / "course.toml"}
    for unit in UNITS:
        files = ["rules.py", "recorded/texts.json", "recorded/looks.jsonl"]
        others = ("fixtures.py", "examples.py", "recorded/examples.jsonl")
        files += [name for name in others if (unit.folder / name).is_file()]
        wanted |= {f"{unit.name}/{name}": unit.folder / name for name in files}
        released = f"notebooks/{language}/{unit.name}/{unit.name}.ipynb"
        wanted |= {f"{unit.name}/recorded/released.{language}.json": current().top / released}
    found = {name.removeprefix(start): data for name, data in contents[language].items() if name.startswith(start)}
    assert found == {name: path.read_bytes() for name, path in wanted.items()}


@of_languages
def test_a_bundle_brings_the_results_that_lessons_show(language, contents):
    start = f"{TOP}/results/"
    found = {name.removeprefix(start): data for name, data in contents[language].items() if name.startswith(start)}
    shown = {path.name: path.read_bytes() for path in (current().top / "results").glob("*.json")}
    assert found == shown
    asked = re.findall(r'our_result\("(\w+)"\)', "".join((u.folder / "lesson.py").read_text("utf-8") for u in UNITS))
    assert {f"{name}.json" for name in asked} <= set(shown)


def test_a_file_that_somebody_puts_into_a_units_folder_is_in_no_bundle(tmp_path, monkeypatch):
    solutions = tmp_path / "solutions"
    shutil.copytree(current().folder, solutions, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(current().notebooks / "en", tmp_path / "notebooks" / "en")
    shutil.copytree(current().top / "results", tmp_path / "results")
    for name in ("notes.md", "rules_old.py", "recorded/answers.json", "answers/rules.py"):
        (solutions / UNITS[0].name / name).parent.mkdir(exist_ok=True)
        (solutions / UNITS[0].name / name).touch()
    before = dict(bundle.bundle_files("en"))
    monkeypatch.setenv(VARIABLE, str(solutions))
    assert dict(bundle.bundle_files("en")) == before


@of_languages
def test_paths_stay_inside_one_folder_and_are_plain(language, contents):
    for name in contents[language]:
        assert name.startswith(f"{TOP}/")
        assert ".." not in name
        assert name.isascii()


@of_languages
def test_the_students_pyproject_names_the_student_core_alone(language, contents):
    project = tomllib.loads(contents[language][f"{TOP}/pyproject.toml"].decode())["project"]
    ours = files_project()
    assert project["dependencies"] == ours["dependencies"]
    assert project["requires-python"] == ours["requires-python"]
    assert "optional-dependencies" not in project


def imported_by(bundled):
    """For each module from outside that a bundle's notebooks and package import, one file that does."""
    found = {}
    for name, data in bundled.items():
        text = data.decode()
        if name.endswith(".ipynb"):
            cells = [cell["source"] for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
            text = "\n".join(line for cell in cells for line in cell.splitlines() if not line.startswith(("%", "!")))
        elif not name.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0]: name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found[node.module.partition(".")[0]] = name
    return {module: name for module, name in found.items() if module not in sys.stdlib_module_names}


@of_languages
def test_the_install_of_the_readme_brings_each_package_that_a_unit_imports(language, contents):
    brought = {plain(Requirement(line).name) for line in dependencies(contents[language])}
    owners = metadata.packages_distributions()
    missing = {
        module: name
        for module, name in imported_by(contents[language]).items()
        if module != "course_utils" and not brought & {plain(owner) for owner in owners.get(module, [module])}
    }
    assert missing == {}


@of_languages
@pytest.mark.parametrize("package", [models.PACKAGE, "ipywidgets"], ids=["small BERT", "progress bars of a notebook"])
def test_the_install_of_the_readme_brings_what_is_used_without_an_import(package, language, contents):
    assert package in {plain(Requirement(line).name) for line in dependencies(contents[language])}


@of_languages
def test_the_readme_names_the_version_of_torch_that_the_install_wants(language, contents):
    (wanted,) = (line for line in dependencies(contents[language]) if line.startswith("torch=="))
    readme = contents[language][f"{TOP}/README.md"].decode()
    assert re.findall(r"torch==[\d.]*\d", readme) == [wanted]


@of_languages
def test_the_students_environment_installs_this_very_folder(language, contents):
    environment = yaml.safe_load(contents[language][f"{TOP}/environment.yml"])
    assert {"pip": ["-e ."]} in environment["dependencies"]


@of_languages
def test_the_readme_says_how_to_install_open_check_and_ask_for_hints(language, contents):
    readme = contents[language][f"{TOP}/README.md"].decode()
    for words in ("pip install -e .", "jupyter lab notebooks", "check(...)", 'hint("div_term"', "YOUR CODE HERE"):
        assert words in readme
    assert f"python -m course_utils check notebooks/{UNITS[0].name}/{UNITS[0].name}.ipynb" in readme


def test_a_bundle_before_the_first_build_says_what_to_run(tmp_path, monkeypatch):
    (tmp_path / "course.toml").write_bytes((current().folder / "course.toml").read_bytes())
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(CourseError, match="holds no notebook; run: course build"):
        bundle.write_bundle("en", tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


# what is not in it ------------------------------------------------------------------------------------------------


def telling(line):
    """Whether a line says enough to be found by: an expression, not a bracket, an import or the start of a block."""
    text = line.strip()
    harmless = (
        "import ",
        "from ",
        "#",
        "class ",
        "def ",
        "super().__init__",
        "@",
        '"""',
        "raise ValueError(",
        "return x",
    )
    names_only = re.fullmatch(r'"[\w-]+": (_?[A-Z]+|[\d.]+),', text)  # points are public, also in the notebooks
    return (
        len(text) > 14 and not text.startswith(harmless) and not text.endswith((":", "[", "(", "{")) and not names_only
    )


def strings_of(path):
    """The texts that a Python file holds as strings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def texts_in(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, str):
        yield value


def secrets(unit):
    """kind -> lines that no student may see."""
    inside, answers = False, []
    for line in unit.reference_source.splitlines():
        if line.strip().startswith("### "):
            inside = "BEGIN" in line
        elif inside:
            answers.append(line)
    yield "solution", answers
    yield "hidden test", (unit.folder / "truth.py").read_text(encoding="utf-8").splitlines()
    for kind in ("mutants", "alternatives"):
        path = unit.folder / f"{kind}.py"
        lines = path.read_text(encoding="utf-8").splitlines()
        yield kind, lines + [line for text in strings_of(path) for line in text.splitlines()]
    rubric = yaml.safe_load((unit.folder / "rubric.yml").read_text(encoding="utf-8"))
    yield "rubric", [line for text in texts_in(rubric) for line in text.splitlines()]


def given(unit):
    """Lines that every student sees on purpose: released cells, and the code of `models`, which calls torch's own."""
    shown = [line for name in unit.exercises for line in unit.released(name).splitlines()]
    shown += unit.preamble().splitlines() + [f'"{name}",' for name in unit.exercises]
    shown += (current().top / "course_utils" / "models.py").read_text(encoding="utf-8").splitlines()
    return {line.strip() for line in shown} | IDIOMS


# Lines of torch and Python that any program of this kind holds; by themselves they answer nothing.
IDIOMS = {
    "hidden = None if mask is None else mask == 0",
    "loss.backward()",
    "optimizer.step()",
    "optimizer.zero_grad()",
    "schedule.step()",
    "model.train(False)",
    'count += len(batch["labels"])',
    "mask = torch.ones_like(ids)",
    "return len(self.texts)",
    "self.embedding = nn.Embedding(vocab_size, d_model)",
}


@of_languages
@pytest.mark.parametrize("kind", ["solution", "hidden test", "mutants", "alternatives", "rubric"])
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_no_secret_line_is_in_a_bundle(unit, kind, language, contents):
    assert secret_lines_shown(unit, kind, contents[language]) == {}


@of_languages
@pytest.mark.parametrize("kind", ["hidden test", "mutants"])
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_no_hidden_test_and_no_mistake_is_in_a_bundle_for_self_study(unit, kind, language, alone):
    # what the course's own answers and their alternatives say, a hidden truth or a mistake may say as well
    shown = secret_lines_shown(unit, kind, alone[language])
    earned = "\n".join(
        text for each in UNITS for text in (each.reference_source, *(a.source for a in each.alternatives))
    )
    own = {line.strip() for line in earned.splitlines()}
    assert {line: name for line, name in shown.items() if line not in own} == {}


@of_languages
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_bundle_for_self_study_holds_answers_and_rubric(unit, language, alone):
    found = json.loads(alone[language][f"{TOP}/course_utils/units/{unit.name}/recorded/solutions.json"])
    assert {name: about["answer"] for name, about in found["exercises"].items()} == {
        name: unit.answer(name) for name in unit.exercises
    }
    assert set(found["questions"]) == set(unit.rubric)


def secret_lines_shown(unit, kind, files):
    """The secret lines of a kind that some files show, and one file for each."""
    lines = {line.strip() for line in dict(secrets(unit))[kind] if telling(line)} - given(unit)
    # a mutant may fail by an answer that is given, and an id of a hint names a mistake that the hint asks about
    lines -= {mutant.hint for mutant in unit.mutants} | set(unit.rules)
    assert lines or (kind == "rubric" and not unit.rubric)
    shown = {}
    for name, data in files.items():
        text = data.decode("utf-8")
        if name.endswith("/recorded/solutions.json"):
            text = "\n".join(texts_in(json.loads(text)))
        elif name.endswith(".ipynb") or "/recorded/released." in name:
            text = "\n".join(cell["source"] for cell in json.loads(text)["cells"])
        for line in text.splitlines():
            shown.setdefault(line.strip(), name)
    return {line: shown[line] for line in lines if line in shown}


@of_languages
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_no_sentence_of_a_rubric_is_anywhere_in_a_bundle(unit, language, contents):
    everything = "\n".join(data.decode("utf-8") for data in contents[language].values())
    sentences = [part for kind, lines in secrets(unit) if kind == "rubric" for part in lines if len(part) > 30]
    assert sentences or not unit.rubric
    assert [sentence for sentence in sentences if sentence.strip() in everything] == []


# alone ------------------------------------------------------------------------------------------------------------

# A fresh environment with the student core alone would take minutes to install. So this very environment is used with
# the bundle first on the path, and what a student's install would not bring is made impossible to import.
SITE = f"""
import sys


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules_of_others()!r}:
            raise ModuleNotFoundError(f"{{name}} is not in the student core", name=name)


# the editable install of the course would offer its own folder where the bundle lacks a module
sys.meta_path[:] = [Refuse(), *(finder for finder in sys.meta_path if "editable" not in repr(finder).lower())]
"""

TIMES = """
import json, time
import course_utils
seconds = {}
for name in EXERCISES:
    tries = []
    for _ in range(3):
        start = time.process_time()
        report = check(name)
        tries.append(time.process_time() - start)
    seconds[name] = [report.passed, min(tries)]
print("TIMES " + json.dumps([course_utils.__file__, seconds]))
"""


@pytest.fixture
def student(tmp_path, contents):
    """Unpacks a bundle elsewhere; gives its folder and the environment of a student's processes."""

    def unpack(language):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            for name, data in contents[language].items():
                zipped.writestr(name, data)
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(tmp_path / "my course 课程")
        site = tmp_path / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(SITE)
        folder = tmp_path / "my course 课程" / TOP
        paths = os.pathsep.join([str(site), str(folder)])
        home = tmp_path / "home"
        home.mkdir()
        settings = dict(
            PYTHONPATH=paths,
            MPLBACKEND="Agg",
            OMP_NUM_THREADS="1",
            HOME=str(home),
            IPYTHONDIR=str(home / "ipython"),
            HF_HUB_OFFLINE="1",
        )
        return folder, {key: value for key, value in os.environ.items() if key != "COURSE_LANG"} | settings

    return unpack


def fill(path, unit, more="", first=""):
    """Write the reference's answers into a notebook, a first and a last cell."""
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in unit.exercises:
            cell.source = unit.answer(name)
    if first:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(first, id="first"))
    if more:
        notebook.cells.append(nbformat.v4.new_code_cell(more, id="more"))
    nbformat.write(notebook, path)


def test_without_the_instructors_part_the_command_still_checks_a_notebook(student):
    folder, environment = student("zh")
    path = folder / "notebooks" / UNITS[0].name / f"{UNITS[0].name}.ipynb"
    fill(path, UNITS[0])
    command = [sys.executable, "-m", "course_utils", "check", str(path), "--json"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.stderr == ""
    assert done.returncode == 0
    verdicts = json.loads(done.stdout)
    assert {f"{row['exercise']}-{row['check']}": row["outcome"] for row in verdicts} == dict.fromkeys(
        UNITS[0].rules, "passed"
    )


@pytest.mark.parametrize("name", ["course_utils.instructor", "nbgrader", "jupytext"])
def test_the_students_environment_of_these_tests_has_no_instructors_part(student, name):
    folder, environment = student("en")
    command = [sys.executable, "-c", f"import course_utils; print(course_utils.__file__); import {name}"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.startswith(str(folder))
    assert "ModuleNotFoundError" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unit", "language"),
    [pytest.param(unit, LANGUAGES[i % 2], id=f"{unit.name}-{LANGUAGES[i % 2]}") for i, unit in enumerate(UNITS)],
)
def test_a_unit_runs_from_top_to_bottom_with_the_reference_and_its_checks_answer(unit, language, student):
    """All cells, experiments too. The code is the same in both languages, so each unit runs in one of them.

    Units that train do so on a few texts; at their real size they run in `make long`.
    """
    folder, environment = student(language)
    path = folder / "notebooks" / unit.name / f"{unit.name}.ipynb"
    first = f"import runpy\nrunpy.run_path({str(SHRUNK)!r})" if unit.name >= "04" else ""
    fill(path, unit, TIMES.replace("EXERCISES", repr(unit.exercises)), first)
    script = "import sys; from nbclient.cli import NbClientApp; NbClientApp.launch_instance(sys.argv[1:])"
    command = [sys.executable, "-c", script, "--inplace", "--timeout=600", path.name]
    done = subprocess.run(
        command, cwd=path.parent, env=environment, capture_output=True, text=True, check=False, timeout=1200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    cells = nbformat.read(path, as_version=nbformat.NO_CONVERT).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert [cell.source for cell in code if cell.execution_count is None and cell.source.strip()] == []
    written = [output.text for cell in code for output in cell.outputs if output.get("name") == "stderr"]
    assert [text for text in written if WARNING.search(text)] == []
    said = "".join(output.get("text", "") for output in code[-1].outputs if output.get("name") == "stdout")
    package, seconds = json.loads(said.partition("TIMES ")[2])
    assert package.startswith(str(folder))
    assert {name: passed for name, (passed, _) in seconds.items()} == dict.fromkeys(unit.exercises, True)
    assert {name: best for name, (_, best) in seconds.items() if best >= 0.5} == {}
    wanted = {"en": "All rules hold.", "zh": "全部通过。"}[language]
    for exercise in unit.exercises:
        (cell,) = (cell for cell in code if cell.source.strip().endswith(f'check("{exercise}")'))
        assert wanted in json.dumps(cell.outputs, ensure_ascii=False)
