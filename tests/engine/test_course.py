"""A course on disk: where it is found, what its data files must say, and that two of them never mix."""

import shutil

import pytest
from typer.testing import CliRunner

from course_utils.engine import course
from course_utils.engine.course import FILE, IN_A_BUNDLE, VARIABLE, Course, CourseError, current, line_of, open_course
from course_utils.engine.judging.rule import rules_of
from course_utils.engine.making.units import Unit
from course_utils.instructor.cli import app

HERE = current()  # the course that lies beside the package
NAME = "01_positional_encoding"
SMALL = """\
id = "small"
title = { en = "A small course", zh = "小课程" }
languages = ["en", "zh"]
units = ["01_positional_encoding"]
"""


def make_course(folder, text=SMALL):
    """A course of a unit in a folder."""
    shutil.copytree(HERE.folder / NAME, folder / NAME, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / FILE).write_text(text, encoding="utf-8")
    return Course(folder.resolve())


@pytest.fixture
def small(tmp_path):
    """A course of its own, in the layout of a clone."""
    return make_course(tmp_path / "mine" / "solutions")


# where it is ----------------------------------------------------------------------------------------------------------


def test_without_a_word_it_is_the_one_that_the_package_came_with(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert current() == Course(course.PACKAGE.parent / "solutions")


@pytest.mark.parametrize("place", [".", "solutions", f"solutions/{NAME}", "notebooks/en"])
def test_it_is_the_nearest_one_upwards(small, monkeypatch, place):
    monkeypatch.delenv(VARIABLE, raising=False)
    (small.top / place).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(small.top / place)
    assert current() == small


@pytest.mark.parametrize("place", [".", "solutions"])
def test_the_variable_names_it_wherever_one_is(small, monkeypatch, place):
    monkeypatch.setenv(VARIABLE, str(small.top / place))
    monkeypatch.chdir(HERE.top)
    assert current() == small


def test_a_variable_that_names_no_course_is_told_and_no_other_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(CourseError, match=r"holds no course \(none of course\.toml, solutions/course\.toml, "):
        current()


def test_where_there_is_none_the_ways_to_name_one_are_told(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(course, "PACKAGE", tmp_path / "course_utils")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match=r"no course here or above .*: --course DIR, or in COURSE_DIR"):
        current()


def test_a_clone_has_notebooks_and_build_beside_its_course(small):
    assert (small.notebooks, small.build) == (small.top / "notebooks", small.top / "build")
    assert small.top == small.folder.parent


def test_a_students_bundle_has_them_at_its_top(tmp_path, monkeypatch):
    found = make_course(tmp_path / "bundle" / IN_A_BUNDLE)
    assert found.notebooks == (tmp_path / "bundle" / "notebooks").resolve()
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "bundle" / "notebooks").mkdir()
    monkeypatch.chdir(found.notebooks)
    assert current() == found


def test_a_unit_that_it_has_not_is_told_with_those_that_it_has(small):
    with pytest.raises(CourseError, match="no unit 09_other in this course; its units are 01_positional_encoding"):
        small.unit("09_other")


# --course ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def say(monkeypatch):
    """Calls the command; what it notes in the environment is taken back."""
    monkeypatch.setenv(VARIABLE, str(HERE.folder))
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize("form", ["apart", "joined"])
@pytest.mark.parametrize("place", ["before", "after"])
def test_the_option_names_the_course_before_the_command_and_after_it(small, say, place, form):
    option = ["--course", small.top] if form == "apart" else [f"--course={small.top}"]
    words = ["build", "--check", "99_nothing"]
    answer = say(*option, *words) if place == "before" else say(*words, *option)
    assert answer.exit_code != 0
    assert f"there are {NAME}\n" in answer.output
    assert current() == small


@pytest.mark.parametrize("words", [("build", "--course"), ("--course=", "build")])
def test_the_option_without_a_folder_is_told(say, words):
    answer = say(*words)
    assert answer.exit_code == 2
    assert "it needs the folder of a course" in answer.output


def test_the_option_with_a_folder_that_holds_no_course_is_told(say, tmp_path):
    answer = say("build", "--course", tmp_path)
    assert answer.exit_code == 2
    assert "holds no course" in " ".join(answer.output.replace("│", " ").split())
    assert current() == HERE


