"""A quiz as a file and as a cell: what is refused, what is shown, and where it stands."""

import html.parser

import nbformat
import pytest
import yaml

from course_utils.engine.course import CourseError, current
from course_utils.engine.making.quiz import cell_text, read_quiz
from course_utils.engine.making.units import all_units

LANGUAGES = ("en", "zh")
UNITS = all_units(current().folder)
of_units = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
in_languages = pytest.mark.parametrize("language", LANGUAGES)
ALLOWED_TAGS = {"p", "b", "details", "summary", "code"}


def text(words):
    return {"en": words, "zh": f"{words}。"}


def choice(words, right=False):
    return text(words) | {"why": text(f"why {words}")} | ({"right": True} if right else {})


def question(words):
    return text(words) | {"choices": [choice("one"), choice("two", right=True)]}


def quiz_of(**changes):
    return {"questions": [question("first") | changes, question("second"), question("third")]}


@pytest.fixture
def read(tmp_path):
    """A function: the quiz of some data, or of a text as it stands."""

    def read(data):
        path = tmp_path / "quiz.yml"
        path.write_text(data if isinstance(data, str) else yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        return read_quiz(path, LANGUAGES)

    return read


class Tags(html.parser.HTMLParser):
    """The tags of a text, each of which must be closed by the next closing tag of its level, and bear no attribute."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        assert not attributes
        self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


# the file ---------------------------------------------------------------------------------------------------------


def test_a_unit_without_a_quiz_has_no_questions(tmp_path):
    assert read_quiz(tmp_path / "quiz.yml", LANGUAGES) == ()


def test_a_quiz_is_read(read):
    quiz = read(quiz_of())
    assert [one.text["en"] for one in quiz] == ["first", "second", "third"]
    assert [one.right for one in quiz[0].choices] == [False, True]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("", r"line 1: the file is empty"),
        ("questions: [", r"line 1: "),
        ("- a", r"line 1: the quiz must have questions"),
        ({"questions": [question("one")]}, r"line 2: a quiz has 3 to 5 questions, and here are 1"),
        ({"questions": [question(str(n)) for n in range(6)]}, r"and here are 6"),
        (quiz_of(choices=[choice("one"), choice("two")]), r"line 2: one choice of question 1 .* here are 0"),
        (quiz_of(choices=[choice("a", True), choice("b", True)]), r"here are 2"),
        (quiz_of(choices=[choice("a", True)]), r"needs 2 to 6 choices, and has 1"),
        (quiz_of(choices=[choice("a"), choice("a", True)]), r"two choices of question 1 say the same in en: 'a'"),
        (quiz_of(choices=[text("a"), choice("b", True)]), r"choice 1 of question 1 lacks why"),
        (quiz_of(choices=[choice("a") | {"rigth": True}, choice("b")]), r"unknown 'rigth' in choice 1"),
        (quiz_of(choices=[choice("a") | {"right": "yes"}, choice("b", True)]), r"right of choice 1 .* true or false"),
        (quiz_of(choices=[choice("a") | {"en": 2}, choice("b", True)]), r"en of choice 1 .* in quotes, got '2'"),
        (quiz_of(choices=[choice("a") | {"why": {"en": "b"}}, choice("b", True)]), r"why of choice 1 .* lacks zh"),
        (quiz_of(zh=" "), r"zh of question 1 must be a text"),
        (quiz_of(zh=["a"]), r"zh of question 1 must be a text"),
        ("questions: []\nquestions: []", r"line 2: the quiz has questions twice"),
    ],
)
def test_a_quiz_that_is_not_whole_is_refused_with_file_and_line(read, data, sentence):
    with pytest.raises(CourseError, match=r"quiz\.yml, line \d+: .*") as error:
        read(data)
    assert error.match(sentence)


# the cell ---------------------------------------------------------------------------------------------------------


def test_html_in_a_text_is_shown_and_not_obeyed(read):
    shown = cell_text(read(quiz_of(en="<script>alert(1)</script> & `a < b`")), "en")
    assert "<script>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; <code>a &lt; b</code>" in shown


def test_a_text_of_several_lines_ends_no_block(read):
    shown = cell_text(read(quiz_of(en="one\n\ntwo")), "en")
    assert "<p><b>1.</b> one two</p>" in shown


# the units of this course -----------------------------------------------------------------------------------------


@of_units
def test_a_unit_has_three_to_five_questions_of_three_choices_and_more(unit):
    assert 3 <= len(unit.quiz) <= 5
    assert min(len(one.choices) for one in unit.quiz) >= 3


@of_units
def test_the_right_choice_is_not_always_at_the_same_place(unit):
    places = [[choice.right for choice in one.choices].index(True) for one in unit.quiz]
    assert len(set(places)) == 3


@of_units
@in_languages
def test_the_html_of_a_quiz_is_whole_and_harmless(unit, language):
    tags = Tags(cell_text(unit.quiz, language))
    assert tags.open == []
    assert set(tags.seen) <= ALLOWED_TAGS
    assert tags.seen.count("details") == tags.seen.count("summary") == sum(len(one.choices) for one in unit.quiz)


@of_units
@in_languages
def test_the_released_notebook_holds_the_quiz_in_a_cell_that_nothing_grades(unit, language):
    path = current().notebooks / language / unit.name / f"{unit.name}.ipynb"
    cells = nbformat.read(path, as_version=nbformat.NO_CONVERT).cells
    (cell,) = [cell for cell in cells if cell.id == f"{unit.name[:2]}-quiz"]
    assert cell.source == cell_text(unit.quiz, language)
    assert (cell.cell_type, dict(cell.metadata)) == ("markdown", {})


@of_units
def test_a_quiz_stands_before_the_last_thinking_question_or_the_last_prose(unit):
    path = current().notebooks / "en" / unit.name / f"{unit.name}.ipynb"
    cells = nbformat.read(path, as_version=nbformat.NO_CONVERT).cells
    place = [cell.id for cell in cells].index(f"{unit.name[:2]}-quiz")
    graded = [n for n, cell in enumerate(cells) if cell.metadata.get("nbgrader", {}).get("grade_id") in unit.rubric]
    assert place == (graded[-1] - 2 if graded else len(cells) - 2)
