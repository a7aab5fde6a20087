"""Chinese as it is set: broken lines join without a gap, and nothing else changes."""

import pytest

from course_utils.engine.making.chinese import close_gaps_of, close_up, typeset


@pytest.mark.parametrize(
    ("broken", "joined"),
    [
        ("注意力让每个词\n看到别的词。", "注意力让每个词看到别的词。"),
        ("先看例题，\n`check` 再运行。", "先看例题，`check` 再运行。"),
        ("- 第一项很长，\n  写了两行", "- 第一项很长，写了两行"),
        ("**例题：** 一个\n**头**", "**例题：** 一个**头**"),
        ("一\n二\n三", "一二三"),
    ],
)
def test_lines_join_where_no_space_belongs(broken, joined):
    assert close_up(broken) == joined


@pytest.mark.parametrize(
    "text",
    [
        "The first line\nand the second.",
        "用到 PyTorch\n的地方",  # between a letter and a character a space belongs
        "第一段\n\n第二段",
        "# 标题\n正文",
        "正文：\n- 第一项\n- 第二项",
        "正文：\n1. 第一项\n2. 第二项",
        "| 词 |\n| --- |\n| 一 |",
        "公式：\n$$x = 1$$\n其中",
        "```\n第一行\n第二行\n```",
        "强制换行  \n第二行",
        "**报错要清楚。**\n句子",  # joined, it would no longer be bold
        "    # 缩进的代码\n    # 第二行",
    ],
)
def test_nothing_else_joins(text):
    assert close_up(text) == text


def test_joining_twice_is_joining_once():
    text = "第一行，\n第二行\n\n- 项目\n  还有\n"
    assert close_up(close_up(text)) == close_up(text)


def test_only_chinese_is_set_as_chinese():
    english = "It’s a “quote”\n“and another”"
    assert typeset(english, "en") == english


def test_what_yaml_folds_has_no_gap_and_english_beside_it_stays():
    texts = {"answer": [{"en": "One, two.", "zh": "第一行， 第二行 第三行"}]}
    assert close_gaps_of(texts) == {"answer": [{"en": "One, two.", "zh": "第一行，第二行第三行"}]}
