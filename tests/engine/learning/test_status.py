"""`course status`: right for a blank, a half-done, a wrong and a finished copy, after a crash, a copy and an update."""

import json
import shutil

import bundles
import pytest
from bundles import UNIT, edit, grade_id, notebook

from course_utils.engine.course import VARIABLE, current
from course_utils.engine.learning import progress as keeping
from course_utils.engine.learning.folder import find_notebooks
from course_utils.engine.learning.notebook import check_notebook
from course_utils.engine.learning.progress import read_progress
from course_utils.engine.learning.status import note_reports, status_of
from course_utils.engine.learning.update import update
from course_utils.engine.making.units import Unit
from course_utils.selfcheck import check

REFERENCE = Unit(current().folder / UNIT)
WRONG = "def div_term(d_model):\n    return torch.exp(torch.arange(0, d_model, 2) * -math.log(10000.0 / d_model))"


@pytest.fixture(scope="module", params=["en", "zh"])
def released(request, tmp_path_factory):
    """A bundle with its first unit alone, whose checks take a moment."""
    top = bundles.unpack(request.param, tmp_path_factory.mktemp("released") / "bundle")
    path = top / "course_utils" / "units" / "course.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    later = [line for line in lines if line.strip().startswith('"0') and UNIT not in line]
    path.write_text("\n".join(line for line in lines if line not in later) + "\n", encoding="utf-8")
    return top


@pytest.fixture
def mine(released, tmp_path, monkeypatch):
    top = tmp_path / "my course 课程"
    shutil.copytree(released, top)
    monkeypatch.setenv(VARIABLE, str(top / "course_utils" / "units"))
    monkeypatch.chdir(top / "notebooks" / UNIT)
    return top


def solve(top, **sources):
    """Write answers into a notebook."""

    def change(cells):
        for cell in cells:
            cell["source"] = sources.get(grade_id(cell), cell["source"])

    edit(notebook(top), change)


def reference(*names):
    return {name: REFERENCE.answer(name) for name in names or REFERENCE.exercises}


def states(found):
    return {item.name: item.state for unit in found.units for item in (*unit.exercises, *unit.questions)}


def now():
    return status_of(find_notebooks())


NAMES = [*REFERENCE.exercises, "q1_sin_cos"]


def test_a_blank_copy_is_open_everywhere(mine):
    about = now().as_json()
    assert states(now()) == dict.fromkeys(NAMES, "open")
    assert (about["done"], about["total"], about["points"]) == (0, 4, 0)
    assert about["next"] == {"unit": UNIT, "name": "div_term"}
    assert about["minutes_left"] == 60


def test_a_half_done_copy_counts_what_is_done(mine):
    solve(mine, **reference("div_term", "sinusoidal_encoding"))
    about = now().as_json()
    assert (about["done"], about["points"], about["next"]["name"]) == (2, 7, "PositionalEncoding")
    assert about["minutes_left"] == 36


def test_a_wrong_answer_is_not_done(mine):
    solve(mine, div_term=WRONG)
    assert states(now())["div_term"] == "wrong"
    assert now().as_json()["points"] == 0


def test_an_answer_that_is_half_right_has_its_points(mine):
    source = REFERENCE.answer("sinusoidal_encoding").replace("torch.cos", "torch.sin")
    solve(mine, **reference("div_term") | {"sinusoidal_encoding": source})
    assert states(now())["sinusoidal_encoding"] == "wrong"
    assert now().as_json()["points"] == 5


def test_a_finished_copy_is_finished(mine):
    solve(mine, **reference(), q1_sin_cos="Both are needed. 两个都要。")
    about = now().as_json()
    assert set(states(now()).values()) == {"done", "written"}
    assert (about["done"], about["points"], about["max_points"]) == (4, 13, 13)
    assert (about["next"], about["minutes_left"]) == (None, 0)


def test_it_speaks_the_language_of_the_notebooks(mine):
    said = repr(now())
    assert ("of 4 exercises done" in said) or ("练习完成 0/4" in said)
    assert ("minutes left" in said) == (find_notebooks().language == "en")
    assert "<div" in now()._repr_html_()


# the record -----------------------------------------------------------------------------------------------------------


def test_a_second_look_checks_nothing_anew(mine):
    solve(mine, **reference("div_term"))
    assert now().recomputed == ("div_term",)
    assert now().recomputed == ()
    assert states(now())["div_term"] == "done"


def test_an_answer_that_was_changed_since_counts_as_not_checked(mine):
    solve(mine, **reference("div_term"))
    now()
    solve(mine, div_term=WRONG)
    assert states(now())["div_term"] == "unchecked"
    assert now().as_json()["points"] == 0


def test_a_comment_more_is_the_same_answer(mine):
    solve(mine, **reference("div_term"))
    now()
    solve(mine, div_term=REFERENCE.answer("div_term") + "\n    # a comment")
    assert states(now())["div_term"] == "done"


