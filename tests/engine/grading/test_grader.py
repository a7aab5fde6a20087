"""The engine's outcomes: each misfortune has its own, costs only its own exercise, and tells nothing."""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from course_utils.engine.course import current
from course_utils.engine.grading import intake
from course_utils.engine.grading.record import Record
from course_utils.engine.grading.task import Patience, Task
from course_utils.engine.grading.work import grade_alone
from course_utils.engine.grading.worker_state import own_sandbox
from course_utils.engine.making.units import find_units
from course_utils.engine.proving import sample

UNIT = "01_positional_encoding"
EXERCISES = ["div_term", "sinusoidal_encoding", "PositionalEncoding", "shift_matrix"]
SHORT = Patience(cell_seconds=3, exercise_seconds=3, submission_seconds=30, output_bytes=2**16)


@pytest.fixture(scope="session")
def unit():
    return find_units(current().folder, [UNIT])[0]


@pytest.fixture(scope="session")
def graded(walls, unit):
    """Grades a notebook, or the reference with some sources changed and own cells put in."""

    def grade_it(sources=None, answers=None, own=None, language="en", patience=None, notebook=None, seed="a seed"):
        if notebook is None:
            notebook = sample.filled(unit, sample.reference(unit) | (sources or {}), answers, language)
            for after, source in (own or {}).items():
                place = next(i for i, cell in enumerate(notebook["cells"]) if cell["id"] == after)
                cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "id": f"own-{place}"}
                notebook["cells"].insert(place + 1, cell)
        data = notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode()
        return grade_alone(Task("ann", unit.name, data, "", "digest", seed, walls, patience=patience or Patience()))

    return grade_it


def outcomes(record):
    """The outcomes of each exercise's checks and of the question."""
    found = {}
    for score in record.scores:
        found.setdefault(score.exercise, set()).add(score.outcome)
    return found


def messages(record, exercise, language="en"):
    return {score.message[language] for score in record.scores if score.exercise == exercise and score.message}


ALL_RIGHT = {name: {"passed"} for name in EXERCISES}


def others(exercise):
    return {name: {"passed"} for name in EXERCISES if name != exercise}


# Outcomes


def test_the_reference_passes_everything_and_earns_all_points(graded, unit):
    record = graded(answers={"q1_sin_cos": "A rotation."})
    assert outcomes(record) == ALL_RIGHT | {"q1_sin_cos": {"manual"}}
    assert sum(score.points for score in record.scores) == sum(unit.all_points.values())
    assert record.outcome == "graded"


def test_the_release_as_it_is_earns_nothing_and_says_what_to_do(graded, unit):
    record = graded(notebook=sample.released(unit))
    assert outcomes(record) == {name: {"missing"} for name in [*EXERCISES, "q1_sin_cos"]}
    assert messages(record, "div_term") == {
        "This exercise is still as it was given; fill in the part marked YOUR CODE HERE."
    }
    assert sum(score.points for score in record.scores) == 0


def test_one_blank_exercise_is_missing_and_the_later_ones_are_judged_with_the_reference(graded, unit):
    assert outcomes(graded({"div_term": unit.released("div_term")})) == others("div_term") | {
        "div_term": {"missing"},
        "q1_sin_cos": {"missing"},
    }


def test_a_wrong_value_fails_with_the_hint_of_its_mistake(graded, unit):
    mutant = next(mutant for mutant in unit.mutants if mutant.name == "report")
    record = graded({"div_term": unit.mutated(mutant)})
    failed = [score for score in record.scores if score.outcome == "failed"]
    assert [(score.exercise, score.check, score.hint) for score in failed] == [("div_term", "values", mutant.hint)]
    assert outcomes(record) == others("div_term") | {"div_term": {"failed"}, "q1_sin_cos": {"missing"}}


SECRET = "the hidden width is"

