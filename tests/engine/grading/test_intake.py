"""Damaged, rearranged and hostile notebooks: what a student wrote is found, everything else is the release's."""

import copy
import json
import os
import random
import stat
from pathlib import Path

import pytest

from course_utils.engine.course import current
from course_utils.engine.grading import free_text, intake
from course_utils.engine.grading.intake import IntakeError, Submission, read_bytes, rebuild
from course_utils.engine.grading.skeleton import Skeleton
from course_utils.engine.reading import notebook as reader

UNIT = "01_numbers"
DOUBLE = "def double(x):\n    return 2 * x"
TRIPLE = "class Triple:\n    def of(self, x):\n        return double(x) + x"
BLANK_DOUBLE = 'def double(x):\n    """Twice x."""\n    # YOUR CODE HERE'
BLANK_TRIPLE = "class Triple:\n    def of(self, x):\n        # YOUR CODE HERE\n        pass"
SETUP = "import math"
PROMPT = "## Question 1\n\nWhy twice?"


def code(source, identity, grade_id="", solution=False, **metadata):
    if grade_id:
        metadata["nbgrader"] = {
            "grade_id": grade_id, "solution": solution, "grade": grade_id.endswith("-values"), "locked": not solution,
            "schema_version": 3, "task": False, "cell_type": "code",
        }  # fmt: skip
    return {
        "cell_type": "code", "id": identity, "metadata": metadata, "source": source, "outputs": [],
        "execution_count": None,
    }  # fmt: skip


def text(source, identity, **metadata):
    return {"cell_type": "markdown", "id": identity, "metadata": metadata, "source": source}


def released():
    """A release with a set-up cell, two exercises with their checks, a look at a result, and a question."""
    marks = {"grade_id": "q1_why", "solution": True, "grade": True, "points": 4, "locked": False, "schema_version": 3}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"course": {"language": "zh", "unit": UNIT}},
        "cells": [
            text("# Numbers", "01-000"),
            code(SETUP, "01-001", "setup-1", course={"role": "setup"}),
            code(BLANK_DOUBLE, "double", "double", solution=True),
            code('check("double")', "01-002", tags=["experiment"]),
            code("# double-values: 3 points", "double-values", "double-values"),
            code(BLANK_TRIPLE, "Triple", "Triple", solution=True),
            code("# Triple-values: 2 points", "Triple-values", "Triple-values"),
            text(PROMPT, "01-003"),
            text("YOUR ANSWER HERE", "q1_why", nbgrader=marks),
            text("The end.", "01-004"),
        ],
    }


SKELETON = Skeleton.of(UNIT, released())


def filled():
    notebook = released()
    cell(notebook, "double")["source"] = DOUBLE
    cell(notebook, "Triple")["source"] = TRIPLE
    cell(notebook, "q1_why")["source"] = "Because it is more than once."
    return notebook


def cell(notebook, identity):
    return next(cell for cell in notebook["cells"] if cell["id"] == identity)


def place(notebook, identity):
    return notebook["cells"].index(cell(notebook, identity))


def insert(notebook, source, after, kind="code"):
    new = code(source, f"new-{len(notebook['cells'])}") if kind == "code" else text(source, "new")
    new["cell_type"] = kind
    notebook["cells"].insert(place(notebook, after) + 1 if after else 0, new)


def taken(notebook) -> Submission:
    return rebuild(notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode(), SKELETON)


def run_order(submission):
    return [(cell.kind, cell.source) for cell in submission.cells]


COMPLETE = [("setup", SETUP), ("exercise", DOUBLE), ("exercise", TRIPLE)]


# What is taken, and what is not


def test_of_a_filled_notebook_setup_and_answers_run_in_the_order_of_the_release():
    assert run_order(taken(filled())) == COMPLETE


def test_a_release_handed_in_as_it_is_counts_as_blank():
    submission = taken(released())
    assert submission.blank == ("double", "Triple")
    assert submission.answers == {}
    assert run_order(submission) == [("setup", SETUP), ("exercise", BLANK_DOUBLE), ("exercise", BLANK_TRIPLE)]


def test_points_that_a_submission_gives_itself_are_not_read():
    notebook = filled()
    for each in notebook["cells"]:
        each["metadata"].get("nbgrader", {}).update(points=1000, grade=True)
    assert taken(notebook) == taken(filled())


def test_what_stands_in_a_locked_cell_never_runs():
    notebook = filled()
    cell(notebook, "double-values")["source"] = "raise SystemExit"
    assert run_order(taken(notebook)) == COMPLETE


# Damage that costs nothing


def without_ids(notebook):
    for each in notebook["cells"]:
        each["metadata"].pop("nbgrader", None)
        del each["id"]


