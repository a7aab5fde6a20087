"""`course doctor` tells what any course needs, and what the course at hand names in its course.toml."""

from pathlib import Path

import pytest

from course_utils.engine.course import CourseError, open_course
from course_utils.engine.proving import toy
from course_utils.instructor import doctor


def course_with(folder: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course whose course.toml has one more line; it is the one at hand."""
    text = (toy.course().folder / "course.toml").read_text(encoding="utf-8")
    folder.mkdir(exist_ok=True)
    (folder / "course.toml").write_text(f"{line}\n{text}", encoding="utf-8")
    monkeypatch.setenv("COURSE_DIR", str(folder))
    return folder


def test_this_course_is_asked_for_its_corpora_and_its_encoder():
    told = {finding.what for finding in doctor._of_the_course()}
    assert {"transformers", "film reviews", "encoder"} <= told


def test_another_course_is_asked_for_none_of_it(monkeypatch):
    monkeypatch.setenv("COURSE_DIR", str(toy.FOLDER))
    assert list(doctor._of_the_course()) == []


@pytest.mark.parametrize("named", ["no_such_module:findings", "course_utils.needs:nothing"])
def test_a_function_that_is_not_there_is_told_with_the_file_that_names_it(tmp_path, monkeypatch, named):
    folder = course_with(tmp_path / named.partition(":")[0], f'doctor = "{named}"', monkeypatch)
    (finding,) = doctor._of_the_course()
    assert not finding.good
    assert finding.remedy.startswith(f"{folder / 'course.toml'}, line 1: doctor names {named}, but ")
    assert finding.remedy.endswith("mend it, or take the line away")


@pytest.mark.parametrize("value", ['"needs"', "3", '"needs:"'])
def test_a_name_of_another_form_is_told_with_its_line(tmp_path, monkeypatch, value):
    course = open_course(course_with(tmp_path / "course", f"doctor = {value}", monkeypatch))
    with pytest.raises(CourseError, match=r"course\.toml, line 1: doctor must be such as package\.module:name"):
        _ = course.settings
