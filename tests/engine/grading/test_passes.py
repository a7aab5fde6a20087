"""Two passes over what is handed in: names as they stand for everybody first, then what needs answers beside them."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from course_utils.engine.grading import task
from course_utils.engine.grading.assess import Stopped
from course_utils.engine.grading.grader import grade
from course_utils.engine.grading.plan import Plan
from course_utils.engine.grading.record import Record
from course_utils.engine.grading.run import grade_all
from course_utils.engine.grading.sandbox_bench import _module_names
from course_utils.engine.grading.session import Session
from course_utils.engine.grading.task import Task, Unfinished
from course_utils.engine.grading.work import grade_alone
from course_utils.engine.making.units import Unit, find_units
from course_utils.engine.proving import sample, selftest, toy
from course_utils.engine.proving.hostile import BANK
from course_utils.engine.proving.toy import ROWS
from course_utils.engine.walls.proofs import ask_sources
from course_utils.engine.walls.sandbox import Child, Limits, Sandbox


@pytest.fixture(scope="session")
def unit() -> Unit:
    return find_units(toy.course().folder, [ROWS])[0]


def handed_in(unit: Unit, sources: dict[str, str], student: str = "s", own: str = "", mode: str = "bwrap") -> Task:
    notebook = sample.filled(unit, sample.reference(unit) | sources)
    if own:
        cell = {"cell_type": "code", "metadata": {}, "source": own, "outputs": [], "id": "own"}
        notebook["cells"].insert(1, cell)
    return Task(student, unit.name, json.dumps(notebook).encode(), "", "d", "seed", mode, str(unit.folder.parent))


# the order of passes --------------------------------------------------------------------------------------------------


class Noting(Executor):
    """Answers as a worker would, at once or by an error, and notes who came in which pass."""

    def __init__(self, answer: Callable[[Task], Any]) -> None:
        self.answer, self.passes = answer, list[tuple[str, int]]()

    def submit(self, function: Any, task: Task) -> Future[Any]:  # type: ignore[override]
        self.passes.append((task.student, 1 if task.unfinished is None else 2))
        future: Future[Any] = Future()
        try:
            future.set_result(self.answer(task))
        except Exception as error:
            future.set_exception(error)
        return future


def leaves_questions(task: Task) -> Any:
    if task.unfinished is None and task.student != "right":
        return Unfinished(Record(task.student, ROWS, "graded", ()), {"powers": None}, (), (), {}, 0.0, 0.0)
    return Record(task.student, ROWS, "graded", ())


CLASS = [Task(name, ROWS, b"", "", "d", "seed", "none") for name in ("ann", "right", "bob")]
PLAN = Plan(Path(), Path(), sandbox="none")


def test_all_first_passes_come_before_the_first_second_pass() -> None:
    pool = Noting(leaves_questions)
    list(grade_all(CLASS, PLAN, pool))
    assert pool.passes[:3] == [("ann", 1), ("right", 1), ("bob", 1)]
    assert sorted(pool.passes[3:]) == [("ann", 2), ("bob", 2)]


def test_a_first_pass_that_is_tried_again_comes_before_the_second_passes_too() -> None:
    faults = iter([OSError("the worker died")])

    def answer(task: Task) -> Any:
        if task.student == "bob":
            for fault in faults:
                raise fault
        return leaves_questions(task)

    pool = Noting(answer)
    found = list(grade_all(CLASS, PLAN, pool))
    assert [each for each in pool.passes if each[1] == 2] == pool.passes[-2:]
    assert sorted(number for number, record, fault in found if record and not fault) == [0, 1, 2]


def test_a_task_whose_worker_dies_in_each_second_pass_is_told_and_costs_nobody_else() -> None:
    def answer(task: Task) -> Any:
        if task.student == "bob" and task.unfinished:
            raise OSError("the worker died")
        return leaves_questions(task)

    found = {number: (record, fault) for number, record, fault in grade_all(CLASS, PLAN, Noting(answer))}
    assert found[2] == (None, "OSError: the worker died")
    assert found[0][0]
    assert found[1][0]


class Broken(Noting):
    """A pool that takes no second passes, for so many tries: a worker died between the passes."""

    def __init__(self, times: int) -> None:
        super().__init__(leaves_questions)
        self.times = times

    def submit(self, function: Any, task: Task) -> Future[Any]:  # type: ignore[override]
        if task.unfinished and self.times:
            self.times -= 1
            raise RuntimeError("the pool is broken")
        return super().submit(function, task)


def test_a_pool_that_broke_between_the_passes_is_replaced() -> None:
    found = list(grade_all(CLASS, PLAN, Broken(1)))
    assert sorted(number for number, record, fault in found if record and not fault) == [0, 1, 2]


def test_a_pool_that_takes_nothing_whatever_is_tried_ends_the_run_with_its_faults() -> None:
    found = {number: (record, fault) for number, record, fault in grade_all(CLASS, PLAN, Broken(10**6))}
    assert found[1][0]
    assert [found[0], found[2]] == [(None, "RuntimeError: the pool is broken")] * 2


def test_each_task_is_yielded_once() -> None:
    assert sorted(number for number, _, _ in grade_all(CLASS, PLAN, Noting(leaves_questions))) == [0, 1, 2]


# what the passes hold -------------------------------------------------------------------------------------------------

WRONG = {"powers": "import torch\ndef powers(count):\n    return torch.ones(count)\n"}


def test_a_notebook_with_a_mistake_that_others_build_on_is_unfinished_after_its_first_pass(
    walls: str, unit: Unit
) -> None:
    first = grade(handed_in(unit, WRONG, mode=walls))
    assert isinstance(first, Unfinished)
    assert "power_table" in first.questions
    assert "powers" not in first.questions


def test_what_is_unfinished_can_travel_to_another_machine(walls: str, unit: Unit) -> None:
    import pickle

    first = grade(handed_in(unit, WRONG, mode=walls))
    assert pickle.loads(pickle.dumps(first)) == first


def test_scores_stand_in_the_units_order_whichever_pass_gave_them(walls: str, unit: Unit) -> None:
    record = grade_alone(handed_in(unit, WRONG, mode=walls))
    names = [(score.exercise, score.check) for score in record.scores]
    checks = [(rule.exercise, rule.check) for rule in unit.rules.values()]
    assert names == checks + [(question, None) for question in unit.rubric]


def test_a_module_that_only_a_call_imports_is_there_in_the_second_pass(walls: str, unit: Unit) -> None:
    late = unit.answer("power_table").replace(
        "    table = torch", "    import scipy.signal.windows\n    from xml.dom import minidom\n    table = torch", 1
    )
    assert "minidom" in late
    record = grade_alone(handed_in(unit, WRONG | {"power_table": late}, mode=walls))
    lost = {score.exercise for score in record.scores if score.outcome not in ("passed", "missing")}
    assert lost == {"powers"}


def test_a_plot_in_an_own_cell_costs_nothing_in_the_second_pass(walls: str, unit: Unit) -> None:
    own = (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('T')\nplt.savefig('/tmp/p.png')\nlength = 10000.0"
    )
    sources = dict(WRONG)
    sources["power_table"] = unit.answer("power_table").replace(
        "    table = torch", "    length / 1\n    table = torch", 1
    )
    record = grade_alone(handed_in(unit, sources, own=own, mode=walls))
    lost = {score.exercise for score in record.scores if score.outcome not in ("passed", "missing")}
    assert lost == {"powers"}


@pytest.mark.parametrize("value", [None, 7, [1, "a b", "os;x", "x" * 999, "good.name"], {"a": 1}])
def test_of_a_forged_list_of_modules_only_names_are_taken(value: Any) -> None:
    assert set(_module_names(value)) <= {"good.name"}


def test_what_one_run_leaves_in_memory_is_worth_nothing_in_the_next(walls: str) -> None:
    """The attack itself, once to write and once to read; with files in sight it earned 3 points in its second run."""
    attack = next(attack for attack in BANK if "which pages are in memory" in attack.name)
    unit = find_units(toy.course().folder, [attack.unit])[0]
    data, _ = selftest._handed_in(attack, unit, Path())
    earned = set()
    for run in range(2):
        record = grade_alone(Task("s", unit.name, data, "", "d", f"seed {run}", walls, str(unit.folder.parent)))
        earned |= {s.exercise for s in record.scores if s.points and s.exercise in attack.loses}
    assert earned == set()


# a blind process ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def blind(walls: str) -> Iterator[Child]:
    with Sandbox("bwrap", Limits(), serve="__main__:run_sources", imports=()) as box, box.spawn(blind=True) as child:
        yield child


def test_a_blind_process_sees_its_own_folders_and_nothing_else(blind: Child) -> None:
    assert sorted(ask_sources(blind, "import os; answer = os.listdir('/')")) == ["dev", "proc", "tmp"]


@pytest.mark.parametrize("folder", ["/", "/dev", "/proc", "/course"])
def test_a_blind_process_can_write_nowhere_but_into_its_own(blind: Child, folder: str) -> None:
    with pytest.raises(RuntimeError, match=r"OSError|FileNotFoundError"):
        ask_sources(blind, f"open({folder!r} + '/left', 'w')")


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_a_blind_process_has_an_empty_place_to_write(blind: Child, folder: str) -> None:
    assert ask_sources(blind, f"import os; answer = os.listdir({folder!r}); open({folder!r} + '/mine', 'w')") == []


def test_a_blind_process_has_given_up_its_rights(blind: Child) -> None:
    source = """