def without_metadata(notebook):
    for each in notebook["cells"]:
        del each["metadata"], each["id"]


def with_metadata_of_other_types(notebook):
    for number, each in enumerate(notebook["cells"]):
        each["metadata"] = [None, [], "none", 3, {"nbgrader": []}, {"nbgrader": {"grade_id": 7}}][number % 6]


def with_swapped_ids(notebook):
    marks = [cell(notebook, name)["metadata"]["nbgrader"] for name in ("double", "Triple")]
    marks[0]["grade_id"], marks[1]["grade_id"] = "Triple", "double"


def doubled(notebook):
    notebook["cells"] = [copy.deepcopy(each) for each in notebook["cells"] for _ in range(2)]


def handed_in_twice_with_a_blank_copy_behind(notebook):
    notebook["cells"] += released()["cells"]


def reversed_cells(notebook):
    notebook["cells"].reverse()


def without_setup(notebook):
    del notebook["cells"][place(notebook, "01-001")]


def without_checks_and_prose(notebook):
    notebook["cells"] = [cell(notebook, "double"), cell(notebook, "Triple"), cell(notebook, "q1_why")]


def retyped(kind):
    def change(notebook):
        for name in ("double", "Triple"):
            cell(notebook, name)["cell_type"] = kind

    change.__name__ = f"retyped_as_{kind}"
    return change


def sources_as_lists(notebook):
    for each in notebook["cells"]:
        each["source"] = each["source"].splitlines(keepends=True)


def sources_as_lists_with_odd_items(notebook):
    for each in notebook["cells"]:
        each["source"] = [*each["source"].splitlines(keepends=True), 7, None]


def lines_ended_as_on_windows(notebook):
    for each in notebook["cells"]:
        each["source"] = each["source"].replace("\n", "\r\n")


def with_outputs(notebook):
    for number, each in enumerate(notebook["cells"]):
        if each["cell_type"] == "code":
            each |= {"execution_count": number, "outputs": [{"output_type": "stream", "text": "x" * 10_000}]}


def in_the_format_of_2013(notebook):
    cells = [
        each | {"input": each["source"], "language": "python"} if each["cell_type"] == "code" else each
        for each in notebook.pop("cells")
    ]
    for each in cells:
        if each["cell_type"] == "code":
            del each["source"]
    notebook |= {"nbformat": 3, "worksheets": [{"cells": cells[:3]}, None, {"cells": 4}, {"cells": cells[3:]}]}


def with_things_that_are_no_cells(notebook):
    notebook["cells"][2:2] = [None, 3, "text", [], {}, {"cell_type": None, "source": None}, {"source": {"a": 1}}]


DAMAGES = [
    without_ids,
    without_metadata,
    with_metadata_of_other_types,
    with_swapped_ids,
    doubled,
    handed_in_twice_with_a_blank_copy_behind,
    reversed_cells,
    without_setup,
    without_checks_and_prose,
    retyped("markdown"),
    retyped("raw"),
    retyped("no such type"),
    sources_as_lists,
    sources_as_lists_with_odd_items,
    lines_ended_as_on_windows,
    with_outputs,
    in_the_format_of_2013,
    with_things_that_are_no_cells,
]


def by_name(function):
    return function.__name__


@pytest.mark.parametrize("damage", DAMAGES, ids=by_name)
def test_damage_costs_no_answer(damage):
    notebook = filled()
    damage(notebook)
    submission = taken(notebook)
    assert [(kind, source.replace("\r\n", "\n")) for kind, source in run_order(submission)] == COMPLETE
    assert submission.blank == ()


@pytest.mark.parametrize("damage", DAMAGES, ids=by_name)
def test_damage_to_the_release_does_not_make_an_answer_of_it(damage):
    notebook = released()
    damage(notebook)
    assert taken(notebook).blank == ("double", "Triple")


def with_marks_lost(notebook):
    for each in notebook["cells"]:
        each["metadata"] = {}


# Free text defines no name: where the cell's id is lost too, nothing tells what it answers.
LOSES_TEXT = (without_ids, without_metadata)


@pytest.mark.parametrize("damage", [with_marks_lost, *(d for d in DAMAGES if d not in LOSES_TEXT)], ids=by_name)
def test_damage_costs_no_free_text(damage):
    notebook = filled()
    damage(notebook)
    assert taken(notebook).answers == {"q1_why": "Because it is more than once."}


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: ("\n\n" + text + "\n\n").encode(),
    ],
    ids=["with a byte-order mark", "with Windows' line ends", "with empty lines around"],
)
def test_the_same_json_written_otherwise_is_the_same_notebook(write):
    assert taken(write(json.dumps(filled(), indent=1))) == taken(filled())


