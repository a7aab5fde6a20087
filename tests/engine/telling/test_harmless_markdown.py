"""What students write as Markdown: nothing in it runs, loads or leads away, and their formulas stay as they are."""

from __future__ import annotations

import html
import random
import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from course_utils.engine.telling.harmless_markdown import COMMANDS, MAX_BACKWARD, harmless_markdown

FORMULAS = [
    r"$\operatorname{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}}\right)V$",
    r"$\text{Attention}(Q, K, V) = \mathrm{softmax}(Q K^T / \sqrt{d_k}) \, V$",
    r"$$PE_{(pos, 2i)} = \sin\left(pos / 10000^{2i / d_{\text{model}}}\right)$$",
    r"$\sum_{i=1}^{n} x_i^2 \geq 0 \quad \forall x \in \mathbb{R}^n$",
    "$$\n\\begin{aligned}\na &= b + c \\\\\n  &\\approx d\n\\end{aligned}\n$$",
    r"\begin{equation} \hat{y} = \arg\max_k \, p_k \end{equation}",
    r"$\begin{pmatrix} \cos\theta & -\sin\theta \\ \sin\theta & \cos\theta \end{pmatrix}$",
    "$\\begin{bmatrix} 1 & 0 \\\\[2pt] 0 & 1 \\end{bmatrix}$",
    r"$f(x) = \begin{cases} x & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}$",
    r"$\mathcal{L} = -\log p(y \mid x) \Rightarrow \nabla_\theta \mathcal{L} \to 0$",
    r"\\(a \le b\\) and \\[ \int_0^\infty e^{-x}\,dx = 1 \\]",
    r"$\underbrace{x + \mathrm{Sublayer}(x)}_{\text{residual}}$, $\lVert v \rVert_2$, $\boldsymbol{\mu} \pm \sigma$",
    r"$\alpha\beta\gamma\Gamma\Omega\varepsilon\phi$, $\overline{x}$, $\vec{v} \cdot \vec{w}$, $a \times b \neq 0$",
    r"$\{1, \dots, n\} \setminus \emptyset$, $50\%$, $a\_b$, $x \leftarrow x - \eta \, \partial L / \partial x$",
    r"$\displaystyle\prod_{t=1}^{T} P(w_t \mid w_{1:t-1})$",
]
PROSE = [
    "Because **residuals** let the gradient pass; see `x + f(x)` and 1 < 2.",
    "1. first\n2. second\n\n> a quotation\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n",
    "```python\nfor i in range(3):\n    print(x[i], y[i + 1], end='\\n')\n```",
    "因为残差连接让梯度直接传回去，所以更容易训练。",
    "<https://> a <- b <= c, x[0] and x[i][j], 5! = 120, R&D, Q&A",
]
DANGEROUS = [
    "style", "href", "class", "cssId", "require", "def", "newcommand", "renewcommand", "newenvironment", "let", "gdef",
    "includegraphics", "url", "input", "data", "texttip", "mathtip", "toggle", "enclose", "unicode", "bbox", "color",
    "colorbox", "fcolorbox", "rule", "Rule", "Space", "kern", "mkern", "hskip", "mskip", "hspace", "mspace", "raise",
    "lower", "moveleft", "rlap", "llap", "mathrlap", "mathllap", "smash", "Huge", "label", "ref", "eqref", "tag",
    "mmlToken", "verb", "negthinspace", "DeclareMathOperator", "Newextarrow", "futurelet", "csname", "catcode",
]  # fmt: skip
SPELLINGS = [
    "$\\{0}{{a}}{{b}}$", "\\{0}{{a}}", "\\\\(\\{0}{{a}}\\\\)", "\\[\\{0}{{a}}\\]", "\\\\{0}{{a}}", "\\\\\\\\{0}{{a}}",
    "$&#92;{0}{{a}}$", "$&#x5C;{0}{{a}}$", "$&#92{0}{{a}}$", "$&bsol;{0}{{a}}$", "$&amp;#92;{0}{{a}}$",
    "$&amp;amp;amp;bsol;{0}{{a}}$", "$&#38;#92;{0}{{a}}$", "$\\\x00{0}{{a}}$", "$\\&#1;{0}{{a}}$", "$\\&zwnj;{0}{{a}}$",
    "$\\\u200b{0}{{a}}$", "$\\\ufeff{0}{{a}}$", "$\\frac{{\\{0}{{a}}}}{{b}}$", "$\\text{{$\\{0}{{a}}$}}$",
    "\\begin{{matrix}}\\{0}{{a}}\\end{{matrix}}", "$$\n```\n\\{0}{{a}}\n```\n$$", "`$`\\{0}{{a}}`$`",
    "$ ` \\{0}{{a}} ` $", "&#36;&#92;{0}{{a}}&#36;",
    "$\\begin{{\\{0}}}$", "$%\n\\{0}{{a}}$", "$\\%\\{0}{{a}}$", "    $\\{0}{{a}}$", "<!-- --> $\\{0}{{a}}$",
]  # fmt: skip
MARKUP = [
    "<script>owned()</script>", "&lt;script>owned()&lt;/script>", "&amp;lt;img src=//evil>", "<img src=//evil>",
    "<ImG/sRc=//evil>", "<!-- x --><b>", "<?php ?>", "<![CDATA[x]]>", "<\x00img src=//evil>", "<a\nhref=//evil>x</a>",
    "<style>*{display:none}</style>", "<https://evil>", "<javascript:owned()>", "$<b>$", "`<b>`", "```\n<b>\n```",
    "![p](http://evil/p.png)", "![p](//evil/p.png)", "![p](data:image/svg+xml;base64,AAAA)", "![p](file:/etc/passwd)",
    "![p](../other/p.png)", "![p](attachment:p.png)", "![p][r]\n\n[r]: //evil/p.png", "![r]\n\n[r]: //evil/p.png",
    "!&#91;p](//evil/p.png)", "&#33;[p](//evil/p.png)", "\\![p](//evil/p.png)", "[![p](//evil/p.png)](//evil)",
    "[x](javascript:owned())", "[x](java&#115;cript&colon;owned())", "[x](<javascript:owned()>)", "[x]&lpar;//evil)",
    "[x][r]\n\n[r]: javascript:owned()", "[r]\n\n[r]:\n  data:text/html,x", "[x](//evil \"http://good\")", "[x](x)",
    "[http://good](http://evil)", "```mermaid\ngraph TD\n```", "~~~ mermaid\ngraph TD\n~~~", "```mer&#109;aid\nx\n```",
    "> ```mermaid\n> x\n> ```",
]  # fmt: skip
PIECES = [
    *"\\$`!<>[](){}&;:#*_~|\n \t/xXsl\x00\u200b", "style", "begin", "frac", "&#92;", "&lt;", "&amp;", "![", "](", "]:",
    "script", "http://a", "javascript:x", "```", "~~~", "mermaid", "$$", "\\\\", "\\[", "    ", "\n\n", "> ", "- ",
]  # fmt: skip


