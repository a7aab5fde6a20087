"""One reader of notebooks: whatever program saved a file, its cells are read, or one sentence says what the file is."""

import json
import time

import pytest

from course_utils.engine.reading import decoding, notebook, python, released, script
from course_utils.engine.reading.decoding import REASONS, ReadError, kind_of
from course_utils.engine.reading.notebook import read_notebook
from course_utils.engine.reading.released import Looks, Marks

CELLS = [
    {"cell_type": "markdown", "metadata": {}, "source": "# 正弦与余弦\n\n为什么要用两个？"},
    {
        "cell_type": "code",
        "metadata": {"nbgrader": {"grade_id": "double"}},
        "source": ["def double(x):\n", "    return x"],
    },
]
NOTEBOOK = {"cells": CELLS, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
TEXT = json.dumps(NOTEBOOK, ensure_ascii=False)


def sources(data):
    return [cell.source for cell in read_notebook(data).cells]


# encodings


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "gbk", "gb18030"]
)
def test_a_notebook_is_read_in_the_encoding_that_it_was_saved_in(encoding):
    assert sources(TEXT.encode(encoding)) == sources(TEXT.encode())


def test_western_letters_of_an_old_windows_are_no_chinese():
    text = json.dumps({"cells": [{"cell_type": "markdown", "source": "déjà vu – “naïve”"}]}, ensure_ascii=False)
    assert sources(text.encode("cp1252")) == ["déjà vu – “naïve”"]


def test_one_broken_byte_does_not_turn_a_text_into_another_encoding():
    assert sources(TEXT.encode().replace("两".encode(), b"\xff")) == [
        "# 正弦与余弦\n\n为什么要用\ufffd个？",
        "def double(x):\n    return x",
    ]


@pytest.mark.parametrize(("encoding", "told"), [("utf-8", ""), ("utf-8-sig", ""), ("utf-16", "UTF-16"), ("gbk", "GBK")])
def test_an_encoding_is_told_where_it_is_not_that_of_jupyter(encoding, told):
    assert decoding.told_encoding(TEXT.encode(encoding)) == told


# versions and outputs


def test_the_format_before_2014_is_read_with_its_headings():
    old = {
        "worksheets": [
            {"cells": [{"cell_type": "heading", "level": 2, "source": "A"}, {"cell_type": "code", "input": "x"}]}
        ]
    }
    assert sources(json.dumps(old).encode()) == ["## A", "x"]


def test_brackets_inside_an_output_are_no_parts_of_a_notebook(monkeypatch):
    monkeypatch.setattr(notebook, "MAX_PARTS", 1000)
    output = {"output_type": "display_data", "data": {"text/html": 'f("[{\\"' * 5000}}
    shown = {"cells": [CELLS[1] | {"outputs": [output]}]}
    assert sources(json.dumps(shown).encode()) == ["def double(x):\n    return x"]
    with pytest.raises(ReadError, match="too_many_parts"):
        read_notebook(json.dumps({"cells": [[]] * 2000}).encode())


def test_a_line_break_inside_a_string_is_read():
    assert sources(b'{"cells": [{"cell_type": "code", "source": "x = 1\ny = 2"}]}\0\0') == ["x = 1\ny = 2"]


@pytest.mark.parametrize(("prose", "language"), [("为什么？因为 sin。", "zh"), ("Why? Because of sin.", "en")])
def test_the_language_of_a_notebook_without_marks_is_that_of_its_prose(prose, language):
    data = json.dumps({"cells": [{"cell_type": "markdown", "source": prose}]}).encode()
    assert read_notebook(data).language == language


# pictures

DOT = "iVBORw0KGgo="


@pytest.mark.parametrize(
    ("cell", "count"),
    [
        ({"source": "See ![a](attachment:a.png)", "attachments": {"a.png": {"image/png": DOT}}}, 1),
        ({"source": "", "attachments": {"a.png": {"image/png": DOT}, "b.png": {"image/png": DOT}}}, 2),
        ({"source": f"![x](data:image/png;base64,{DOT})"}, 1),
        ({"source": f'<img src="data:image/png;base64,{DOT}"> text'}, 1),
        ({"source": "plain"}, 0),
    ],
)
def test_pictures_of_a_cell_are_counted(cell, count):
    data = json.dumps({"cells": [{"cell_type": "markdown", "metadata": {}, **cell}]}).encode()
    assert read_notebook(data).cells[0].pictures == count


def test_the_words_beside_a_large_picture_are_kept():
    source = f"Before ![x](data:image/png;base64,{'A' * 2 * notebook.MAX_SOURCE}) after"
    data = json.dumps({"cells": [{"cell_type": "markdown", "source": source}]}).encode()
    assert read_notebook(data).cells[0].source == "Before ![x](data:) after"