# Where an answer may stand


def test_an_answer_in_a_new_cell_is_found_while_the_given_cell_is_blank():
    notebook = released()
    insert(notebook, DOUBLE, after="01-003")
    submission = taken(notebook)
    assert submission.sources["double"] == DOUBLE
    assert submission.blank == ("Triple",)
    assert run_order(submission) == [("setup", SETUP), ("exercise", DOUBLE), ("exercise", BLANK_TRIPLE)]


def test_both_answers_in_one_cell_count_for_both_exercises():
    notebook = released()
    both = f"{DOUBLE}\n\n\n{TRIPLE}"
    cell(notebook, "double")["source"] = both
    del notebook["cells"][place(notebook, "Triple")]
    submission = taken(notebook)
    assert submission.sources == {"double": both, "Triple": both}
    assert submission.blank == ()


def test_a_cell_split_in_two_runs_as_helper_and_answer():
    notebook = filled()
    cell(notebook, "double")["source"] = "FACTOR = 2"
    insert(notebook, "def double(x):\n    return FACTOR * x", after="double")
    assert run_order(taken(notebook)) == [
        ("setup", SETUP),
        ("extra", "FACTOR = 2"),
        ("exercise", "def double(x):\n    return FACTOR * x"),
        ("exercise", TRIPLE),
    ]


def test_an_older_try_under_the_same_id_does_not_run():
    notebook = filled()
    older = copy.deepcopy(cell(notebook, "double"))
    older["source"] = "def double(x):\n    return x + 2"
    notebook["cells"].insert(place(notebook, "double"), older)
    assert run_order(taken(notebook)) == COMPLETE


@pytest.mark.parametrize(
    "source",
    [
        "double = lambda x: 2 * x",
        "double: object = abs",
        "first, double = abs, max",
        "from operator import add as double",
    ],
    ids=["assigned", "with a type", "unpacked", "imported"],
)
def test_a_name_counts_as_defined_however_it_is_bound(source):
    notebook = released()
    insert(notebook, source, after="double")
    assert taken(notebook).sources["double"] == source


def test_a_deleted_exercise_is_blank():
    notebook = filled()
    del notebook["cells"][place(notebook, "double")]
    submission = taken(notebook)
    assert submission.blank == ("double",)
    assert run_order(submission) == [("setup", SETUP), ("exercise", BLANK_DOUBLE), ("exercise", TRIPLE)]


@pytest.mark.parametrize("source", ["", "   \n", "# I do not know", '"""Twice."""'], ids=repr)
def test_an_emptied_exercise_runs_as_it_is_and_defines_nothing(source):
    notebook = filled()
    cell(notebook, "double")["source"] = source
    assert ("exercise", source) in run_order(taken(notebook))


@pytest.mark.parametrize(
    "change",
    [
        lambda source: source + "\n\n\n",
        lambda source: source.replace("# YOUR CODE HERE", "# my code?"),
        lambda source: source.replace("Twice x", "Doppelt x"),
        lambda source: source.replace("\n", "\r\n"),
    ],
    ids=["line ends", "a comment", "a docstring", "Windows"],
)
def test_a_cell_that_says_the_same_as_the_release_is_blank(change):
    notebook = filled()
    cell(notebook, "double")["source"] = change(BLANK_DOUBLE)
    assert taken(notebook).blank == ("double",)


def test_an_answer_that_is_no_python_is_an_answer_nevertheless():
    notebook = filled()
    cell(notebook, "double")["source"] = "def double(x)\n    return 2 * x"
    submission = taken(notebook)
    assert submission.blank == ()
    assert submission.sources["double"].startswith("def double(x)\n")


def test_latex_in_a_docstring_warns_nobody():
    notebook = filled()
    cell(notebook, "double")["source"] = 'def double(x):\n    """$\\alpha \\d$"""\n    return 2 * x'
    assert taken(notebook).blank == ()


# A student's own cells


OWN = [
    "import os",
    "HALF = 0.5",
    "def helper(x):\n    return x",
    "%matplotlib inline",
    "!pip list",
    "raise ValueError",
    "(((",
]


@pytest.mark.parametrize("source", OWN)
@pytest.mark.parametrize(
    ("after", "position"),
    [
        ("", 0),
        ("01-000", 0),
        ("01-001", 1),
        ("double", 2),
        ("01-002", 2),
        ("double-values", 2),
        ("Triple", 3),
        ("01-004", 3),
    ],
)
def test_an_own_cell_runs_where_the_student_put_it(source, after, position):
    notebook = filled()
    insert(notebook, source, after=after)
    assert run_order(taken(notebook)) == [*COMPLETE[:position], ("extra", source), *COMPLETE[position:]]


