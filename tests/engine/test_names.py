"""The engine names no unit, no exercise, and nothing of what a course is about."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

COURSE = Path(__file__).resolve().parents[2]
ENGINE, INSTRUCTOR = COURSE / "course_utils" / "engine", COURSE / "course_utils" / "instructor"
TEXT = {".py", ".yml", ".md", ".j2", ".in", ".toml", ".ipynb", ".json", ".jsonl", ".css", ".html"}

# Words of the trade of this course. Left out are those that any course needs: head, mask, query, softmax, layer.
WORDS = (
    "transformer", "bert", "attention", "encoder", "token", "embedding", "pooling", "positional", "sinusoidal",
    "sentiment", "corpus", "corpora", "vocabulary", "vocab", "d_model", "d_ff", "num_heads", "padding mask", "logits",
    "imdb", "ag_news", "headline", "rollout", "entropy", "warmup", "fine-tun",
)  # fmt: skip
CAPITALS = "|".join(word.capitalize() for word in WORDS)  # these count inside a name such as MultiheadAttention too
WORD = re.compile(rf"(?<![a-zA-Z])(?i:{'|'.join(WORDS)})|{CAPITALS}")

# What is said in such words and is about something else: a pattern of the words round it, and the reason.
GENERAL = {
    r"secrets\.token_hex": "Python's name for random text",
    r"IdentityProvider\.token|\?token=|JUPYTER_TOKEN": "Jupyter's word for what lets a person in",
    r"ast_transformers|input_transformers": "IPython's names for what rewrites cells",
    r"JSONEncoder|NodeTransformer": "classes of Python's own",
    r"pygments\.token": "the module of a library that colours code",
}
OF_PARSERS = {  # files that cut texts into tokens, as a parser does
    "telling/harmless_markdown.py": "token",
    "telling/pages/code.py": "token",
    "telling/pages/signals.py": "token",
    "telling/signals/likeness.py": "token",
    "telling/signals/look.py": "token",
    "telling/templates/strings.yml": "token",
    "making/words.py": "token",
}


def names_of_the_course() -> set[str]:
    """The units and exercises of the course that lies beside the engine."""
    units = tomllib.loads((COURSE / "solutions" / "course.toml").read_text(encoding="utf-8"))["units"]
    found = set(units)
    for unit in units:
        settings = tomllib.loads((COURSE / "solutions" / unit / "unit.toml").read_text(encoding="utf-8"))
        found |= set(settings["points"])
    return found


NAMES = names_of_the_course()
# a word of English too: where it stands for the exercise, it is called, or given as a name
ENGLISH = {"evaluate"}
NAME = re.compile(
    rf"(?<![\w])({'|'.join(map(re.escape, sorted(NAMES - ENGLISH)))})(?![\w])"
    rf"|[\"'`]({'|'.join(sorted(ENGLISH))})[\"'`(-]|def ({'|'.join(sorted(ENGLISH))})\b"
)


def files_of(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if path.is_file() and path.suffix in TEXT and not {"__pycache__", "build"} & set(inside):
            yield path


def lines_of(folder: Path) -> Iterator[tuple[str, int, str]]:
    for path in files_of(folder):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield path.relative_to(folder).as_posix(), number, line


def about_the_course(file: str, line: str) -> str:
    """The first word in a line of the engine that belongs to this course; empty where there is none."""
    if found := NAME.search(line):
        return found[0]
    for general in GENERAL:
        line = re.sub(general, "", line)
    words = [found[0].lower() for found in WORD.finditer(line)]
    return next((word for word in words if OF_PARSERS.get(file) != word), "")


def test_the_engine_names_no_unit_no_exercise_and_no_transformer() -> None:
    found = [f"{file}:{n}: {word}" for file, n, line in lines_of(ENGINE) if (word := about_the_course(file, line))]
    assert found == []


def test_the_names_are_those_of_all_units_and_exercises() -> None:
    assert {"01_positional_encoding", "div_term", "TransformerEncoderLayer", "evaluate"} <= NAMES
    assert len(NAMES) > 30


@pytest.mark.parametrize(
    "line",
    [
        "def div_term(d_model):",
        'UNIT = "02_attention"',
        "# such as a tiny encoder",
        "nn.TransformerEncoderLayer(6, 2, 8)",
        "nn.MultiheadAttention(6, 2)",
        'student.call("evaluate", model)',
        '"evaluate-mode"',
        "the first padding mask",
        "a row of tokens",
        "conda activate transformer-course",
    ],
)
def test_a_name_or_a_word_of_the_course_is_seen(line: str) -> None:
    assert about_the_course("asking/student.py", line)


@pytest.mark.parametrize(
    "line", ["secrets.token_hex(16)", "shell.ast_transformers.append(x)", "to evaluate a rule", "padding: 0;", "header"]
)
def test_what_is_said_of_something_else_is_left_alone(line: str) -> None:
    assert about_the_course("asking/student.py", line) == ""


def test_each_file_and_pattern_that_is_let_through_is_needed() -> None:
    text = "\n".join(line for _, _, line in lines_of(ENGINE))
    assert [pattern for pattern in GENERAL if not re.search(pattern, text)] == []
    assert [file for file, word in OF_PARSERS.items() if word not in (ENGINE / file).read_text(encoding="utf-8")] == []


def test_what_instructors_run_names_no_unit_and_no_exercise() -> None:
    """What a course brings to it, such as the benchmark of its training, may know what the course is about."""
    found = [f"{file}:{n}: {match[0]}" for file, n, line in lines_of(INSTRUCTOR) if (match := NAME.search(line))]
    assert found == []