ERRORS = {
    "in a function": (f"def div_term(d_model):\n    raise ValueError(f'{SECRET} {{d_model}}')", "ValueError", 2),
    "of a name": ("def div_term(d_model):\n    x = 1\n    return globals()['wavelengths_'](d_model)", "KeyError", 3),
    "of torch": ("def div_term(d_model):\n    return torch.zeros(2) @ torch.zeros(3)", "RuntimeError", 2),
    "of an index": ("def div_term(d_model):\n    return [][d_model]", "IndexError", 2),
    "on exit": ("def div_term(d_model):\n    raise SystemExit(d_model)", "SystemExit", 2),
    "on an interrupt": ("def div_term(d_model):\n    raise KeyboardInterrupt", "KeyboardInterrupt", 2),
    "on input": ("def div_term(d_model):\n    return input()", "EOFError", 2),
    "without an end": ("def div_term(d_model):\n    return div_term(d_model)", "RecursionError", 2),
    "when the cell ran": ("x = 1\nraise OSError('no file')\ndef div_terms(d_model): pass", "OSError", 2),
    "of syntax": ("def div_term(d_model):\n    return (", "SyntaxError", 2),
    "of indentation": ("def div_term(d_model):\nreturn 3", "IndentationError", 2),
}


@pytest.mark.parametrize("where", ERRORS)
def test_an_error_is_told_by_type_and_line_and_never_by_its_text(graded, where):
    source, kind, line = ERRORS[where]
    record = graded({"div_term": source})
    assert messages(record, "div_term") == {f"Your code raised {kind} in line {line} of this cell."}
    assert outcomes(record) == others("div_term") | {"div_term": {"error"}, "q1_sin_cos": {"missing"}}
    assert SECRET not in str(record.scores)


def test_the_name_of_an_exception_of_the_students_own_is_never_shown(graded):
    own = "class Width22(ValueError):\n    pass\n\n\ndef div_term(d_model):\n    raise Width22()"
    assert messages(graded({"div_term": own}), "div_term") == {"Your code raised ValueError in line 6 of this cell."}


def test_an_exception_whose_type_is_made_of_a_hidden_width_tells_nothing(graded):
    own = "def div_term(d_model):\n    raise type(f'W{d_model}', (Exception,), {'__module__': 'builtins'})()"
    assert messages(graded({"div_term": own}), "div_term") == {"Your code raised Exception in line 2 of this cell."}


def test_a_name_that_the_cell_does_not_define_is_an_error(graded):
    record = graded({"div_term": "def div_terms(d_model):\n    return 1"})
    assert outcomes(record)["div_term"] == {"error"}
    told = "The cell does not define div_term; keep the name of the function or class as it was given."
    assert messages(record, "div_term") == {told}


def test_an_error_in_a_helper_of_another_cell_names_no_line_of_this_one(graded):
    record = graded(
        {"div_term": "def div_term(d_model):\n    return helper(d_model)"},
        own={"01-012": "def helper(x):\n\n\n    raise KeyError(x)"},
    )
    assert messages(record, "div_term") == {"Your code raised KeyError."}


LOOP = "while True:\n    pass"


@pytest.mark.parametrize("exercise", ["div_term", "shift_matrix"])
@pytest.mark.parametrize("where", ["cell", "call"])
def test_code_that_does_not_end_runs_out_of_time_alone(graded, unit, exercise, where):
    loop = LOOP if where == "cell" else f"def {exercise}(*args):\n    while True:\n        pass"
    record = graded({exercise: loop}, patience=SHORT)
    assert outcomes(record) == others(exercise) | {exercise: {"timeout"}, "q1_sin_cos": {"missing"}}
    assert messages(record, exercise) == {
        "Your code was still running when its time was up; is there a loop that does not end?"
    }


@pytest.mark.parametrize(
    "greedy",
    [
        "return torch.zeros(10**11)",
        "return bytearray(10**11)",
        "hoard = []\n    while True:\n        hoard.append(torch.empty(2**24))",
    ],
    ids=["one tensor", "one array", "many tensors"],
)
def test_code_that_takes_too_much_memory_is_told_so(graded, greedy):
    record = graded({"div_term": f"def div_term(d_model):\n    {greedy}"})
    assert outcomes(record) == others("div_term") | {"div_term": {"memory"}, "q1_sin_cos": {"missing"}}
    assert messages(record, "div_term") == {"Your code asked for more memory than it may use."}


