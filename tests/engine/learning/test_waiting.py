"""Cells that wait for exercises: what they say while an answer is open or wrong, and that nothing else is hidden."""

import types

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from course_utils.engine.course import current
from course_utils.engine.learning import progress, waiting
from course_utils.engine.learning.progress import Progress
from course_utils.engine.learning.wrapping import NeedsWrapper, prepare_shell
from course_utils.engine.making.units import Unit
from course_utils.selfcheck import needs

UNIT = Unit(current().folder / "01_positional_encoding")
TRANSPOSED = "def sinusoidal_encoding(max_len, d_model):\n    return torch.zeros(d_model, max_len)"


@pytest.fixture
def boxes(monkeypatch):
    """The texts of the boxes that were shown."""
    found = []
    monkeypatch.setattr(waiting, "show", lambda box: found.append(repr(box)))
    return found


@pytest.fixture
def shell(monkeypatch, tmp_path):
    """The shell of a notebook whose set-up cell has run; its folder keeps no progress."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_LANG", "en")
    monkeypatch.setattr(progress, "_of_this_process", Progress())
    found = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    found.user_ns["needs"] = needs
    found.ast_transformers.append(NeedsWrapper(found, needs))
    run(found, UNIT.preamble())
    yield found
    found.restore_sys_module_state()


def run(shell, *cells):
    """Run cells; the value that the last one showed. Raises what one of them raised."""
    for cell in cells:
        result = shell.run_cell(cell)
        result.raise_error()
    return result.result


def answers(*names):
    return [UNIT.answer(name) for name in names]


# an open exercise -------------------------------------------------------------------------------------------------


def test_a_cell_whose_exercise_was_not_run_is_left_out_and_says_so(shell, boxes):
    run(shell, 'needs("div_term")\nfound = div_term(8)')
    assert boxes == ["This cell needs `div_term`; solve it first. The cells below go on without it."]
    assert "found" not in shell.user_ns


def test_a_cell_whose_exercise_is_blank_is_left_out(shell, boxes):
    run(shell, UNIT.released("div_term"), 'needs("div_term")\nfound = 1')
    assert len(boxes) == 1
    assert "found" not in shell.user_ns


def test_what_an_answer_builds_on_is_needed_too(shell, boxes):
    run(shell, UNIT.released("div_term"), *answers("sinusoidal_encoding"), 'needs("sinusoidal_encoding")\nfound = 1')
    assert boxes == ["This cell needs `div_term`; solve it first. The cells below go on without it."]


def test_what_an_answer_does_without_is_not_needed(shell, boxes):
    own = "def sinusoidal_encoding(max_len, d_model):\n    '''No div_term.'''\n    return torch.zeros(max_len, d_model)"
    run(shell, UNIT.released("div_term"), own, 'needs("sinusoidal_encoding")\nfound = 1')
    assert shell.user_ns["found"] == 1


def test_several_open_exercises_are_named_together_in_their_order(shell, boxes):
    given = [UNIT.released(name) for name in ("div_term", "sinusoidal_encoding", "shift_matrix")]
    run(shell, *given, 'needs("shift_matrix", "sinusoidal_encoding")')
    assert boxes[0].startswith(
        "This cell needs `div_term`, `sinusoidal_encoding` and `shift_matrix`; solve them first."
    )


def test_the_box_speaks_chinese(shell, boxes, monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "zh")
    run(shell, 'needs("div_term")')
    assert boxes == ["这个单元格要用到 `div_term`，请先完成它。下面的单元格会照常运行。"]


def test_what_stands_above_the_line_runs(shell, boxes):
    run(shell, 'above = 1\nneeds("div_term")\nbelow = 1')
    assert "above" in shell.user_ns
    assert "below" not in shell.user_ns


# a wrong answer ---------------------------------------------------------------------------------------------------


def test_an_exception_over_a_wrong_answer_is_told_in_one_box(shell, boxes):
    cell = 'needs("sinusoidal_encoding")\ntable = sinusoidal_encoding(4, 6)\ntable @ table'
    run(shell, *answers("div_term"), TRANSPOSED, cell)
    assert boxes == [
        "This cell stopped in line 3 with `RuntimeError`: mat1 and mat2 shapes cannot be multiplied (6x4 and 6x4)\n"
        "Look at `sinusoidal_encoding` first: 0 of its 2 rules hold."
    ]


def test_the_first_wrong_exercise_is_the_one_to_look_at(shell, boxes):
    wrong = "def div_term(d_model):\n    return torch.zeros(3, 3)"
    run(shell, wrong, *answers("sinusoidal_encoding"), 'needs("sinusoidal_encoding")\nsinusoidal_encoding(4, 18)')
    assert "Look at `div_term` first" in boxes[0]


def test_a_result_of_a_wrong_answer_is_said_to_be_one(shell, boxes):
    run(shell, *answers("div_term"), TRANSPOSED, 'needs("sinusoidal_encoding")\nsinusoidal_encoding(4, 6)')
    assert boxes[0].startswith(
        "This was made with your `sinusoidal_encoding`, which is not right yet: 0 of 2 rules hold."
    )


def test_a_half_drawn_figure_is_closed(shell, boxes):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    before = pyplot.get_fignums()
    cell = 'needs("sinusoidal_encoding")\nimport matplotlib.pyplot as plt\nplt.figure()\nraise ValueError("no")'
    run(shell, *answers("div_term"), TRANSPOSED, cell)
    assert pyplot.get_fignums() == before


# nothing is hidden ------------------------------------------------------------------------------------------------


def test_with_right_answers_no_box_is_shown(shell, boxes):
    run(shell, *answers("div_term"), 'needs("div_term")\ndiv_term(8)')
    assert boxes == []


def test_with_right_answers_an_exception_stays_one(shell, boxes):
    with pytest.raises(ZeroDivisionError):
        run(shell, *answers("div_term"), 'needs("div_term")\n1 / 0')
    assert boxes == []


def test_an_exception_of_a_cell_without_the_line_stays_one(shell, boxes):
    with pytest.raises(ZeroDivisionError):
        run(shell, TRANSPOSED, "1 / 0")
    assert boxes == []


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit])
def test_a_stop_stays_a_stop(raised, shell, boxes):
    shell.user_ns["raised"] = raised
    shell.showtraceback = lambda *args, **kwargs: None
    result = shell.run_cell(f"{TRANSPOSED}\n")
    result = shell.run_cell('needs("sinusoidal_encoding")\nraise raised')
    assert isinstance(result.error_in_exec, raised)


def test_a_stop_says_in_one_sentence_where_the_cell_stood(shell, boxes):
    shell.showtraceback = lambda *args, **kwargs: None
    result = shell.run_cell(f"{UNIT.answer('div_term')}\n")
    result = shell.run_cell('needs("div_term")\n\nraise KeyboardInterrupt')
    assert result.error_in_exec._render_traceback_() == ["Stopped in line 3 of this cell."]


def test_lines_keep_their_numbers(shell, boxes):
    with pytest.raises(ZeroDivisionError) as caught:
        run(shell, *answers("div_term"), 'needs("div_term")\n\n\n1 / 0')
    trace = caught.value.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    assert trace.tb_lineno == 4


def test_the_value_of_the_last_line_is_shown(shell, boxes):
    assert run(shell, *answers("div_term"), 'needs("div_term")\n6 * 7') == 42


def test_an_unknown_exercise_is_refused(shell, boxes):
    with pytest.raises(ValueError, match=r"exercise must be one of div_term.*got 'div_trem'"):
        run(shell, 'needs("div_trem")')


def test_names_of_a_cell_stay_the_notebooks(shell, boxes):
    run(shell, *answers("div_term"), 'needs("div_term")\nimport math as maths\n\n\ndef own():\n    return maths.pi')
    assert run(shell, "own()") > 3


# where no notebook runs the cell ----------------------------------------------------------------------------------


def test_outside_of_a_notebook_the_line_does_nothing():
    names = {"needs": needs}
    exec('needs("div_term")\nfound = 1', names)
    assert names["found"] == 1


def test_a_cell_with_another_function_of_that_name_is_left_as_it_is(shell, boxes):
    seen = []
    shell.user_ns["needs"] = seen.append
    run(shell, 'needs("tea")')
    assert seen == ["tea"]


def test_importing_the_course_again_wraps_no_cell_twice(monkeypatch):
    shell = types.SimpleNamespace(ast_transformers=[], user_ns={})
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    prepare_shell(needs)
    prepare_shell(needs)
    assert [type(each) for each in shell.ast_transformers] == [NeedsWrapper]


# what is remembered -----------------------------------------------------------------------------------------------


def test_an_answer_that_was_checked_is_not_checked_again(shell, boxes, monkeypatch):
    run(shell, *answers("div_term"), 'needs("div_term")\n1')
    monkeypatch.setattr(waiting, "check_names", None)
    run(shell, 'needs("div_term")\n1')
    assert boxes == []


def test_an_answer_that_was_changed_is_checked_again(shell, boxes):
    run(shell, *answers("div_term"), 'needs("div_term")\n1', "def div_term(d_model):\n    return torch.ones(3)")
    run(shell, 'needs("div_term")\n1')
    assert boxes[0].startswith("This was made with your `div_term`")
