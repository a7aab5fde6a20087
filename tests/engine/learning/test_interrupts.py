"""One Stop ends a check, whatever the learner's code does about it, and leaves the process as it was."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings

import pytest
import torch

from course_utils.engine.asking.workbench import Workbench
from course_utils.engine.course import current
from course_utils.engine.learning import interrupts
from course_utils.engine.learning import plain_cell as hidden_cell
from course_utils.engine.learning.interrupts import CheckStopped, stoppable
from course_utils.engine.learning.report import check_names
from course_utils.engine.making.units import Unit

UNIT = Unit(current().folder / "01_positional_encoding")
PATIENCE_S = 1.0  # from the signal to the end; measured: 0.02 to 0.1
SAYS = "Stopped. The check ran your code and was not finished; is there a loop that does not end? It stood in "


def names_of(source):
    bench = Workbench({})
    for number, cell in enumerate([UNIT.preamble(), "import time\nreached = []", source]):
        answer = bench.perform({"do": "run", "name": f"interrupts {number}", "source": cell})
        assert "error" not in answer, answer
    return bench.names


@pytest.fixture
def press():
    """Send one interrupt to this process as soon as the learner's code has put something into `reached`."""
    pressed, threads = [], []

    def once(names):
        def wait():
            end = time.monotonic() + 20
            while not names["reached"] and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(0.1)
            pressed.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

        threads.append(threading.Thread(target=wait))
        threads[-1].start()
        return pressed

    yield once
    for thread in threads:
        thread.join()


def stop_check(names, press, exercise="div_term", language="en"):
    """What is said after one interrupt of a check; it has to come within PATIENCE_S."""
    pressed = press(names)
    with pytest.raises(CheckStopped) as caught:
        check_names(exercise, names, language)
    assert time.monotonic() - pressed[0] < PATIENCE_S
    assert sys.exc_info() == (None, None, None)  # else the next traceback would begin with this one
    return str(caught.value)


def test_one_interrupt_ends_an_endless_loop_and_tells_its_line(press):
    names = names_of("def div_term(d_model):\n    reached.append(1)\n    while True: pass\n")
    assert stop_check(names, press) == SAYS + "line 3.\n    3 | while True: pass"


def test_what_is_said_is_said_in_chinese_too(press):
    names = names_of("def div_term(d_model):\n    reached.append(1)\n    while True: pass\n")
    assert stop_check(names, press, language="zh").endswith("当时停在第 3 行。\n    3 | while True: pass")


def test_one_interrupt_ends_the_forward_of_a_module(press):
    names = names_of(
        "class PositionalEncoding(nn.Module):\n    def __init__(self, d_model, dropout=0.1, max_len=5000):\n"
        "        super().__init__()\n    def forward(self, x):\n"
        "        reached.append(1)\n        while True: x = x + 1\n"
    )
    assert stop_check(names, press, "PositionalEncoding").startswith(SAYS + "line 6.")


def test_one_interrupt_ends_a_later_call_of_the_same_check(press):
    names = names_of(
        "calls = []\ndef div_term(d_model):\n    calls.append(1)\n    if len(calls) > 1:\n        reached.append(1)\n"
        "        while True: pass\n    return torch.ones(d_model // 2)\n"
    )
    assert stop_check(names, press).startswith(SAYS + "line 6.")


def test_a_helper_in_which_the_code_stood_is_named(press):
    names = names_of(
        "def helper():\n    reached.append(1)\n    while True: pass\n\n\ndef div_term(d_model):\n    helper()\n"
    )
    assert stop_check(names, press).startswith(SAYS + "helper, line 3 of its cell.")


@pytest.mark.parametrize(
    "body",
    [
        "try:\n        while True: pass\n    except:\n        return 3",
        "while True:\n        try:\n            x = 1\n        except:\n            x = 2",
        "while True:\n        try:\n            time.sleep(60)\n        except BaseException:\n            pass",
        "while True:\n        try:\n            while True:\n                try:\n                    time.sleep(60)\n"
        "                except KeyboardInterrupt: continue\n        except BaseException:\n            continue",
        "try:\n        while True: pass\n    finally:\n        while True: pass",
    ],
    ids=["around the loop", "inside the loop", "around a sleep", "twice", "another loop after the first"],
)
def test_code_that_catches_the_interrupt_ends_at_one_all_the_same(body, press):
    assert stop_check(names_of(f"def div_term(d_model):\n    reached.append(1)\n    {body}\n"), press).startswith(SAYS)


