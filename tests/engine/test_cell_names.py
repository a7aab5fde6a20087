"""What a cell's source says of names."""

import pytest

from course_utils.engine.cell_names import lines_that_bind, names_touched, names_used


@pytest.mark.parametrize(
    ("source", "binds"),
    [
        ("a = 1\nb, (c, *d) = x", {"a", "b", "c", "d"}),
        ("import a.b, c as d\nfrom e import f as g", {"a", "d", "g"}),
        ("def f():\n    inside = 1\nclass G:\n    member = 2", {"f", "G"}),
        ("for i in x:\n    with y as z:\n        n = 1", {"i", "z", "n"}),
        ("if (n := 3): pass\ndel m", {"n", "m"}),
        ("from x import *", {None}),
        ("%run other.py\na = 1", {None, "a"}),
        ("this is no Python (", {None}),
    ],
)
def test_the_names_that_a_cell_binds(source, binds):
    assert names_touched(source)[0] == binds


@pytest.mark.parametrize(
    ("source", "works_on"),
    [
        ("A.forward = forward", {"A"}),
        ("setattr(A, 'forward', f)", {"A", "f"}),
        ("A.x['y'] = 3", {"A"}),
        ("@add_to(A)\ndef f(self): pass", {"A"}),
        ("print(A(3).shape)\nx = A(4)", set()),
        ("def f():\n    A.x = 3", set()),
    ],
)
def test_the_names_on_which_a_cell_works(source, works_on):
    assert names_touched(source)[1] == works_on


def test_all_names_that_a_cell_reads():
    assert names_used("def f(x):\n    return g(x) + math.pi") == {"g", "x", "math"}


def test_the_lines_of_the_statements_that_bind_a_name():
    source = "import a\ntry:\n    from b import c\nexcept ImportError:\n    !pip install b\n@d\ndef c(): pass"
    assert list(lines_that_bind("c", source)) == [2, 6]