import ctypes
libc = ctypes.CDLL(None)
caps = (ctypes.c_uint32 * 6)()
libc.capget((ctypes.c_uint32 * 2)(0x20080522, 0), caps)
answer = [any(caps), libc.prctl(39, 0, 0, 0, 0), libc.prctl(21, 0, 0, 0, 0), libc.mount(b"x", b"/tmp", b"tmpfs", 0, 0)]
"""
    assert ask_sources(blind, source) == [False, 1, 2, -1]


def test_no_descriptor_of_a_blind_process_leads_to_a_folder(blind: Child) -> None:
    source = """
import os, stat
answer = []
for number in range(64):
    try:
        answer += [number] if stat.S_ISDIR(os.fstat(number).st_mode) else []
    except OSError:
        pass
"""
    assert ask_sources(blind, source) == []


def test_a_process_that_is_to_be_blind_runs_nothing_of_a_learners_before_it_is(walls: str) -> None:
    with Sandbox("bwrap", Limits()) as box, box.spawn(blind=True) as child:
        session = Session(child, task.Patience())
        with pytest.raises(Stopped, match="crashed"):
            session.ask({"do": "run", "name": "x", "source": "1"})


def test_the_libraries_that_are_mapped_lie_in_memory_when_a_sandbox_is_ready(walls: str) -> None:
    """Else a blind process could mark one by touching a page of it that is not."""
    if platform.machine() != "x86_64":
        pytest.skip("the number of mincore is that of x86_64")
    import ctypes
    import mmap

    import torch

    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    pages = -(-library.stat().st_size // mmap.PAGESIZE)
    seen = ctypes.create_string_buffer(pages)
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
    with Sandbox("bwrap", Limits()), library.open("rb") as file:
        size = library.stat().st_size
        address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
        assert libc.mincore(address, size, seen) == 0
    assert sum(byte & 1 for byte in seen.raw) == pages