def test_an_interrupt_between_the_calls_ends_the_check_without_a_line(monkeypatch):
    names = names_of(UNIT.answer("div_term"))
    monkeypatch.setattr(
        "course_utils.engine.learning.report.judge.differs", lambda *_: signal.raise_signal(signal.SIGINT)
    )
    with pytest.raises(CheckStopped, match=r"^Stopped\. The check was not finished\.$"):
        check_names("div_term", names, "en")


SAYS_TOO_LONG = "Your code was still running after 0.5 seconds, and was stopped; is there a loop that does not end? "


@pytest.fixture
def half_a_second(monkeypatch):
    monkeypatch.setattr(interrupts, "LIMIT_S", 0.5)


@pytest.mark.usefixtures("half_a_second")
@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("while True: pass", 2),
        ("while True:\n        try: time.sleep(60)\n        except BaseException: pass", 3),
        ("time.sleep(600)", 2),
        ("while True:\n        try:\n            x = 1\n        except:\n            x = 2", None),
    ],
    ids=["loop", "loop that catches all", "sleep", "loop that catches all in lines"],
)
def test_a_check_that_takes_too_long_ends_by_itself_and_tells_the_line(body, line):
    names, start = names_of(f"def div_term(d_model):\n    {body}\n"), time.monotonic()
    found = check_names("div_term", names, "en")
    assert time.monotonic() - start < 0.5 + PATIENCE_S
    assert {verdict.outcome for verdict in found.verdicts} == {"timeout"}
    assert found.messages()[0].startswith(SAYS_TOO_LONG + (f"It stood in line {line}." if line else ""))
    assert check_names("div_term", names, "zh").messages()[0].startswith("你的代码运行了 0.5 秒还没有结束，已被中止")


@pytest.mark.usefixtures("half_a_second")
def test_after_a_check_that_took_too_long_the_process_is_as_it_was():
    names = names_of(
        "def div_term(d_model):\n    torch.manual_seed(9)\n    torch.set_grad_enabled(False)\n"
        "    while True:\n        try:\n            time.sleep(60)\n        except BaseException: pass\n"
    )

    def state():
        kept = torch.get_rng_state().tolist(), torch.is_grad_enabled(), sys.stdout
        return (*kept, sys.gettrace(), signal.getsignal(signal.SIGINT))

    before = state()
    check_names("div_term", names, "en")
    assert state() == before
    time.sleep(0.2)  # no further interrupt comes
    assert check_names("div_term", names_of(UNIT.answer("div_term")), "en").passed


@pytest.mark.usefixtures("half_a_second")
def test_a_first_import_that_is_slow_is_not_interrupted(tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(0.8)\n")
    monkeypatch.syspath_prepend(tmp_path)
    right = UNIT.answer("div_term").replace("    two_i", "    import slow_to_import\n    two_i", 1)
    assert "slow_to_import" in right
    assert check_names("div_term", names_of(right), "en").passed
    assert "slow_to_import" in sys.modules


@pytest.mark.usefixtures("half_a_second")
def test_in_a_whole_notebook_an_endless_exercise_costs_itself_alone():
    names = names_of(UNIT.answer("div_term") + "\n\ndef sinusoidal_encoding(max_len, d_model):\n    while True: pass\n")
    with stoppable(names, "en"):
        outcomes = [check_names(name, names, "en").verdicts[0].outcome for name in ("sinusoidal_encoding", "div_term")]
    assert outcomes == ["timeout", "passed"]


def test_a_call_that_hears_of_no_interrupt_is_told_while_it_runs(monkeypatch, capsys):
    names = names_of(  # the product takes some seconds on one thread
        "x = torch.randn(3000, 3000)\n\n\ndef div_term(d_model):\n    (x @ x).sum().item()\n    while True: pass\n"
    )
    monkeypatch.setattr(interrupts, "LIMIT_S", 0.05)
    monkeypatch.setattr(interrupts, "GRACE_S", 0.0)
    found = check_names("div_term", names, "en")
    assert {verdict.outcome for verdict in found.verdicts} == {"timeout"}
    assert (
        "in a call that cannot be stopped from here. If it does not end, restart the kernel" in capsys.readouterr().out
    )


def test_a_keyboard_interrupt_that_the_code_raises_itself_is_an_error_as_any():
    names = names_of("def div_term(d_model):\n    raise KeyboardInterrupt\n")
    assert check_names("div_term", names, "en").messages() == [
        "Your code raised KeyboardInterrupt in line 2.\n    2 | raise KeyboardInterrupt"
    ]


def test_a_stop_leaves_the_process_as_it_was(press):
    names = names_of(
        "def div_term(d_model):\n    torch.manual_seed(9)\n    torch.set_grad_enabled(False)\n    reached.append(1)\n"
        "    while True:\n        try:\n            time.sleep(60)\n        except BaseException: pass\n"
    )
    torch.manual_seed(7)

    def state():
        return (
            torch.get_rng_state().tolist(), torch.is_grad_enabled(), torch.get_num_threads(), sys.stdout, sys.stderr,
            list(warnings.filters), sys.gettrace(), signal.getsignal(signal.SIGINT),
        )  # fmt: skip

    before = state()
    stop_check(names, press)
    assert state() == before


def test_after_a_stop_no_further_interrupt_comes(press):
    names = names_of("def div_term(d_model):\n    reached.append(1)\n    while True: pass\n")
    stop_check(names, press)
    time.sleep(0.3)


def test_after_a_check_an_interrupt_is_what_it_was_before():
    before = signal.getsignal(signal.SIGINT)
    check_names("div_term", names_of(UNIT.answer("div_term")), "en")
    assert signal.getsignal(signal.SIGINT) is before


def test_interrupts_that_are_ignored_on_purpose_stay_so():
    kept = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable({}, "en"):
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, kept)


