"""What is handed in beside plain notebooks: scripts, what a cloud folder has not loaded, other encodings, pictures."""

import csv
import json

import pytest

from course_utils.engine.grading.collect.attempts import identity_of

from ...desk import FIRST, SECOND, laid, notebook, zipped

WANG = "王小明_5_assignsubmission_file_"


def script(data):
    """A notebook in jupytext's percent format."""
    cells = json.loads(data)["cells"]
    kinds = {"code": "# %%\n", "markdown": "# %% [markdown]\n"}
    text = "".join(
        kinds[cell["cell_type"]]
        + (cell["source"] if cell["cell_type"] == "code" else "# " + cell["source"].replace("\n", "\n# "))
        + "\n\n"
        for cell in cells
    )
    return text.encode()


def packed(desk, content):
    """A download of Moodle's with files of one student."""
    return zipped(desk.downloads / "d.zip", {f"{WANG}/{name}": data for name, data in content.items()})


def intake(desk):
    """The rows of intake.csv."""
    with (desk.results / "intake.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_script_of_a_unit_of_which_no_notebook_came_is_brought(desk):
    desk.collect(packed(desk, {"a.ipynb": notebook(), "b.py": script(notebook(SECOND))}))
    assert desk.handed_in() == {f"wang/{FIRST}/{FIRST}.ipynb", f"wang/{SECOND}/b.py"}


def test_a_script_is_graded_as_its_notebook_would_be(desk):
    desk.collect(packed(desk, {"work.py": script(notebook())}))
    desk.grade()
    assert desk.scores()["wang", FIRST]["points"] == "13"


def test_a_script_beside_its_notebook_is_left_aside(desk):
    done = desk.collect(packed(desk, {"a.ipynb": notebook(), "a.py": script(notebook())}))
    assert desk.handed_in() == {f"wang/{FIRST}/{FIRST}.ipynb"}
    assert [line["read_as"] for line in done.lines] == ["notebook", ""]


def test_a_helper_of_no_unit_is_left_aside_beside_a_notebook(desk):
    desk.collect(packed(desk, {"a.ipynb": notebook(), "plots.py": b"def draw(x):\n    return x\n"}))
    assert desk.handed_in() == {f"wang/{FIRST}/{FIRST}.ipynb"}


def test_what_a_cloud_folder_has_not_loaded_keeps_its_name(desk):
    laid(desk.downloads / "d" / "wang", {f".{FIRST}.ipynb.icloud": b"bplist00"})
    desk.collect(desk.downloads / "d")
    assert desk.handed_in() == {f"wang/{FIRST}/{FIRST}.ipynb.icloud"}


def test_what_a_cloud_folder_has_not_loaded_takes_no_notebooks_place(desk):
    laid(desk.downloads / "d" / "wang", {f".{FIRST}.ipynb.icloud": b"bplist00", "x.ipynb": notebook()})
    desk.collect(desk.downloads / "d")
    assert desk.handed_in() == {f"wang/{FIRST}/{FIRST}.ipynb"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_notebook_by_another_name_is_known_in_any_encoding(desk, encoding):
    desk.collect(packed(desk, {"work.txt": notebook().decode().encode(encoding)}))
    assert desk.handed_in() == {f"wang/{FIRST}/{FIRST}.ipynb"}


@pytest.mark.parametrize(
    "cells",
    [
        [{"attachments": {"a.png": {"image/png": data}}, "source": "![a](attachment:a.png)"} for data in ("AA", "BB")],
        [{"source": f"![a](data:image/png;base64,{data})"} for data in ("AAAA", "BBBB")],
    ],
    ids=["attached", "embedded"],
)
def test_another_picture_is_another_attempt(cells):
    made = [json.dumps({"cells": [{"cell_type": "markdown", **cell}], "nbformat": 4}).encode() for cell in cells]
    assert identity_of(made[0]) != identity_of(made[1])
    assert identity_of(made[0]) == identity_of(made[0] + b"\n")


def test_what_collect_keeps_for_itself_is_no_file_of_nobody(desk):
    desk.collect(packed(desk, {"x.ipynb": notebook()}))
    desk.grade()
    assert [row["source"] for row in intake(desk) if not row["student"]] == []


def test_a_file_of_nobody_beside_what_collect_keeps_has_its_row(desk):
    desk.collect(packed(desk, {"x.ipynb": notebook()}))
    laid(desk.submitted, {"stray.ipynb": notebook(), ".DS_Store": b"x"})
    desk.grade()
    assert [row["source"] for row in intake(desk) if not row["student"]] == [".DS_Store", "stray.ipynb"]


@pytest.mark.parametrize("attached", ['{"a":' * 900 + "1" + "}" * 900, '["x"]', '{"a": {"image/png": "\\ud800"}}'])
def test_hostile_attachments_end_nothing(attached):
    cell = f'{{"cell_type": "markdown", "source": "x", "attachments": {attached}}}'
    assert identity_of(f'{{"cells": [{cell}], "nbformat": 4}}'.encode())


def test_a_picture_in_parts_is_the_same_picture():
    made = [
        {"cells": [{"cell_type": "markdown", "source": "", "attachments": {"a": {"image/png": data}}}], "nbformat": 4}
        for data in ("AABB", ["AA", "BB"])
    ]
    assert len({identity_of(json.dumps(notebook).encode()) for notebook in made}) == 1