# what is no notebook


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\0\0\0", "empty"),
        (b"<!DOCTYPE html><html>", "web_page"),
        (b"\xef\xbb\xbf\n<HTML lang='en'>", "web_page"),
        ("<!doctype html>".encode("utf-16"), "web_page"),
        (b"%PDF-1.7 {", "pdf"),
        (b"{\\rtf1\\ansi {}}", "rich_text"),
        (b"PK\x03\x04 [Content_Types].xml", "office"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "office"),
        (b"PK\x03\x04 x", "zip"),
        (b"Rar!\x1a", "archive"),
        (b"\x89PNG\r\n", "picture"),
        (b"version https://git-lfs.github.com/spec/v1\n", "placeholder"),
        (b'{"url": "https://x", "doc_id": "1"}', "placeholder"),
        (b"[InternetShortcut]\nURL=https://x", "placeholder"),
        (f"<<<<<<< HEAD\n{TEXT}\n=======\n{TEXT}\n>>>>>>> mine\n".encode(), "conflict"),
        (TEXT.encode()[:-40], "damaged"),
        (b"Dear teacher, it is done.", "not_json"),
        (b"[1, 2]", "not_a_notebook"),
        (b'{"a": 1}', "not_a_notebook"),
    ],
    ids=ascii,
)
def test_a_file_that_is_no_notebook_is_known_for_what_it_is(data, reason):
    with pytest.raises(ReadError, match=f"^{reason}$"):
        read_notebook(data)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_a_sentence_in_both_languages(reason):
    assert REASONS[reason]["en"].endswith(".")
    assert REASONS[reason]["zh"].endswith("。")


@pytest.mark.parametrize(
    "data",
    [
        b"<<<<<<< \n" * 200_000,
        b"# " + b"#" * 250_000 + b"x",
        b'"\\"' * 300_000,
        b"#!coding\n" * 100_000,
        b'{"cells": [{"cell_type": "markdown", "source": "' + b"# " + b"#" * 250_000 + b'x"}]}',
        b'{"cells": [{"cell_type": "code", "source": "' + b"!ls\\n" * 20_000 + b'("}]}',
    ],
    ids=["conflicts", "hashes", "quotes", "header", "heading", "magics"],
)
def test_a_hostile_file_is_read_or_refused_in_seconds(data):
    start = time.perf_counter()
    try:
        found = read_notebook(data)
    except ReadError:
        found = None
    if found:
        released.unit_of(found, {"a": Marks(frozenset({"f"}))})
        [cell.defines() for cell in found.cells]
    assert time.perf_counter() - start < 10


# scripts

PERCENT = '''# ---
# jupyter:
#   kernelspec: x
# ---

# %% [markdown]
# ## Question
# Because.

# %% nbgrader={"grade_id": "double", "solution": true} tags=["a", "experiment"]
def double(x):
    return x

# %% [markdown]
"""
In one string.
"""
'''


def test_a_script_with_marked_cells_is_a_notebook():
    found = read_notebook(PERCENT.encode())
    assert found.is_script
    assert [(cell.kind, cell.source) for cell in found.cells] == [
        ("markdown", "## Question\nBecause."),
        ("code", "def double(x):\n    return x"),
        ("markdown", "In one string."),
    ]
    assert (found.cells[1].grade_id, found.cells[1].tags) == ("double", ("a", "experiment"))


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n\n# In[2]:\n\n\ndef f(): pass\n",
        "# Databricks notebook source\nx = 1\n\n# COMMAND ----------\n\ndef f(): pass\n",
        "#%%\nx = 1\n#%%\ndef f(): pass\n",
        "# + x=1\nx = 1\n# -\n\n# +\ndef f(): pass\n",
    ],
)
def test_other_marks_of_cells_are_known(text):
    assert sources(text.encode()) == ["x = 1", "def f(): pass"]


def test_a_script_without_marks_is_one_cell():
    assert sources(b"import math\n\ndef f():\n    pass\n") == ["import math\n\ndef f():\n    pass"]
    assert not script.has_cells("def f():\n    pass\n")


# cells as Python


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline\ndef f(): pass",
        "!pip install -q 'x\ndef f(): pass",
        "pip install einops\ndef f(): pass",
        "files = !ls -la\ndef f(): pass",
        "torch.exp?\n?torch.exp\ndef f(): pass",
        "%%time\ndef f(): pass",
        "# mine\n%%capture out\n!pip install x\ndef f(): pass",
        "try:\n    import x\nexcept ImportError:\n    !pip install x\ndef f(): pass",
        "import asyncio\nawait asyncio.sleep(0)\ndef f(): pass",
        "\n".join(f"!echo {n} (" for n in range(40)) + "\ndef f(): pass",
    ],
)
def test_what_only_ipython_understands_hides_no_definition(source):
    assert "f" in python.defined(source)
    compile(python.as_python(source).replace("await ", ""), "cell", "exec")