def test_an_own_cell_keeps_its_place_though_its_neighbours_are_gone():
    notebook = filled()
    insert(notebook, "HALF = 0.5", after="01-002")
    notebook["cells"] = [each for each in notebook["cells"] if each["id"] not in ("01-001", "01-002", "double-values")]
    assert run_order(taken(notebook)) == [*COMPLETE[:2], ("extra", "HALF = 0.5"), COMPLETE[2]]


def test_own_cells_keep_their_order():
    notebook = filled()
    insert(notebook, "second = first", after="01-001")
    insert(notebook, "first = 1", after="01-001")
    assert run_order(taken(notebook))[1:3] == [("extra", "first = 1"), ("extra", "second = first")]


@pytest.mark.parametrize("kind", ["markdown", "raw", "heading", "None"])
def test_an_own_cell_that_is_no_code_does_not_run(kind):
    notebook = filled()
    insert(notebook, "raise ValueError", after="double", kind=kind)
    assert run_order(taken(notebook)) == COMPLETE


def test_the_given_setup_runs_first_and_an_edited_one_behind_it():
    notebook = filled()
    cell(notebook, "01-001")["source"] = "import math\nimport os"
    assert run_order(taken(notebook)) == [COMPLETE[0], ("extra", "import math\nimport os"), *COMPLETE[1:]]


def test_of_an_edited_look_only_definitions_run():
    notebook = filled()
    cell(notebook, "01-002")["source"] = (
        "import os\nHALF = 0.5\nslow = [0] * 10**9\ndef helper():\n    return HALF\nhelper()"
    )
    own = "import os\nHALF = 0.5\ndef helper():\n    return HALF"
    assert [(kind, source.replace("\n\n", "\n")) for kind, source in run_order(taken(notebook))] == [
        *COMPLETE[:2],
        ("extra", own),
        COMPLETE[2],
    ]


LOOK = (
    "found = run('learning_curves', seeds=2)\nplots.curves(found.epochs, found.losses, title='Loss falls')\nplt.show()"
)


def with_a_look():
    release = released()
    release["cells"].insert(4, code(LOOK, "01-002b", tags=["experiment"]))
    return release


@pytest.mark.parametrize("edit", ["{}\nprint('mine')", "HALF = 0.5\n{}", "%%time\n{}"])
def test_an_edited_look_without_marks_does_not_run(edit):
    skeleton, notebook = Skeleton.of(UNIT, with_a_look()), filled()
    notebook["cells"].insert(4, code(edit.format(LOOK), "x"))
    with_marks_lost(notebook)
    for number, each in enumerate(notebook["cells"]):
        each["id"] = f"c{number}"
    sources = [each.source for each in rebuild(json.dumps(notebook).encode(), skeleton).cells if each.kind == "extra"]
    assert sources == (["HALF = 0.5"] if "HALF" in edit else [])


@pytest.mark.parametrize("source", [f"{LOOK}\nprint('mine')", "nothing = train(of='the release')\nHALF = 0.5"])
def test_an_edited_look_that_kept_its_tag_and_lost_its_id_does_not_run(source):
    notebook = with_a_look()
    cell(notebook, "01-002b")["source"] = source
    for each in notebook["cells"]:
        del each["id"]
    cells = rebuild(json.dumps(notebook).encode(), Skeleton.of(UNIT, with_a_look())).cells
    assert [each.source for each in cells if each.kind == "extra"] == (["HALF = 0.5"] if "HALF" in source else [])


CHINESE_LOOK = "print('损失在下降')\nfor epoch in range(3):\n    print('第', epoch, '轮')"
ENGLISH_LOOK = "print('the loss falls')\nfor epoch in range(3):\n    print('epoch', epoch)"


@pytest.mark.parametrize("source", [CHINESE_LOOK, ENGLISH_LOOK, f"{CHINESE_LOOK}\nprint('mine')"])
def test_a_look_without_marks_that_prints_other_words_in_each_language_is_known_in_each(source):
    english, chinese = released(), released()
    for release, look in ((english, ENGLISH_LOOK), (chinese, CHINESE_LOOK)):
        release["cells"].insert(4, code(look, "01-002b", tags=["experiment"]))
    notebook = filled()
    notebook["cells"].insert(4, code(source, "x"))
    with_marks_lost(notebook)
    for number, each in enumerate(notebook["cells"]):
        each["id"] = f"c{number}"
    cells = rebuild(json.dumps(notebook).encode(), Skeleton.of(UNIT, english, chinese)).cells
    assert [each.source for each in cells if each.kind == "extra"] == []