CRASHES = {
    "exit": "import os\n    os._exit(0)",
    "abort": "import os\n    os.abort()",
    "segfault": "import ctypes\n    ctypes.string_at(0)",
    "closed descriptors": "import os\n    os.closerange(0, 256)",
    "noise in every descriptor": (
        "import os\n    for n in range(3, 256):\n        try:\n            os.write(n, b'x' * 64)\n"
        "        except OSError:\n            pass"
    ),
}


@pytest.mark.parametrize("crash", CRASHES)
@pytest.mark.parametrize("exercise", ["div_term", "PositionalEncoding"])
def test_a_crash_costs_only_the_exercise_at_which_it_happened(graded, exercise, crash):
    record = graded({exercise: f"def {exercise}(*args, **kwargs):\n    {CRASHES[crash]}"})
    assert outcomes(record) == others(exercise) | {exercise: {"crashed"}, "q1_sin_cos": {"missing"}}


def test_a_crash_while_the_cell_runs_costs_only_its_exercise(graded, unit):
    crash = f"import os\nif not os._exit(3):\n    sinusoidal_encoding = {unit.answer('sinusoidal_encoding')!r}"
    record = graded({"sinusoidal_encoding": crash})
    assert outcomes(record) == others("sinusoidal_encoding") | {
        "sinusoidal_encoding": {"crashed"},
        "q1_sin_cos": {"missing"},
    }


def test_every_exercise_may_crash_and_each_is_told_so(graded):
    record = graded({name: f"def {name}(*args, **kwargs):\n    import os\n    os._exit(1)" for name in EXERCISES})
    assert outcomes(record) == {name: {"crashed"} for name in EXERCISES} | {"q1_sin_cos": {"missing"}}


def test_all_exercises_that_hang_end_within_the_patience_for_a_submission(graded):
    patience = Patience(cell_seconds=2, exercise_seconds=2, submission_seconds=5)
    record = graded(dict.fromkeys(EXERCISES, LOOP), patience=patience)
    assert outcomes(record) == {name: {"timeout"} for name in EXERCISES} | {"q1_sin_cos": {"missing"}}
    assert record.seconds < 15


@pytest.mark.parametrize(
    "noise",
    [
        "print('x' * 200_000)",
        "import sys\n    sys.stderr.write('x' * 200_000)",
        "import os\n    os.system('yes | head -c 300000')",
    ],
    ids=["stdout", "stderr", "a process of its own"],
)
def test_code_that_prints_too_much_is_stopped(graded, noise):
    record = graded({"div_term": f"def div_term(d_model):\n    {noise}\n    while True:\n        pass"}, patience=SHORT)
    assert messages(record, "div_term") == {"Your code printed more than can be kept, and was stopped."}
    assert outcomes(record) == others("div_term") | {"div_term": {"crashed"}, "q1_sin_cos": {"missing"}}


def test_prints_and_warnings_cost_nothing(graded, unit):
    noise = "import sys, warnings\nprint('start')\nwarnings.warn('careful')\nprint('odd', file=sys.stderr)\n"
    answer = unit.answer("div_term").replace("    return", "    print('here')\n    warnings.warn('there')\n    return")
    assert outcomes(graded({"div_term": noise + answer})) == ALL_RIGHT | {"q1_sin_cos": {"missing"}}


# A cell that defines its name and then fails


@pytest.mark.parametrize("after", ["raise ValueError", "div_term(d_model)", "check('div_term'", "1 / 0"])
def test_a_cell_that_raises_after_its_definition_is_judged_by_the_definition(graded, unit, after):
    source = f"{unit.answer('div_term')}\n\n{after}"
    assert outcomes(graded({"div_term": source})) == ALL_RIGHT | {"q1_sin_cos": {"missing"}}


@pytest.mark.parametrize("before", ["import os\nos._exit(1)", "raise ValueError", "pip install einops", "input('n: ')"])
def test_a_statement_above_a_definition_costs_only_itself(graded, unit, before):
    source = f"{before}\n\n{unit.answer('div_term')}"
    assert outcomes(graded({"div_term": source})) == ALL_RIGHT | {"q1_sin_cos": {"missing"}}


# A student's own cells


