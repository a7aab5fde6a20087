"""Fingerprints of cells: recorded with one Python, compared with another."""

import ast
import sys
from pathlib import Path

import pytest

from course_utils.engine import texts
from course_utils.engine.texts import fingerprint_of_source

SOURCE = '''
@cell
def f(x, *rest, y: int = 0, **more) -> None:
    """Gone."""
    with open(f"{x!r:>{y}}") as file:
        return None if x is ... else [*rest, b"a", -1.5, lambda: {**more}]


class C(Base, metaclass=M):
    async def g(self):
        yield await self.x[1:, ::2]
'''


def test_a_fingerprint_is_the_same_on_every_python():
    """Made with 3.11; `ast.dump` of 3.12 adds an empty list to each function, that of 3.13 leaves empty ones out."""
    assert fingerprint_of_source(SOURCE) == "91c6010fbb654c2f"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the form is that of Python 3.11")
@pytest.mark.parametrize("path", sorted(Path(texts.__file__).parents[2].glob("solutions/*/*.py")), ids=str)
def test_the_form_is_that_of_python_3_11(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert texts._dump(tree) == ast.dump(tree)