def test_an_own_copy_of_a_look_runs_where_the_looks_have_their_tags():
    notebook = with_a_look()
    own = LOOK.replace("seeds=2", "seeds=9")
    notebook["cells"].append(code(own, "own"))
    cells = rebuild(json.dumps(notebook).encode(), Skeleton.of(UNIT, with_a_look())).cells
    assert [each.source for each in cells if each.kind == "extra"] == [own]


def test_what_stands_behind_an_answer_runs_behind_it_also_where_ids_are_lost():
    notebook = filled()
    insert(notebook, "Triple.of = lambda self, x: 3 * x", after="Triple")
    with_marks_lost(notebook)
    for number, each in enumerate(notebook["cells"]):
        each["id"] = f"c{number}"
    assert run_order(taken(notebook))[-2:] == [("exercise", TRIPLE), ("extra", "Triple.of = lambda self, x: 3 * x")]


@pytest.mark.parametrize("magic", ["%%time\n", "!pip install -q x\n", "pip install x\n", "%matplotlib inline\n"])
def test_an_answer_below_a_magic_is_found_where_ids_are_lost(magic):
    notebook = filled()
    cell(notebook, "double")["source"] = magic + DOUBLE
    with_marks_lost(notebook)
    for number, each in enumerate(notebook["cells"]):
        each["id"] = f"c{number}"
    assert taken(notebook).sources["double"] == magic + DOUBLE


def test_a_magic_above_a_blank_cell_makes_no_answer_of_it():
    notebook = released()
    cell(notebook, "double")["source"] = f"%%time\n{BLANK_DOUBLE}"
    assert taken(notebook).blank == ("double", "Triple")


def test_a_released_cell_that_was_copied_does_not_run_again():
    notebook = filled()
    insert(notebook, 'check("double")  # once more', after="Triple")
    assert run_order(taken(notebook)) == COMPLETE


# Free text and language


def test_of_two_answers_a_person_sees_both_and_no_empty_one():
    notebook = filled()
    notebook["cells"] += [copy.deepcopy(cell(notebook, "q1_why")) for _ in range(2)]
    notebook["cells"][-2]["source"], notebook["cells"][-1]["source"] = "Better.", "YOUR ANSWER HERE"
    assert taken(notebook).answers == {"q1_why": "Because it is more than once.\n\nBetter."}


def test_a_very_long_answer_is_cut():
    notebook = filled()
    cell(notebook, "q1_why")["source"] = "x" * (free_text.MAX_ANSWER + 5)
    assert len(taken(notebook).answers["q1_why"]) == free_text.MAX_ANSWER


def test_a_cell_that_is_too_long_counts_as_empty():
    notebook = filled()
    cell(notebook, "double")["source"] = DOUBLE + "#" * reader.MAX_SOURCE
    assert taken(notebook).sources["double"] == ""


@pytest.mark.parametrize("hard", ["a;" * 3_000, "f'" + "{a}" * 500 + "'", "#{" * 600])
def test_code_that_takes_minutes_to_read_is_left_out(monkeypatch, hard):
    monkeypatch.setattr(intake, "MAX_CODE", 2**14)
    notebook = filled()
    notebook["cells"][2:2] = [code(f"{hard}\nown = {number}", f"own-{number}") for number in range(20)]
    submission = taken(notebook)
    assert 0 < sum(cell.kind == "extra" for cell in submission.cells) <= 2
    assert submission.blank == ()


def test_long_comments_cost_no_cell():
    notebook = filled()
    cell(notebook, "double")["source"] = DOUBLE + "\n# " + "#" * 200_000
    notebook["cells"].append(code("x = 1\n# " + "x" * 200_000, "own"))
    submission = taken(notebook)
    assert submission.sources["double"].startswith(DOUBLE)
    assert sum(cell.kind == "extra" for cell in submission.cells) == 1


def test_a_cell_type_that_is_no_text_is_none():
    notebook = filled()
    notebook["cells"].append(code("x = 1", "own") | {"cell_type": ["code"] * 10})
    assert all(cell.kind != "extra" for cell in taken(notebook).cells)


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"course": {"language": "zh"}}, "zh"),
        ({"course": {"language": "en"}}, "en"),
        ({}, "en"),
        (None, "en"),
        ([], "en"),
    ]
    + [({"course": course}, "en") for course in (None, "zh", {"language": ["zh"]}, {"language": "fr"})],
)
def test_the_language_is_the_notebooks_else_english(metadata, language):
    assert taken(released() | {"metadata": metadata}).language == language


# What is no notebook