@pytest.mark.parametrize(
    "source",
    ["1 / 0", "(((", "import os; os._exit(1)", LOOP, "input()", "import no_such_package", "%no_such_magic", "!false",
     "raise SystemExit", "print('x' * 10**6)", "hoard = [torch.empty(2**24) for _ in range(10**4)]", "exit()"],
)  # fmt: skip
@pytest.mark.parametrize("after", ["01-000", "div_term"])
def test_an_own_cell_that_fails_hangs_or_crashes_costs_nothing(graded, source, after):
    record = graded(own={after: source}, patience=SHORT)
    assert outcomes(record) == ALL_RIGHT | {"q1_sin_cos": {"missing"}}


def test_two_own_cells_that_crash_cost_nothing(graded):
    crash = "import os; os._exit(1)"
    assert outcomes(graded(own={"01-000": crash, "shift_matrix": crash})) == ALL_RIGHT | {"q1_sin_cos": {"missing"}}


@pytest.mark.parametrize(
    "helper",
    [
        "def helper(x):\n    return x",
        "helper = abs",
        "from operator import abs as helper",
        "%matplotlib inline\nhelper = int",
    ],
)
def test_a_helper_in_an_own_cell_works(graded, unit, helper):
    source = unit.answer("div_term").replace("d_model, 2", "helper(d_model), 2")
    assert "helper(" in source
    assert outcomes(graded({"div_term": source}, own={"01-012": helper})) == ALL_RIGHT | {"q1_sin_cos": {"missing"}}


@pytest.mark.parametrize("slow", ["while True:\n    pass", "import time\ntime.sleep(0.9)"], ids=["endless", "slow"])
def test_many_slow_own_cells_leave_time_for_the_exercises_and_for_helpers(graded, unit, slow):
    answers = {"div_term": "import os\nos._exit(1)\n" + unit.answer("div_term")}  # which needs a second start
    answers["sinusoidal_encoding"] = unit.answer("sinusoidal_encoding").replace("torch.zeros(", "helper(")
    assert "helper(" in answers["sinusoidal_encoding"]
    notebook = sample.filled(unit, sample.reference(unit) | answers)
    own = [*(f"{slow}  # {n}" for n in range(14)), "import torch\nhelper = torch.zeros"]
    notebook["cells"][1:1] = [
        {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "id": f"own-{number}"}
        for number, source in enumerate(own)
    ]
    record = graded(notebook=notebook, patience=Patience(1.0, 3.0, 12.0))
    assert outcomes(record) == ALL_RIGHT | {"q1_sin_cos": {"missing"}}


# An error is paid for once


def test_a_later_exercise_is_judged_with_the_reference_before_it(graded, unit):
    wrong = "def div_term(d_model):\n    return torch.ones((d_model + 1) // 2)"
    assert outcomes(graded({"div_term": wrong})) == others("div_term") | {
        "div_term": {"failed"},
        "q1_sin_cos": {"missing"},
    }


def test_two_mistakes_are_paid_for_at_their_own_checks(graded, unit):
    wrong = {
        "div_term": "def div_term(d_model):\n    return torch.ones((d_model + 1) // 2)",
        "sinusoidal_encoding": unit.answer("sinusoidal_encoding").replace("torch.sin", "torch.tan"),
    }
    lost = [score.grade_id for score in graded(wrong).scores if score.check and score.outcome != "passed"]
    assert lost == ["div_term-values", "sinusoidal_encoding-even"]


def test_a_later_exercise_that_does_not_use_the_wrong_one_keeps_its_points(graded):
    wrong = {
        "div_term": "div_term = None",
        "sinusoidal_encoding": (
            "def sinusoidal_encoding(max_len, d_model):\n"
            "    angles = torch.arange(max_len)[:, None] / 10000 ** (torch.arange(d_model) // 2 * 2 / d_model)\n"
            "    return torch.where(torch.arange(d_model) % 2 == 0, angles.sin(), angles.cos())"
        ),
    }
    assert outcomes(graded(wrong)) == others("div_term") | {"div_term": {"error"}, "q1_sin_cos": {"missing"}}