# what course.toml must say --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "id =",
            "name = 1\nid =",
            r", line 1: unknown key name; known are commands, doctor, id, languages, title, units",
        ),
        ('id = "small"\n', "", ": id is missing"),
        ("units = ", "# units = ", ": units is missing"),
        ('"small"', "3", ", line 1: id must be letters, digits and _ or -, got 3"),
        ('"small"', '"a b"', ", line 1: id must be letters, digits and _ or -, got 'a b'"),
        ('["en", "zh"]', "[]", r", line 3: languages must be one or both of en, zh, got \[\]"),
        ('["en", "zh"]', '"en"', ", line 3: languages must be one or both of en, zh, got 'en'"),
        ('["en", "zh"]', '["en", "en"]', ", line 3: languages must be one or both of en, zh, got "),
        ('["en", "zh"]', '["en", "fr"]', ", line 3: languages must be one or both of en, zh, got "),
        (', zh = "小课程"', "", ", line 2: title needs a text in zh, got "),
        (
            '{ en = "A small course", zh = "小课程" }',
            '"A small course"',
            ", line 2: title needs a text in en, zh",
        ),
        ('["01_positional_encoding"]', '"all"', ", line 4: units must be a list of folders' names, got 'all'"),
        ('["01_positional_encoding"]', "[1]", r", line 4: units must be a list of folders' names, got \[1\]"),
        ('["01_positional_encoding"]', '["../x"]', ", line 4: units must be a list of folders' names, got "),
        ('["01_positional_encoding"]', '["a", "b", "a"]', ", line 4: a stands in units twice"),
        ("languages = [", "languages = [[", r": .*\(at line 4, column \d+\)"),
    ],
    ids=lambda value: None,
)
def test_a_wrong_line_of_the_courses_file_is_told_with_its_place(tmp_path, old, new, told):
    assert old in SMALL
    (tmp_path / FILE).write_text(SMALL.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CourseError, match=f"^{tmp_path / FILE}{told}"):
        _ = Course(tmp_path).settings


def test_a_course_in_one_language_is_right(tmp_path):
    (tmp_path / FILE).write_text(SMALL.replace('["en", "zh"]', '["zh"]'), encoding="utf-8")
    assert Course(tmp_path).languages == ("zh",)


def test_a_unit_whose_folder_is_not_there_is_told_with_the_line_that_names_it(tmp_path):
    (tmp_path / FILE).write_text(SMALL, encoding="utf-8")
    with pytest.raises(CourseError, match=rf"course\.toml, line 4: units names {NAME}, and there is no folder "):
        _ = Unit(tmp_path / NAME).settings


# what unit.toml must say ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "minutes =",
            "minuets = 1\nminutes =",
            ", line 2: unknown key minuets; known are learner_minutes, library_calls, ",
        ),
        ("minutes =", "# minutes =", ": minutes is missing"),
        ("minutes = 1", 'minutes = "1"', ", line 2: minutes must be a number such as 3, got '1'"),
        ("minutes = 1", "minutes = true", ", line 2: minutes must be a number such as 3, got True"),
        ("minutes = 1", "minutes = -1", ", line 2: minutes must be a number such as 3, got -1"),
        ("minutes = 1", 'warm = "torch"\nminutes = 1', ", line 2: warm must be a list of modules, "),
        (
            "minutes = 1",
            'same_answer = ["a"]\nminutes = 1',
            ", line 2: same_answer must be a list of pairs of",
        ),
        (
            "minutes = 1",
            "library_calls = ['torch.exp']\nminutes = 1",
            ", line 2: library_calls must be a list of calls an exercise, such as ",
        ),
        (
            "minutes = 1",
            "library_calls.no_such = ['torch.exp']\nminutes = 1",
            ", line 2: library_calls names no_such, and the exercises are ",
        ),
        (', zh = "第 1 单元：位置编码"', "", ", line 1: title needs a text in zh, got "),
        ("even = 2", 'even = "2"', ", line 9: points of sinusoidal_encoding are a table such as values = 3, got '2'"),
        ("even = 2", "even = nan", ", line 9: points of sinusoidal_encoding are .*, got nan"),
        ("even = 2", "even = true", ", line 9: points of sinusoidal_encoding are .*, got True"),
        ("values = 2", "values = -2", ", line 20: points of shift_matrix are .*, got -2"),
        ("[points.div_term]\nvalues = 3", "[points]\ndiv_term = 3", ", line 6: points of div_term are .*, got 3"),
        ("[points.div_term]", "[points.div_term", r": .*\(at line 5, column \d+\)"),
    ],
    ids=lambda value: None,
)
def test_a_wrong_line_of_a_units_file_is_told_with_its_place(small, old, new, told):
    path = small.folder / NAME / "unit.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CourseError, match=f"^{path}{told}"):
        _ = Unit(path.parent).settings