def deep(word, depth=100_000):
    return word * depth


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"{", "not_json"),
        (b"\x00" * 100, "empty"),
        (b'{"cells": [' + b"9" * 5000 + b"]}", "damaged"),
        (b"\xff\xfe\xfd", "not_json"),
        (deep(b"["), "not_json"),
        (deep(b'{"a":'), "not_json"),
        (b"[]", "not_a_notebook"),
        (b"null", "not_a_notebook"),
        (b"3", "not_a_notebook"),
        (b"{}", "not_a_notebook"),
        (b'{"cells": null}', "not_a_notebook"),
        (b'{"cells": {"0": {}}}', "not_a_notebook"),
        (b'{"worksheets": "none"}', "not_a_notebook"),
        (json.dumps({"cells": [{}] * (reader.MAX_CELLS + 1)}).encode(), "too_many_cells"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:12]),
)
def test_what_is_no_notebook_has_a_reason(data, reason):
    with pytest.raises(IntakeError, match=f"^{reason}$"):
        taken(data)


@pytest.mark.parametrize("reason", intake.REASONS)
@pytest.mark.parametrize(("language", "end"), [("en", "."), ("zh", "。")])
def test_every_reason_is_one_sentence(reason, language, end):
    sentence = intake.REASONS[reason][language]
    assert sentence.endswith(end)
    assert sentence.count(end) == 1 or language == "en"
    assert "{" not in sentence


@pytest.mark.parametrize(
    "source",
    [
        "x = a" + ".b" * 2500,
        "x = 1" + " + 1" * 2500,
        "x = " + "-" * 100_000 + "1",
        "x = " + "(" * 100_000,
        "x = f" + "()" * 50_000,
        "x = " + "9" * 10_000,
        "x = '\ud800'",
        "x = '\x00'",
        "x = '" + "\\N{BULLET}" * 1000,
    ],
    ids=["attributes", "sums", "signs", "brackets", "calls", "digits", "half a character", "nul", "names"],
)
def test_python_that_is_hard_to_read_is_only_a_wrong_answer(source):
    notebook = filled()
    for identity in ("double", "01-001", "01-002"):
        cell(notebook, identity)["source"] = source
    insert(notebook, source, after="")
    submission = taken(notebook)
    assert submission.sources["Triple"] == TRIPLE
    assert "double" not in submission.blank


# Files


def put(folder: Path, data=b"{}", student="ann") -> Path:
    path = folder / student / UNIT / f"{UNIT}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    if data is not None:
        path.write_bytes(data)
    return path


def reason_of(folder: Path, student="ann") -> str:
    with pytest.raises(IntakeError, match=r"^\w+$") as caught:
        read_bytes(folder, student, UNIT)
    return caught.value.reason


@pytest.mark.parametrize(
    "student", ["ann", "李 雷", "-rf", "it's", 'a"b', "a\nb", "*", "a;b", "\udcff\udc80"], ids=ascii
)
def test_a_notebook_is_read_whatever_its_student_is_called(tmp_path, student):
    put(tmp_path, b"bytes", student)
    assert read_bytes(tmp_path, student, UNIT) == b"bytes"


def test_the_submitted_folder_itself_may_be_a_link(tmp_path):
    put(tmp_path / "here", b"bytes")
    (tmp_path / "there").symlink_to(tmp_path / "here")
    assert read_bytes(tmp_path / "there", "ann", UNIT) == b"bytes"


@pytest.mark.parametrize("level", ["student", "unit", "notebook"])
@pytest.mark.parametrize("dangling", [False, True], ids=["a link", "a dangling link"])
def test_a_link_at_any_level_is_not_followed(tmp_path, level, dangling):
    path = put(tmp_path / "others", b"secret")
    if dangling:
        path.unlink()
    mine = tmp_path / "submitted" / "ann" / UNIT / f"{UNIT}.ipynb"
    target, link = {
        "student": (path.parents[1], mine.parents[1]),
        "unit": (path.parent, mine.parent),
        "notebook": (path, mine),
    }[level]
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target if not dangling else target / "nowhere")
    assert reason_of(tmp_path / "submitted") == "link"


def test_a_fifo_is_refused_at_once(tmp_path):
    os.mkfifo(put(tmp_path, None))
    assert reason_of(tmp_path) == "not_a_file"


def test_a_directory_in_the_notebooks_place_is_refused(tmp_path):
    put(tmp_path, None).mkdir()
    assert reason_of(tmp_path) == "not_a_file"


@pytest.mark.parametrize("level", ["student", "unit"])
def test_a_file_in_a_folders_place_is_refused(tmp_path, level):
    folder = tmp_path / "ann" if level == "student" else tmp_path / "ann" / UNIT
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("")
    assert reason_of(tmp_path) == "not_a_file"