class Elements(HTMLParser):
    """The tags of a page, the targets of its links, and its text as a browser has it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.targets: list[str] = []
        self.classes: list[str] = []
        text: list[str] = []
        self.handle_data = text.append  # type: ignore[method-assign]
        self.feed(page)
        self.close()
        self.text = "".join(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.targets += [str(value) for name, value in attributes if name in ("href", "src")]
        self.classes += [str(value) for name, value in attributes if name == "class"]

        self.handle_data("\n")  # MathJax reads no formula across elements

    def handle_endtag(self, tag):
        self.handle_data("\n")

    def handle_comment(self, data):
        self.tags.append("a comment")


def commands_off_the_list(text: str) -> list[str]:
    """What MathJax would take for a command that is not on the list; it reads a run of backslashes in pairs."""
    found = re.findall(r"\\([a-z]+)", text, re.IGNORECASE)
    return [name for name in found if len(name) > 1 and name not in COMMANDS]


def is_harmless(text: str) -> bool:
    """Whether neither of two parsers of Markdown, nor MathJax, finds more than text, links of http and formulas."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    kinds = {child.type for token in tokens for child in [token, *(token.children or [])]}
    seen = Elements(markdown2html_mistune(text))
    allowed = {
        "p", "em", "strong", "code", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "a", "ul", "ol", "li", "blockquote",
        "br", "hr", "table", "thead", "tbody", "tr", "th", "td", "del", "div", "span", "dl", "dt", "dd", "input",
    }  # fmt: skip
    return (
        not kinds & {"html_block", "html_inline", "image", "link_open"}
        and set(seen.tags) <= allowed
        and all(re.match(r"https?:|#", target) for target in seen.targets)
        and "mermaid" not in seen.classes
        and not commands_off_the_list(seen.text)
    )


