"""Nearly right names, cells that are no Python, and what to try by the type that came back."""

import pytest

from course_utils.engine.asking.workbench import Workbench
from course_utils.engine.course import current
from course_utils.engine.judging.judge import no_tensor
from course_utils.engine.learning.nearby import nearest
from course_utils.engine.learning.report import UnknownExercise, check_names
from course_utils.engine.making.units import Unit
from course_utils.selfcheck import check

UNIT = Unit(current().folder / "01_positional_encoding")


def names_of(source):
    bench = Workbench({})
    for number, cell in enumerate([UNIT.preamble(), source]):
        bench.perform({"do": "run", "name": f"nearby {number}", "source": cell})
    return bench.names


def test_a_misspelt_exercise_is_guessed():
    with pytest.raises(UnknownExercise, match=r"got 'div_trem'\. Did you mean div_term\?$") as caught:
        check("div_trem", {})
    assert caught.value._render_traceback_()[0].endswith(("Did you mean div_term?", "你想写的是 div_term 吗？"))


def test_a_name_that_is_like_no_other_is_guessed_as_none():
    with pytest.raises(UnknownExercise, match=r"got 'zzz'\.$"):
        check("zzz", {})


def test_a_function_that_the_learner_named_nearly_so_is_told():
    names = names_of("def div_trem(d_model):\n    return torch.ones(d_model // 2)\n")
    assert check_names("div_term", names, "en").messages() == [
        "div_term is not defined, but div_trem is; did you mean that one? Keep the name div_term as it was given."
    ]
    assert "你想写的是它吗" in check_names("div_term", names, "zh").messages()[0]


def test_another_exercise_is_not_taken_for_one_with_a_misspelt_name():
    names = {"split_heads": len}
    assert check_names("merge_heads", names, "en").messages()[0].startswith("merge_heads is not defined: run the cell")


@pytest.mark.parametrize(
    ("line", "guess"),
    [
        ("return torch.arange(0, d_modle, 2)", "d_model"),
        ("return torch.sofmax(torch.ones(3), 0)", "softmax"),
        ("return toch.ones(3)", "torch"),
        ("return torch.ones(3).transpos(0, 1)", "transpose"),
        ("return pritn(3)", "print"),
    ],
)
def test_a_nearly_right_name_in_an_exception_is_guessed(line, guess):
    found = check_names("div_term", names_of(f"def div_term(d_model):\n    {line}\n"), "en").messages()[0]
    assert f" Did you mean {guess}?\n    2 | {line}" in found


def test_a_cell_that_is_no_python_is_told_with_its_line():
    names = {"In": ["", "def div_term(d_model):\n    return (1\n"]}
    found = check_names("div_term", names, "en").messages()[0]
    assert found.startswith(
        "The cell of div_term stopped before it defined div_term, with SyntaxError in line 2: '(' was"
    )
    assert found.endswith("\n    2 | return (1")


def test_an_older_version_is_not_checked_in_the_place_of_one_that_is_no_python():
    right = names_of(UNIT.answer("div_term"))
    right["In"] = ["", UNIT.answer("div_term"), "def div_term(d_model)\n    return 1\n"]
    assert {verdict.outcome for verdict in check_names("div_term", right, "en").verdicts} == {"missing"}


def test_a_later_version_that_is_python_again_is_checked():
    right = names_of(UNIT.answer("div_term"))
    right["In"] = ["", "def div_term(d_model)\n    return 1\n", "%time\n" + UNIT.answer("div_term")]
    assert check_names("div_term", right, "en").passed


@pytest.mark.parametrize(
    ("kind", "words"),
    {
        "None": ("end in a return", "return"), "ndarray": ("torch.from_numpy", "torch.from_numpy"),
        "list": ("torch.stack", "torch.stack"), "tuple": ("a comma too many", "逗号"), "float": (".item()", ".item()"),
        "int": (".item()", ".item()"),
    }.items(),
)  # fmt: skip
def test_each_type_that_is_no_tensor_has_a_remedy(kind, words):
    found = no_tensor(kind)
    assert found["en"].startswith(f"A torch.Tensor is asked for, and {kind} came back. ")
    assert words[0] in found["en"]
    assert words[1] in found["zh"]


def test_a_name_is_near_by_its_letters():
    assert nearest("div_trem", ["div_term", "shift_matrix"]) == "div_term"
    assert nearest("x", ["y", "z"]) == ""