def test_a_socket_is_refused(tmp_path, monkeypatch):
    import socket

    path = put(tmp_path, None)
    monkeypatch.chdir(path.parent)  # a socket's address holds 108 characters
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
        assert reason_of(tmp_path) == "not_a_file"


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK], ids=["character", "block"])
def test_a_device_is_refused(tmp_path, kind):
    try:
        os.mknod(put(tmp_path, None), kind | 0o666, os.makedev(1, 5))  # as a character device, /dev/zero
    except PermissionError:
        pytest.skip("only root may make a device")
    assert reason_of(tmp_path) in ("not_a_file", "unreadable")  # a device may be forbidden on this file system


@pytest.mark.parametrize("missing", ["student", "unit", "notebook"])
def test_what_is_not_there_is_missing(tmp_path, missing):
    made = {"student": "bob", "unit": "ann", "notebook": f"ann/{UNIT}"}[missing]
    (tmp_path / made).mkdir(parents=True)
    assert reason_of(tmp_path) == "missing"


@pytest.mark.parametrize("level", ["student", "unit", "notebook"])
def test_what_may_not_be_read_is_unreadable(tmp_path, level):
    path = put(tmp_path)
    closed = {"student": path.parents[1], "unit": path.parent, "notebook": path}[level]
    closed.chmod(0)
    for folder in tmp_path.parents:
        if os.geteuid() == 0 and folder.stat().st_mode & 0o005 != 0o005 and folder.is_relative_to(tmp_path.parents[2]):
            folder.chmod(0o755)  # pytest's own folders, which nobody could pass
    tmp_path.chmod(0o755)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        assert reason_of(tmp_path) == "unreadable"
    finally:
        if root:
            os.seteuid(0)
        closed.chmod(0o755)


def test_a_notebook_that_is_too_large_is_not_read(tmp_path):
    with put(tmp_path, None).open("wb") as file:
        file.truncate(intake.MAX_BYTES + 1)
    assert reason_of(tmp_path) == "too_large"


def test_a_notebook_of_the_largest_size_is_read(tmp_path):
    with put(tmp_path, None).open("wb") as file:
        file.truncate(intake.MAX_BYTES)
    assert len(read_bytes(tmp_path, "ann", UNIT)) == intake.MAX_BYTES


def test_a_notebook_that_grows_while_it_is_read_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "MAX_BYTES", 10)
    put(tmp_path, b"x" * 11)
    fstat = os.fstat

    def before_it_grew(handle):
        status = fstat(handle)
        return os.stat_result([*status[:6], 5, *status[7:]]) if stat.S_ISREG(status.st_mode) else status

    monkeypatch.setattr(intake.os, "fstat", before_it_grew)
    assert reason_of(tmp_path) == "too_large"