@pytest.mark.parametrize("name", ["rule.py", "solutions.py", "notes"])
def test_a_file_that_no_unit_has_is_told(small, name):
    (small.folder / NAME / name).touch()
    with pytest.raises(CourseError, match=rf"{NAME}/{name} is no file of a unit; a unit's folder holds unit\.toml, "):
        _ = Unit(small.folder / NAME).settings


@pytest.mark.parametrize("name", ["__pycache__", ".DS_Store", ".ipynb_checkpoints"])
def test_what_a_system_or_an_editor_puts_into_a_folder_disturbs_nobody(small, name):
    (small.folder / NAME / name).touch()
    assert Unit(small.folder / NAME).settings["minutes"] == 1


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("minutes",), 2),
        (("points", "b", "values"), 7),
        (("points", "a"), 4),
        (("points", "c", "values"), 9),  # in a line of its table
        (("points", "a", "other"), 4),  # not there: the table's
        (("nothing",), 1),
    ],
)
def test_a_key_is_found_in_its_own_table(tmp_path, keys, line):
    text = (
        "# minutes\nminutes = 1\n\n[points.a] # one\nvalues = 1\n[points.b]\nvalues = 2\n[points]\nc = { values = 3 }\n"
    )
    (tmp_path / "unit.toml").write_text(text, encoding="utf-8")
    assert line_of(tmp_path / "unit.toml", *keys) == line


# two courses ----------------------------------------------------------------------------------------------------------


def test_units_of_one_name_in_two_courses_do_not_mix(tmp_path):
    courses = [make_course(tmp_path / name) for name in ("one", "two")]
    for found in courses:
        for file in ("rules.py", "truth.py", "mutants.py"):
            with (found.folder / NAME / file).open("a", encoding="utf-8") as opened:
                opened.write(f"\nWHOSE = {found.folder.name!r}\n")
    units = [Unit(found.folder / NAME) for found in courses]
    assert [unit.rules_module.WHOSE for unit in units] == ["one", "two"]
    assert [unit.truth_module.WHOSE for unit in units] == ["one", "two"]
    first, second = (rules_of(unit.rules_module) for unit in units)
    assert [rule.name for rule in first] == [rule.name for rule in second]
    assert not {id(rule) for rule in first} & {id(rule) for rule in second}
    assert [units[number].mutants[0].name for number in (0, 1)] == [units[0].mutants[0].name] * 2
    assert len({unit.truth_module.__name__ for unit in units}) == 2


def test_a_unit_takes_its_own_fixtures(tmp_path):
    for name in ("one", "two"):
        folder = tmp_path / name / "01_toy"
        folder.mkdir(parents=True)
        (folder / "rules.py").write_text("from . import fixtures\nWHOSE = fixtures.WHOSE\n", encoding="utf-8")
        (folder / "fixtures.py").write_text(f"WHOSE = {name!r}\n", encoding="utf-8")
    whose = [course.load(tmp_path / name / "01_toy", "rules").WHOSE for name in ("one", "two")]
    assert whose == ["one", "two"]


def test_a_file_that_a_unit_lacks_is_told_and_what_it_cannot_import_is_not_mistaken_for_it(tmp_path):
    with pytest.raises(CourseError, match=r"rules\.py is missing; each unit's folder holds one"):
        course.load(tmp_path, "rules")
    (tmp_path / "truth.py").write_text("import no_such_module_at_all\n", encoding="utf-8")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        course.load(tmp_path, "truth")


def test_a_course_is_opened_by_its_top_its_folder_or_that_of_a_bundle(small):
    assert open_course(small.top) == open_course(small.folder) == small