@pytest.mark.parametrize(
    "content",
    ["", '{"marks": {"div_term"', "[]", '{"marks": [], "hints": {}}', '{"marks": {"div_term": 3}, "hints": 4}'],
)
def test_a_damaged_record_is_made_anew(mine, content):
    solve(mine, **reference("div_term"))
    now()
    (find_notebooks().beside / keeping.NAME).write_text(content)
    assert states(now())["div_term"] == "done"
    assert json.loads((find_notebooks().beside / keeping.NAME).read_text())["marks"]["div_term"]


def test_a_copied_folder_takes_its_record_along(mine, tmp_path):
    solve(mine, **reference("div_term"))
    now()
    shutil.copytree(mine / "notebooks", tmp_path / "copy")
    found = status_of(find_notebooks(tmp_path / "copy"))
    assert (states(found)["div_term"], found.recomputed) == ("done", ())


def test_a_full_disk_costs_no_check(mine, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keeping, "write_whole", full)
    solve(mine, **reference("div_term"))
    assert states(now())["div_term"] == "done"
    assert not (find_notebooks().beside / keeping.NAME).exists()


def test_after_an_update_with_other_rules_answers_are_checked_anew(mine, tmp_path):
    solve(mine, **reference("div_term"))
    now()
    new = shutil.copytree(mine, tmp_path / "new")
    solve(new, **{name: REFERENCE.released(name) for name in REFERENCE.exercises})
    with (new / "course_utils" / "units" / UNIT / "rules.py").open("a") as file:
        file.write("# newer\n")
    update(str(new), find_notebooks())
    keeping._fingerprint.cache_clear()  # as in a new process
    found = now()
    assert (states(found)["div_term"], found.recomputed) == ("done", ("div_term",))


def test_a_notebook_that_is_none_is_no_crash(mine):
    notebook(mine).write_bytes(b"%PDF-1.7")
    found = now()
    assert found.units[0].has_notebook is False
    assert states(found)["div_term"] == "open"


def test_a_notebook_that_lost_its_ids_is_read(mine):
    solve(mine, **reference("div_term"), q1_sin_cos="Both are needed.")

    def lose(cells):
        for cell in cells:
            cell["metadata"] = {}
            cell.pop("id", None)

    edit(notebook(mine), lose)
    assert (states(now())["div_term"], states(now())["q1_sin_cos"]) == ("done", "written")


def test_course_check_keeps_what_it_found(mine):
    solve(mine, **reference("div_term"))
    note_reports(notebook(mine), check_notebook(notebook(mine)))
    assert now().recomputed == ()
    assert states(now())["div_term"] == "done"


def test_a_check_of_somebody_elses_file_is_not_kept(mine, tmp_path):
    solve(mine, **reference("div_term"))
    other = tmp_path / "other" / f"{UNIT}.ipynb"
    other.parent.mkdir()
    shutil.copy(notebook(mine), other)
    note_reports(other, check_notebook(other))
    assert not (find_notebooks().beside / keeping.NAME).exists()


# in a notebook --------------------------------------------------------------------------------------------------------


@pytest.fixture
def running(mine):
    """The names of a notebook that has run, each with the text of its cell."""
    import linecache
    import math

    import torch
    from torch import Tensor, nn

    names = {"__name__": "__main__", "torch": torch, "Tensor": Tensor, "nn": nn, "math": math}

    def run(source):
        file = f"<cell {len(linecache.cache)}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        exec(compile(source, file, "exec"), names)

    for name in REFERENCE.exercises:
        run(REFERENCE.released(name))
    return names, run


def test_a_green_panel_says_what_is_done_and_what_comes_next(running):
    names, run = running
    for name in ("div_term", "sinusoidal_encoding", "PositionalEncoding"):
        run(REFERENCE.answer(name))
        report = check(name, names)
    wanted = {"en": "3 of 4 done, next: shift_matrix", "zh": "完成 3/4，接下来：shift_matrix"}
    assert report.note == wanted[report.language]
    assert wanted[report.language] in repr(report)
    assert wanted[report.language] in report._repr_html_()


def test_after_the_last_exercise_the_question_comes_next(running):
    names, run = running
    for name in REFERENCE.exercises:
        run(REFERENCE.answer(name))
        report = check(name, names)
    assert "4" in report.note
    assert "q1_sin_cos" in report.note


def test_a_red_panel_says_nothing_of_progress(running):
    names, run = running
    run(WRONG)
    report = check("div_term", names)
    assert "4" not in report.note


def test_an_answer_that_was_changed_in_the_notebook_is_not_done(running):
    names, run = running
    run(REFERENCE.answer("div_term"))
    check("div_term", names)
    run(bundles.ANSWER)  # right too, and not checked yet
    run(REFERENCE.answer("shift_matrix"))
    note = check("shift_matrix", names).note
    assert "1 of 4 done, next: div_term" in note or "完成 1/4，接下来：div_term" in note


def test_status_in_a_notebook_knows_answers_that_are_not_saved(running):
    names, run = running
    run(REFERENCE.answer("div_term"))
    check("div_term", names)
    assert states(status_of(find_notebooks(), names))["div_term"] == "done"


def test_a_check_outside_of_a_folder_of_notebooks_writes_nothing(running, mine, tmp_path, monkeypatch):
    names, run = running
    run(REFERENCE.answer("div_term"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert check("div_term", names).passed
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert read_progress(mine / "notebooks" / ".course").marks == {}