def test_reading_leaves_no_descriptor_open(tmp_path):
    put(tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    read_bytes(tmp_path, "ann", UNIT)
    (tmp_path / "bob").mkdir()
    reason_of(tmp_path, "bob")
    assert len(os.listdir("/proc/self/fd")) == before


# Random damage


def damaged(seed: int, notebook: dict) -> bytes:
    """A notebook with one to four random damages to its structure, metadata, order, text or bytes; seeded."""
    chance = random.Random(seed)
    notebook = copy.deepcopy(notebook)
    for _ in range(chance.randint(1, 3)):
        chance.choice([_swap_types, _lose_keys, _shuffle, _repeat, _drop, _cut_sources, _odd_sources, _odd_marks])(
            notebook, chance
        )
    try:
        data = json.dumps(notebook, ensure_ascii=chance.random() < 0.9, indent=chance.choice([None, 1])).encode(
            "utf-8", "surrogatepass"
        )
    except (TypeError, ValueError):
        data = repr(notebook).encode("utf-8", "replace")
    return chance.choice([*[_whole] * 8, _flip_bytes, _truncate, _remove_bytes, _add_bytes])(data, chance)


ODD = [
    None,
    True,
    -1,
    1e308,
    "",
    "text",
    [],
    {},
    [[]],
    {"source": "x = 1"},
    "\ud800",
    "x" * 5000,
    [None],
    {"": {"": []}},
]


def _nodes(value):
    """Every container in a JSON value, with a key in it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield value, key
        yield from _nodes(item)


def _swap_types(notebook, chance):
    for container, key in chance.sample(list(_nodes(notebook)), 3):
        container[key] = copy.deepcopy(chance.choice(ODD))


def _lose_keys(notebook, chance):
    for container, key in chance.sample([node for node in _nodes(notebook) if isinstance(node[0], dict)], 8):
        container.pop(key, None)


def _cells(notebook):
    cells = notebook.get("cells")
    return cells if isinstance(cells, list) else []


def _shuffle(notebook, chance):
    chance.shuffle(_cells(notebook))


def _repeat(notebook, chance):
    cells = _cells(notebook)
    cells += [copy.deepcopy(chance.choice(cells)) for _ in range(chance.randint(1, 20))] if cells else []


def _drop(notebook, chance):
    cells = _cells(notebook)
    cells[:] = [each for each in cells if chance.random() < 0.6]


def _code_cells(notebook):
    return [each for each in _cells(notebook) if isinstance(each, dict) and isinstance(each.get("source"), str)]


def _cut_sources(notebook, chance):
    for each in _code_cells(notebook):
        if chance.random() < 0.3:
            each["source"] = each["source"][: chance.randint(0, len(each["source"]))]


def _odd_sources(notebook, chance):
    for each in _code_cells(notebook):
        if chance.random() < 0.2:
            letters = list(each["source"])
            for _ in range(5):
                letters.insert(
                    chance.randint(0, len(letters)), chance.choice(['"', "(", "\x00", "\ud800", "\t", "\\", "数"])
                )
            each["source"] = "".join(letters)


def _odd_marks(notebook, chance):
    names = [each.get("metadata") for each in _cells(notebook) if isinstance(each, dict)]
    marks = [meta["nbgrader"] for meta in names if isinstance(meta, dict) and isinstance(meta.get("nbgrader"), dict)]
    for mark in marks:
        if chance.random() < 0.4:
            mark["grade_id"] = chance.choice(marks).get("grade_id")


def _whole(data, chance):
    return data


def _flip_bytes(data, chance):
    data = bytearray(data)
    for _ in range(chance.randint(1, 20)):
        data[chance.randrange(len(data))] = chance.randrange(32, 127)
    return bytes(data)


def _truncate(data, chance):
    return data[: chance.randrange(len(data))]


def _remove_bytes(data, chance):
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randint(1, 50) :]


def _add_bytes(data, chance):
    start = chance.randrange(len(data))
    return data[:start] + chance.randbytes(chance.randint(1, 50)) + data[start:]


@pytest.fixture(scope="module")
def unit():
    from course_utils.engine.making.units import find_units

    return find_units(current().folder, ["01_positional_encoding"])[0]


@pytest.fixture(scope="module")
def right(unit):
    """A right and complete notebook of a real unit."""
    from course_utils.engine.proving import sample

    return sample.filled(unit, sample.reference(unit), {"q1_sin_cos": "So that a shift is a rotation."})


NOTEBOOKS = 500


@pytest.fixture(scope="module")
def damaged_notebooks(right):
    return [damaged(seed, right) for seed in range(NOTEBOOKS)]


def test_each_of_500_damaged_notebooks_is_rebuilt_or_refused_with_a_reason(damaged_notebooks, unit):
    from course_utils.engine.proving import sample

    skeleton = Skeleton.of(unit.name, sample.released(unit))
    ends = []
    for data in damaged_notebooks:
        try:
            submission = rebuild(data, skeleton)
        except IntakeError as error:
            ends.append(error.reason)
        else:
            assert [cell.name for cell in submission.cells if cell.kind == "exercise"] == unit.exercises
            ends.append("rebuilt")
    assert len(ends) == NOTEBOOKS
    assert set(ends) <= {"rebuilt", *intake.REASONS}
    assert NOTEBOOKS / 2 < ends.count("rebuilt") < NOTEBOOKS  # the damage is neither too mild nor too wild


OUTCOMES = {"passed", "partial", "failed", "error", "timeout", "memory", "crashed", "missing", "manual"}


@pytest.mark.long
@pytest.mark.slow
def test_each_of_500_damaged_notebooks_is_graded_with_typed_outcomes(damaged_notebooks, unit, walls):
    """Every one through the whole engine, in one warm sandbox, also where nothing but the intake is damaged."""
    from course_utils.engine.grading.task import Patience, Task
    from course_utils.engine.grading.work import grade_alone

    patience = Patience(cell_seconds=5, exercise_seconds=5, submission_seconds=20)
    checks = len(unit.rules) + len(unit.rubric)
    odd = []
    for number, data in enumerate(damaged_notebooks):
        record = grade_alone(Task(str(number), unit.name, data, "", "", "fuzz", walls, patience=patience))
        json.dumps(record.as_json())
        outcomes = [score.outcome for score in record.scores]
        told = all(score.message or score.outcome == "passed" for score in record.scores)
        if len(outcomes) != checks or not set(outcomes) <= OUTCOMES or not told:
            odd.append((number, outcomes))
    assert odd == []