def test_a_check_outside_the_main_thread_answers():
    found = []
    names = names_of(UNIT.answer("div_term"))
    thread = threading.Thread(target=lambda: found.append(check_names("div_term", names, "en")))
    thread.start()
    thread.join()
    assert found[0].passed


def test_a_notebook_shows_the_sentence_alone():
    assert CheckStopped("Stopped.")._render_traceback_() == ["Stopped."]


def test_one_interrupt_ends_a_released_grade_cell(press):
    names = names_of("def div_term(d_model):\n    reached.append(1)\n    while True: pass\n")
    press(names)
    truth = "import torch\n\ndef div_term(d_model):\n    return torch.ones(d_model // 2)\n"
    with pytest.raises(CheckStopped, match="line 3"):
        hidden_cell.grade_cell("div_term-values", UNIT.name, names, [dict(d_model=10)], truth, "", [])


# In a process of its own: the event loop of the kernel's client is never closed.
IN_A_KERNEL = """
import json, sys, threading, time
from jupyter_client.manager import start_new_kernel

start, cell = json.load(sys.stdin)
manager, client = start_new_kernel(kernel_name="python3")
try:
    for source in (start, cell):
        assert client.execute_interactive(source, timeout=120)["content"]["status"] == "ok"
    pressed = []

    def show(message):
        if message["msg_type"] == "display_data":  # the learner's code runs
            time.sleep(0.5)
            pressed.append(time.monotonic())
            manager.interrupt_kernel()
        elif message["msg_type"] == "error":
            said.append(message["content"])

    said = []
    client.execute_interactive('check("div_term")', timeout=120, output_hook=show)
    silent = lambda message: None
    seconds = time.monotonic() - pressed[0]
    after = client.execute_interactive("1 + 1", timeout=60, output_hook=silent)["content"]["status"]
    print(json.dumps([len(pressed), seconds, said[0]["ename"], said[0]["traceback"], after]))
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
"""


@pytest.mark.slow
def test_one_interrupt_of_a_kernel_ends_the_cell_with_the_sentence_alone(tmp_path):
    start = (
        f"{UNIT.preamble()}\nfrom course_utils.selfcheck import check\nimport time\nfrom IPython.display import display"
    )
    cell = (
        "def div_term(d_model):\n    display('runs')\n    while True:\n        try: time.sleep(60)\n"
        "        except: pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", IN_A_KERNEL],
        input=json.dumps([start, cell]),
        env={**os.environ, "COURSE_LANG": "en", "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    times, seconds, kind, traceback, after = json.loads(done.stdout)
    assert (times, kind, after) == (1, "CheckStopped", "ok")
    assert traceback == [SAYS + "line 4.\n    4 | try: time.sleep(60)"]
    assert seconds < PATIENCE_S