# What is said


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Your code raised ValueError in line 2 of this cell."),
        ("zh", "你的代码在本单元格第 2 行抛出了 ValueError。"),
    ],
)
def test_a_student_is_told_in_the_notebooks_language(graded, unit, tmp_path, language, sentence):
    from course_utils.engine.grading.scores import write_scores

    record = graded({"div_term": "def div_term(d_model):\n    raise ValueError(d_model)"}, language=language)
    write_scores(tmp_path, [record])
    scores = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert {score["message"] for score in scores if score["exercise"] == "div_term"} == {sentence}
    assert record.language == language


def test_a_free_text_answer_waits_for_a_person_and_is_kept(graded):
    record = graded(answers={"q1_sin_cos": "**Because** 因为"})
    score = next(score for score in record.scores if score.exercise == "q1_sin_cos")
    assert (score.outcome, score.points, score.check) == ("manual", 0.0, None)
    assert record.answers == {"q1_sin_cos": "**Because** 因为"}


@pytest.mark.parametrize("reason", intake.REASONS)
def test_a_submission_that_could_not_be_read_has_every_check_with_the_reason(unit, reason):
    record = grade_alone(Task("ann", UNIT, None, reason, reason, "seed", "none"))
    expected = "missing" if reason == "missing" else "error"
    assert record.outcome == expected
    assert {score.outcome for score in record.scores} == {expected}
    assert len(record.scores) == len(unit.rules) + len(unit.rubric)
    assert all(score.message == intake.REASONS[reason] for score in record.scores)


def test_no_message_shows_a_hidden_size_or_an_expected_value(graded, unit):
    sizes = {str(value) for case in unit.cases["div_term"] for value in case.values()}
    leak = "def div_term(d_model):\n    raise type(f'W{d_model}', (RuntimeError,), {})(f'{d_model}')"
    said = " ".join(message for exercise in EXERCISES for message in messages(graded({"div_term": leak}), exercise))
    assert set(re.findall(r"\d+", said)) & sizes == set()


# A record


def test_a_record_is_json_and_says_how_it_came_about(graded):
    record = graded()
    assert Record.of(json.loads(json.dumps(record.as_json()))) == record
    assert (record.student, record.unit, record.digest, record.seed) == ("ann", UNIT, "digest", "a seed")


def test_the_same_seed_gives_the_same_grade_again(graded):
    guess = "def div_term(d_model):\n    return torch.rand((d_model + 1) // 2)"
    first, second = graded({"div_term": guess}), graded({"div_term": guess})
    assert first.scores == second.scores


def test_two_threads_of_one_process_take_turns_at_its_sandbox(graded):
    with ThreadPoolExecutor(2) as pool:
        records = list(pool.map(lambda number: graded(seed=str(number)), range(4)))
    assert [outcomes(record) for record in records] == [ALL_RIGHT | {"q1_sin_cos": {"missing"}}] * 4


def test_a_student_cannot_write_where_the_next_one_reads(graded):
    left = (
        "open('/tmp/left', 'w').write('x')\nimport os\nos.environ['LEFT'] = 'x'\nimport builtins\nbuiltins.left = 1\n"
    )
    graded(own={"01-000": left})
    seen = "import os, builtins\nif os.path.exists('/tmp/left') or 'LEFT' in os.environ or hasattr(builtins, 'left'):\n"
    record = graded(
        {"div_term": seen + "    div_term = None\nelse:\n    def div_term(d_model):\n        raise OSError"}
    )
    assert messages(record, "div_term") == {"Your code raised OSError in line 6 of this cell."}


def test_grading_leaves_no_descriptor_and_no_process_behind(graded):
    graded()
    sandbox = own_sandbox("bwrap")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        graded({"div_term": "import os\nos._exit(1)"})
    assert len(os.listdir("/proc/self/fd")) == before
    assert sandbox is own_sandbox("bwrap")


def test_a_sandbox_that_died_is_started_again(graded):
    import signal

    graded()
    os.kill(own_sandbox("bwrap").pid, signal.SIGKILL)
    assert outcomes(graded()) == ALL_RIGHT | {"q1_sin_cos": {"missing"}}


def test_a_task_can_be_sent_to_another_machine(unit):
    import pickle

    task = Task("ann", UNIT, b"{}", "", "digest", "seed", "bwrap")
    assert pickle.loads(pickle.dumps(task)) == task
    assert replace(task, solutions="elsewhere").data == b"{}"