# what is honest stays as it is ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_left_as_it_is(text):
    assert harmless_markdown(text) == text


@pytest.mark.parametrize("text", PROSE)
def test_prose_and_code_are_left_as_they_are(text):
    assert harmless_markdown(text) == text.replace("<https", "< https")


def test_a_formula_with_a_comparison_keeps_its_meaning():
    assert harmless_markdown("$w_{<t}$ and $a &lt; b$") == "$w_{< t}$ and $a < b$"


def test_doing_it_twice_changes_nothing_more():
    for text in [*FORMULAS, *PROSE, *MARKUP, *(spelling.format("style") for spelling in SPELLINGS)]:
        once = harmless_markdown(text)
        assert harmless_markdown(once) == once


# what is not, does nothing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DANGEROUS)
def test_no_dangerous_command_is_on_the_list(name):
    assert commands_off_the_list(rf"\{name}") == [name]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=ascii)
def test_a_command_off_the_list_is_text_however_it_is_spelt(spelling):
    for name in ("style", "href", "def"):
        shown = html.unescape(markdown2html_mistune(harmless_markdown(spelling.format(name))))
        assert commands_off_the_list(shown) == []
        assert name in shown


@pytest.mark.parametrize("name", ["evil", "style", "Matrix", " matrix", "\\def", "", "matrix\\style"])
def test_an_environment_off_the_list_does_not_begin(name):
    assert "\\begin" not in harmless_markdown(f"\\begin{{{name}}} x")


@pytest.mark.parametrize("text", MARKUP, ids=ascii)
def test_markup_is_text_for_every_parser(text):
    assert is_harmless(harmless_markdown(text))


@pytest.mark.parametrize(
    "text",
    [
        "<script>owned()</script>", "a <img src=//evil>", "<!-- x -->", "<style>*{display:none}</style>",
        "<https://evil>", "![p](http://evil/p.png)", "![p][r]\n\n[r]: //evil/p.png", "[x](javascript:owned())",
        "[x](//evil)", "```mermaid\ngraph TD\n```", "$\\style{a}{b}$", "&#36;&#92;style{a}{b}&#36;",
        "\\\\style{a}{b}", "$$\n```\n\\href{a}{b}\n```\n$$",
    ],
    ids=ascii,
)  # fmt: skip
def test_the_parsers_notice_what_is_left_in(text):
    assert not is_harmless(text)


@pytest.mark.parametrize("seed", range(40))
def test_nothing_that_chance_writes_is_more_than_text(seed):
    draw = random.Random(seed)
    for _ in range(50):
        text = "".join(draw.choices(PIECES, k=draw.randint(3, 30)))
        assert is_harmless(harmless_markdown(text)), text


@pytest.mark.parametrize("text", ["a \\\\[-9em] b", "a \\\\ [ -9em ] b", "a \\\\\n[-9em] b", "\\\\\\[-9em]"])
def test_no_row_is_set_over_another(text):
    assert not re.search(r"\\\\\s*\[\s*-", harmless_markdown(text))


def test_backward_steps_do_not_leave_the_formula():
    assert harmless_markdown("\\!" * 1000).count("\\!") == MAX_BACKWARD


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u200b", "\x1b", "\x00"])
def test_characters_that_hide_or_reorder_are_shown_by_number(character):
    assert harmless_markdown(f"a{character}b") == f"a⟨U+{ord(character):04X}⟩b"


def test_a_nest_of_entities_is_not_decoded_for_ever():
    assert harmless_markdown("&" + "amp;" * 25_000 + "#92;style").count("\\") == 0
