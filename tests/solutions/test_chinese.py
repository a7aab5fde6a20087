"""The Chinese of the course: one word for one thing, as docs/terms.md says, and set as Chinese is set."""

import re
from functools import cache
from pathlib import Path

import nbformat
import pytest
import yaml

from course_utils.engine.course import current
from course_utils.engine.judging.sentences import SENTENCES
from course_utils.engine.making import lesson
from course_utils.engine.making.units import all_units
from course_utils.engine.making.words import words_of

TOP = Path(__file__).resolve().parents[2]
UNITS = all_units(current().folder)
HAN = "\u4e00-\u9fff"
MARKS = "，。：；！？、（）“”《》"
NO_PROSE = re.compile(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$", re.DOTALL)  # code and formulas
CODE = re.compile(r"`([^`]+)`")
of_units = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


def rows(heading):
    """The rows of the table below a heading of docs/terms.md."""
    part = (TOP / "docs" / "terms.md").read_text(encoding="utf-8").split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


TERMS = rows("Terms")
BANNED = [pattern for row in [*TERMS, *rows("Words")] for pattern in CODE.findall(row[-1])]


def chinese_in(value):
    """All texts under a key zh."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "zh" and isinstance(inner, str):
                yield inner
            else:
                yield from chinese_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from chinese_in(inner)


@cache
def prose_of(unit):
    """The Chinese prose of a lesson."""
    return "\n\n".join(cell.source for cell in lesson.read(unit).cells if cell.language == "zh")


@cache
def texts_of(unit):
    """All that a learner reads of a unit in Chinese, by where it stands."""
    texts = {"lesson.py": [prose_of(unit)]}
    texts |= {"hints.yml": list(chinese_in(unit.hints)), "rubric.yml": list(chinese_in(unit.rubric))}
    return [(f"{unit.name}/{place}", text) for place, found in texts.items() for text in found]


def common_texts():
    """What belongs to no unit: sentences of the engine, the pages of feedback, the bundle, README.zh.md."""
    yield from (("sentences.py", text) for text in chinese_in(SENTENCES))
    strings = TOP / "course_utils/engine/telling/templates/strings.yml"
    yield from (("strings.yml", text) for text in chinese_in(yaml.safe_load(strings.read_text(encoding="utf-8"))))
    for path in [TOP / "README.zh.md", *TOP.rglob("bundle.zh.md")]:
        if ".venv" not in path.parts and "build" not in path.parts:
            yield path.name, path.read_text(encoding="utf-8")


def banned_in(text):
    """What of docs/terms.md's last column a text holds."""
    return [found[0] for pattern in BANNED for found in re.finditer(pattern, text)]


def slanted_in(text):
    """Chinese between single stars."""
    bold_or_slanted = re.finditer(r"\*\*.+?\*\*|(?<![*\\])\*(?!\s)([^*\n]+?)\*(?!\*)", NO_PROSE.sub("", text))
    return [found[0] for found in bold_or_slanted if found[1] and re.search(f"[{HAN}]", found[1])]


def bare_numbers_in(text):
    """Numbers of four digits and more without commas, that are no years."""
    found = re.findall(r"(?<![\w.,-])\d{4,}(?![\w.,%-])", re.sub(r"[a-zA-Z_]\w*\([^)]*\)", "", NO_PROSE.sub("", text)))
    return [number for number in found if not re.fullmatch(r"(19|20)\d\d", number)]


def lost_bold_in(text):
    """Bold that Markdown does not show: a closing mark between punctuation and a character."""
    plain = NO_PROSE.sub("x", text)
    bold = re.finditer(r"\*\*([^*\n]+)\*\*", plain)
    return [found[0] for found in bold if found[1][-1] in f"{MARKS}.,:;" and re.match(r"\w", plain[found.end() :])]


# words ------------------------------------------------------------------------------------------------------------


def test_the_glossary_names_many_terms_and_many_words_that_are_not_used():
    assert len(TERMS) > 40
    assert len(BANNED) > 40


@of_units
def test_a_unit_uses_no_other_word_than_the_glossarys(unit):
    assert [(place, found) for place, text in texts_of(unit) if (found := banned_in(text))] == []


def test_what_belongs_to_no_unit_uses_no_other_word_than_the_glossarys():
    assert [(place, found) for place, text in common_texts() if (found := banned_in(text))] == []


@pytest.mark.parametrize("variant", ["一份笔记", "IMDb", "dropout 率", "大了约十倍", "层规范化"])
def test_a_word_that_is_not_the_glossarys_is_seen(variant):
    assert banned_in(f"这里有{variant}。") != []


def test_a_laptop_is_no_notebook():
    assert banned_in("双核的笔记本电脑就够用。") == []


@pytest.mark.parametrize("row", TERMS, ids=lambda row: row[0])
def test_a_term_stands_first_in_the_unit_that_the_glossary_names_with_its_english_word(row):
    english, chinese, first = row[:3]
    holding = [unit.name[:2] for unit in UNITS if chinese in prose_of(unit)]
    assert holding[:1] == [first]
    unit = next(unit for unit in UNITS if unit.name.startswith(first))
    assert english.casefold() in prose_of(unit).casefold()


# no English sentence ----------------------------------------------------------------------------------------------

NAMES = r"Get Started|Vaswani|Devlin|Reimers|Gurevych|Abnar|Zuidema|Jain|Wallace|Wiegreffe|Pinter|Mosbach|Xiong|Clark"
# quoted figure words and lines of films, words beside their Chinese, titles
QUOTED = re.compile(r"“[^”]*”|\*\*[^*\n]*\*\*|\*[^*\n]*\*|（[^（）]*）|\([^()]*\)|\[[^\]]*\]|\"[^\"\n]*\"")
SENTENCE = re.compile(r"(?:[A-Za-z][A-Za-z'’-]+[ ,;:]+){3,}[A-Za-z][A-Za-z'’-]+")  # four words in a row and more


def english_in(text):
    """Runs of English words in Chinese, outside of code, formulas, names and what is quoted."""
    plain = NO_PROSE.sub("。", re.sub(NAMES, "", text))
    return [found[0] for found in SENTENCE.finditer(QUOTED.sub("。", plain))]


def english_words_of(source):
    """What of a cell's words is English: docstrings, comments, printed texts."""
    words = [re.sub(r"\{[^{}]*\}", "", word.text) for word in words_of(source) if word.wanted]
    is_chinese = [bool(re.search(f"[{HAN}]", text) or not re.search(r"\b[a-z]{3,}\b", text)) for text in words]
    return [text for text, chinese in zip(words, is_chinese, strict=True) if not chinese or english_in(text)]


@cache
def cells_of(unit):
    path = current().notebooks / "zh" / unit.name / f"{unit.name}.ipynb"
    return nbformat.read(path, as_version=nbformat.NO_CONVERT).cells


@of_units
def test_the_prose_of_a_chinese_notebook_holds_no_english_sentence(unit):
    prose = [cell.source for cell in cells_of(unit) if cell.cell_type == "markdown"]
    assert [found for text in prose for found in english_in(text.replace("YOUR ANSWER HERE", ""))] == []


@of_units
def test_docstrings_comments_and_printed_words_of_a_chinese_notebook_are_chinese(unit):
    code = [cell.source for cell in cells_of(unit) if cell.cell_type == "code"]
    assert [found for source in code for found in english_words_of(source)] == []


@pytest.mark.parametrize(
    "text",
    ["先看 this is the point 再说", "Nothing but English here.", "注意：the mask hides padding from every query"],
)
def test_an_english_sentence_is_seen(text):
    assert english_in(text) != []


@pytest.mark.parametrize(
    "source",
    [
        'print("weights sum to", 1)',
        'def f():\n    """The sum."""',
        "x = 1  # the sum of all",
        "# 和 and that is all of it",
    ],
)
def test_english_words_of_code_are_seen(source):
    assert english_words_of(source) != []


# how it is set ----------------------------------------------------------------------------------------------------


@of_units
def test_no_chinese_is_slanted(unit):
    assert [(place, found) for place, text in texts_of(unit) if (found := slanted_in(text))] == []


@of_units
def test_bold_is_closed_where_markdown_sees_it(unit):
    assert [(place, found) for place, text in texts_of(unit) if (found := lost_bold_in(text))] == []


@of_units
def test_long_numbers_have_commas(unit):
    assert [(place, found) for place, text in texts_of(unit) if (found := bare_numbers_in(text))] == []


@of_units
def test_a_rule_is_a_sentence_with_a_full_stop(unit):
    assert [text["en"] for text in unit.hints["rules"].values() if not text["en"].endswith(".")] == []
    assert [text["zh"] for text in unit.hints["rules"].values() if not text["zh"].endswith("。")] == []


@of_units
def test_no_line_of_a_released_notebook_is_broken_between_chinese(unit):
    prose = [cell.source for cell in cells_of(unit) if cell.cell_type == "markdown"]
    begins = r"(?!\s*(?:[-*|#]|\d+\.|\$\$))"
    broken = rf"[{HAN}{MARKS}]\n{begins}[{HAN}{MARKS}]"
    assert [found[0] for text in prose for found in re.finditer(broken, text)] == []


@of_units
def test_no_text_has_a_gap_between_chinese(unit):
    gap = rf"[{HAN}{MARKS}] +(?=[{HAN}{MARKS}])"
    texts = [text for place, text in texts_of(unit) if not place.endswith("lesson.py")]
    assert [found[0] for text in texts for found in re.finditer(gap, text)] == []


@pytest.mark.parametrize(
    ("look", "text"),
    [
        (slanted_in, "改成 0 反而*更糟*：$e^0 = 1$。"),
        (slanted_in, "*good*（好）和*坏*。"),
        (bare_numbers_in, "共有 36000 条文本"),
        (lost_bold_in, "**报错要清楚。**句子比表长时"),
    ],
)
def test_what_is_set_wrongly_is_seen(look, text):
    assert look(text) != []


@pytest.mark.parametrize(
    ("look", "text"),
    [
        (slanted_in, "影评 *not good*（不好）和 *just long*（只是长）。**粗体**没有问题。"),
        (bare_numbers_in, "（Vaswani 等，2017）用 `10000` 和 36,000，$10000^{-1}$。"),
        (lost_bold_in, "**例题：** 一个句子。**残差连接**（residual）"),
    ],
)
def test_what_is_set_well_is_left_alone(look, text):
    assert look(text) == []
