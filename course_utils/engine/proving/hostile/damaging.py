"""Notebooks whose file is damaged or lies: cells, labels, metadata, bytes, and what is no file at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..toy import ROWS
from .attack import DAMAGE, Hostile, Notebook

EVERYTHING = ("powers", "power_table", "AddTable", "step_matrix")  # of the unit


def _marks(cell: dict[str, Any]) -> dict[str, Any]:
    return cell["metadata"].get("nbgrader", {})


def _cells(notebook: Notebook, name: str) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if _marks(cell).get("grade_id") == name]


# what a notebook says of itself -----------------------------------------------------------------------------------


def _claim_points(notebook: Notebook) -> Notebook:
    for cell in notebook["cells"]:
        marks = _marks(cell)
        if marks:
            marks.update(points=1000, locked=False, score=1000, auto_score=1000, grade=True)
    notebook["metadata"]["points"] = notebook["metadata"]["nbgrader"] = {"score": 1000}
    return notebook


def _edit_checks(notebook: Notebook) -> Notebook:
    for cell in notebook["cells"]:
        if _marks(cell).get("grade") and cell["cell_type"] == "code":
            cell["source"] = "powers = None\nprint(5.0)\n5.0"
            cell["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "3"}, "metadata": {}}]
    return notebook


def _delete_checks(notebook: Notebook) -> Notebook:
    notebook["cells"] = [c for c in notebook["cells"] if not _marks(c).get("grade") or _marks(c).get("solution")]
    return notebook


def _duplicate(notebook: Notebook) -> Notebook:
    notebook["cells"] = [dict(cell) for cell in notebook["cells"] for _ in range(2)]
    return notebook


def _reverse(notebook: Notebook) -> Notebook:
    notebook["cells"].reverse()
    return notebook


def _retype(notebook: Notebook) -> Notebook:
    for cell in notebook["cells"]:
        if _marks(cell).get("grade_id") in EVERYTHING:
            cell["cell_type"] = "raw"
        elif _marks(cell).get("grade"):
            cell["cell_type"] = "markdown"
    return notebook


def _one_label(notebook: Notebook) -> Notebook:
    for cell in notebook["cells"]:
        if _marks(cell):
            _marks(cell)["grade_id"] = "step_matrix"
    return notebook


def _no_labels(notebook: Notebook) -> Notebook:
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)
    return notebook


def _odd_labels(notebook: Notebook) -> Notebook:
    odd: list[Any] = [None, 3, [], {"a": 1}, "__class__", "../../etc/passwd", "a\u0000b", "powers" * 1000]
    for number, cell in enumerate(notebook["cells"]):
        if not _marks(cell).get("solution"):
            cell["metadata"] = {"nbgrader": {"grade_id": odd[number % len(odd)]}, "tags": odd[(number + 1) % len(odd)]}
            cell["id"] = odd[(number + 2) % len(odd)]
    return notebook


def _odd_cells(notebook: Notebook) -> Notebook:
    notebook["cells"][1:1] = [None, 5, "cell", [], {}, {"cell_type": 7, "source": {"a": 1}, "metadata": "none"},
                              {"cell_type": "code", "source": [1, None, "x = 1\n"], "metadata": None}]  # fmt: skip
    return notebook


def _setup_of_its_own(notebook: Notebook) -> Notebook:
    for cell in notebook["cells"]:
        if cell["metadata"].get("course", {}).get("role") == "setup":
            cell["source"] = "raise SystemExit('no setup for anybody')"
    own = {"cell_type": "code", "id": "own", "metadata": {"course": {"role": "setup"}}, "outputs": [],
           "source": "class SystemExit(Exception): pass\n"}  # fmt: skip
    notebook["cells"].insert(0, own)
    return notebook


def _many_cells(notebook: Notebook) -> Notebook:
    own = {"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": []}
    notebook["cells"] += [own] * (2000 - len(notebook["cells"]))
    return notebook


def _too_many_cells(notebook: Notebook) -> Notebook:
    notebook["cells"] += [{"cell_type": "raw", "metadata": {}, "source": ""}] * 2001
    return notebook


def _null(notebook: Notebook) -> Notebook:
    for cell in _cells(notebook, "powers"):
        cell["source"] += "\nx = '\u0000'"
    return notebook


def _surrogates(notebook: Notebook) -> Notebook:
    for cell in notebook["cells"]:
        if _marks(cell).get("grade_id") == "q_rows":
            cell["source"] = "\ud800 \udfff <script>alert(1)</script> \u202e" + "[" * 50_000
    return notebook


def _outputs(notebook: Notebook) -> Notebook:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "display_data", "data": {"text/html": "<script>" + "x" * 100_000}}]
            cell["execution_count"] = -(10**30)
    return notebook


def _claimed_language(notebook: Notebook) -> Notebook:
    notebook["metadata"]["course"] = {"language": ["zh"], "unit": "../../02_blocks"}
    notebook["metadata"]["kernelspec"] = {"name": "bash", "argv": ["rm", "-rf", "/"]}
    return notebook


def _rotten_cells(*lines: str) -> Callable[[Notebook], Notebook]:
    """Adds a line to a cell of looks and one to the first exercise."""

    def damage(notebook: Notebook) -> Notebook:
        look = next(c for c in notebook["cells"] if "experiment" in c["metadata"].get("tags", []))
        for line in lines:
            look["source"] += f"\n{line}"
            for cell in _cells(notebook, "powers"):
                cell["source"] += f"\n{line}"
        return notebook

    return damage


def _hard_to_read(notebook: Notebook) -> Notebook:
    """Twenty cells that Python needs five seconds each to read."""
    for number in range(20):
        source = "a;" * 120_000 + f"b{number}"
        own = {"cell_type": "code", "id": f"own-{number}", "metadata": {}, "source": source, "outputs": []}
        notebook["cells"].insert(number, own)
    return notebook


# what its bytes say ---------------------------------------------------------------------------------------------------


def _bytes(make: Callable[[bytes], bytes]) -> Callable[[Notebook], bytes]:
    return lambda notebook: make(json.dumps(notebook).encode())


def _text(notebook: Notebook) -> bytes:
    return json.dumps(notebook).replace('"nbformat": 4', '"nbformat": NaN, "x": [1e999, -Infinity]').encode()


WHOLE: dict[str, Callable[[Notebook], Any]] = {
    "points in the metadata": _claim_points,
    "edited check cells": _edit_checks,
    "deleted check cells": _delete_checks,
    "cells twice": _duplicate,
    "cells in reverse": _reverse,
    "cells of other types": _retype,
    "no labels at all": _no_labels,
    "labels that are no text": _odd_labels,
    "cells that are no cells": _odd_cells,
    "a set-up of its own": _setup_of_its_own,
    "two thousand cells": _many_cells,
    "an answer of scripts and halves of characters": _surrogates,
    "outputs full of scripts": _outputs,
    "a language and kernel of its own": _claimed_language,
    "a number of ten thousand digits in the source": _rotten_cells("x = 0x" + "f" * 10_000),
    "an expression of a thousand parts": _rotten_cells("x = " + "+".join("1" * 900), "y = " + "-" * 900 + "1"),
    "cells that take minutes to read": _hard_to_read,
    "a comment of many characters": _rotten_cells("# " + "\U0001f600" * 200_000),
    "a byte order mark": _bytes(lambda data: b"\xef\xbb\xbf" + data),
    "UTF-16": _bytes(lambda data: data.decode().encode("utf-16")),
    "numbers that are no JSON": _text,
    "line ends of another system": lambda notebook: json.dumps(notebook, indent=1).replace("\n", "\r\n").encode(),
}

# of these nothing can be read, or not the first exercise
BROKEN: dict[str, tuple[Callable[[Notebook], Any], tuple[str, ...]]] = {
    "too many cells": (_too_many_cells, EVERYTHING),
    "one label for all": (_one_label, ()),
    "a zero byte in the source": (_null, ("powers",)),
    "an empty file": (_bytes(lambda data: b""), EVERYTHING),
    "half a file": (_bytes(lambda data: data[: len(data) // 2]), EVERYTHING),
    "bytes of no encoding": (_bytes(lambda data: data.replace(b"cells", b"c\xff\xfells")), EVERYTHING),
    "a list instead of a dict": (_bytes(lambda data: b"[" + data + b"]"), EVERYTHING),
    "cells as a dict": (lambda notebook: {**notebook, "cells": {"0": notebook["cells"]}}, EVERYTHING),
    "a number": (_bytes(lambda data: b"3"), EVERYTHING),
    "a pickle": (_bytes(lambda data: b"\x80\x04cos\nsystem\n(S'id'\ntR."), EVERYTHING),
    "a hundred thousand levels": (_bytes(lambda data: b"[" * 100_000 + b"]" * 100_000), EVERYTHING),
    "a million empty lists": (_bytes(lambda data: b'{"cells": [' + b"[]," * 10**6 + b"[]]}"), EVERYTHING),
    "a number of a million digits": (_bytes(lambda data: b'{"cells": ' + b"9" * 10**6 + b"}"), EVERYTHING),
}


# what is no file ------------------------------------------------------------------------------------------------------


def _link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _link_to_secret(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def _link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


def _folder_link(path: Path) -> None:
    path.parent.rmdir()
    path.parent.symlink_to("/")


def _file_for_folder(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_bytes(b"{}")


def _fifty_megabytes(path: Path) -> None:
    path.write_bytes(b"{}" + b" " * 50 * 10**6)


def _deaf(path: Path) -> None:
    path.write_bytes(b"{}")
    path.unlink()


NO_FILES: dict[str, Callable[[Path], None]] = {
    "a link to a device": _link_to_device,
    "a link to another's file": _link_to_secret,
    "a link to itself": _link_to_itself,
    "a link to nothing": _link_to_nothing,
    "a folder that is a link": _folder_link,
    "a file for a folder": _file_for_folder,
    "fifty megabytes": _fifty_megabytes,
    "a pipe": lambda path: os.mkfifo(path),
    "a folder for a file": lambda path: path.mkdir(),
    "a file that has gone": _deaf,
}


def _all() -> list[Hostile]:
    found = [
        Hostile(name, DAMAGE, "damages what counts nothing", ROWS, {}, damage=damage, loses=(), walls=False)
        for name, damage in WHOLE.items()
    ]
    found += [
        Hostile(name, DAMAGE, "is a file of another kind", ROWS, {}, damage=damage, loses=loses, spares=bool(loses),
                walls=False)
        for name, (damage, loses) in BROKEN.items()
    ]  # fmt: skip
    found += [
        Hostile(name, DAMAGE, "is no file", ROWS, {}, place=place, loses=EVERYTHING, ends=("error", "missing"),
                walls=False)
        for name, place in NO_FILES.items()
    ]  # fmt: skip
    return found


ATTACKS = _all()