def test_a_line_of_a_string_that_looks_like_a_magic_is_kept():
    source = "%matplotlib inline\nTEXT = '''\n%d of them?\n!bang\n'''\n"
    assert python.as_python(source) == source.replace("%matplotlib inline", "pass")


@pytest.mark.parametrize("source", ["%%bash\nf() { ls; }", "%%writefile x.py\ndef f(): pass", "%%html\n<b>"])
def test_a_cell_of_another_language_is_no_python(source):
    assert python.as_python(source) == ""
    assert python.defined(source) == frozenset()


def test_of_a_cell_only_what_gives_names_is_taken():
    source = (
        "%matplotlib inline\nimport math\nNEG = -1e9\nINF = float('-inf')\nEPS = 10 ** -9\n"
        "half = math.sqrt(2) / 2\n"
        "model = train(3)\nslow = [0] * 10**9\ndata = open('x').read()\nprint(NEG)\nLayer.forward = forward\n"
        "try:\n    import x\nexcept ImportError:\n    x = None\n"
        "for i in range(9): pass\nact = lambda v: v\ndef f(): pass\n"
    )
    assert [line.split("\n")[0] for line in python.definitions(source)] == [
        "import math", "NEG = -1000000000.0", "INF = float('-inf')", "EPS = 10 ** (-9)", "half = math.sqrt(2) / 2",
        "Layer.forward = forward", "try:", "act = lambda v: v", "def f():",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "source",
    [
        "# because\n# of sin",
        "Because sin alone is not enough.",
        '"""Because."""',
        "因为正弦",
        "%%markdown\n# x",
        "%md\nx",
    ],
)
def test_words_in_a_code_cell_are_prose(source):
    assert python.is_prose(source)


@pytest.mark.parametrize(
    "source", ["x = 1", "f(3)", "model", "import math", "def f(:\n    pass", "!pip install x", "", "%%bash\nls"]
)
def test_code_is_no_prose(source):
    assert not python.is_prose(source)


# what the course's own cells are known by

LOOK = (
    'corpus = load("embedded")\nfor text in corpus.train[:6]:\n    print(corpus.name, text[:110])\nplots.curves(corpus)'
)


@pytest.mark.parametrize(
    "source",
    [
        LOOK,
        f"# mine\n{LOOK}\nprint('mine')\n",
        LOOK.replace("[:6]", "[:20]").replace("embedded", "auto"),
        f"%%time\n{LOOK}",
        LOOK.replace("plots.curves(corpus)", "plt.plot(1)"),
    ],
)
def test_a_cell_that_only_looks_is_known_also_where_it_was_edited(source):
    assert Looks(["check('x')", LOOK]).place(source) == 1


def test_a_look_is_known_by_its_words_in_each_language_and_counts_once():
    chinese = LOOK.replace("corpus", "语料")
    looks = Looks(["check('x')", LOOK], ["check('x')", chinese])
    assert looks.place(chinese) == looks.place(LOOK) == 1
    assert looks.is_given(chinese)
    tagged = notebook.Cell("code", LOOK, "", "", ("experiment",))
    assert not looks.lost_marks([tagged])


@pytest.mark.parametrize(
    "source", ["", "x = 1", "def helper(x):\n    return x[:110]", "corpus = load('mine')", "y = 2\n" * 9000]
)
def test_a_cell_of_the_learners_own_is_no_look(source):
    assert Looks(["check('x')", LOOK]).place(source) is None


UNITS = {
    "02": Marks(frozenset({"split", "merge", "q2"}), frozenset({"attention", "summary"})),
    "03": Marks(frozenset({"layer", "q3"}), frozenset({"the layer", "norms", "summary"})),
}


@pytest.mark.parametrize(
    ("cells", "unit"),
    [
        ([("code", "def split(x): pass", "")], "02"),
        ([("code", "x", "layer"), ("code", "def split(x): pass", "")], "03"),  # an id says more than a copied helper
        ([("code", "def split(x): pass\ndef layer(x): pass", ""), ("markdown", "# The layer\n## Norms", "")], "03"),
        ([("markdown", "# The layer\n## Norms", "")], "03"),
        ([("markdown", "# Summary", "")], ""),
        ([], ""),
    ],
)
def test_a_notebook_is_known_by_ids_then_definitions_then_headings(cells, unit):
    content = [{"cell_type": k, "source": s, "metadata": {"nbgrader": {"grade_id": g}}} for k, s, g in cells]
    assert released.unit_of(read_notebook(json.dumps({"cells": content}).encode()), UNITS) == unit


def test_a_zip_is_told_from_an_office_document():
    assert kind_of(b"PK\x03\x04" + b"mimetypeapplication/vnd.oasis.opendocument.text") == "office"
