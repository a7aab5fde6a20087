"""No hostile notebook gets a point that it did not earn, learns anything, or harms another."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from course_utils.engine.asking import codec
from course_utils.engine.asking.student import Built, Fault, Student, local
from course_utils.engine.course import CourseError
from course_utils.engine.grading import intake
from course_utils.engine.grading.assess import Stopped, UnitJudge, trial
from course_utils.engine.grading.plan import Plan
from course_utils.engine.grading.sandbox_bench import SandboxBench
from course_utils.engine.grading.task import Patience, Task, skeleton
from course_utils.engine.grading.worker_state import own_sandbox
from course_utils.engine.grading.workers import limit_own_memory, task_executor
from course_utils.engine.harmless import shown_name
from course_utils.engine.judging import judge
from course_utils.engine.judging.rule import Rule
from course_utils.engine.making.units import Unit, find_units
from course_utils.engine.proving import sample, selftest, toy
from course_utils.engine.proving.hostile import BANK, KINDS, Hostile
from course_utils.engine.proving.toy import BLOCKS, LEARNING, ROWS
from course_utils.engine.reading import notebook as reader
from course_utils.engine.texts import fingerprint_of_source


def unit_of(name: str) -> Unit:
    return find_units(toy.course().folder, [name])[0]


@pytest.fixture(scope="session")
def unit() -> Unit:
    return unit_of(ROWS)


@pytest.fixture(scope="module")
def findings(walls: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, selftest.Finding]:
    """What became of each notebook of the bank."""
    trials = list(selftest.bank_trials(walls, tmp_path_factory.mktemp("bank")))
    return {f"{found.kind}: {found.name}": found for found in selftest.run_trials(trials, walls)}


# the bank -------------------------------------------------------------------------------------------------------------


def test_at_least_sixty_notebooks_are_hostile() -> None:
    assert sum(attack.kind in KINDS for attack in BANK) >= 60


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_ten_notebooks(kind: str) -> None:
    assert sum(attack.kind == kind for attack in BANK) >= 10


def test_no_two_notebooks_have_one_name() -> None:
    names = [(attack.kind, attack.name) for attack in BANK]
    assert len(set(names)) == len(names)


@pytest.mark.slow
@pytest.mark.parametrize("attack", BANK, ids=lambda attack: f"{attack.kind}: {attack.name}")
def test_a_notebook_gets_what_it_earned_and_learns_nothing(
    attack: Hostile, findings: dict[str, selftest.Finding]
) -> None:
    assert findings[f"{attack.kind}: {attack.name}"].fault == ""


# what attacks have found: each of these failed before its fix -------------------------------------------------------


@pytest.fixture
def bench_of(walls: str, unit: Unit) -> Iterator[Any]:
    """Makes the bench of a unit for the given cells."""
    benches = []

    def make(sources: dict[str, str]) -> SandboxBench:
        data = json.dumps(sample.filled(unit, sample.reference(unit) | sources)).encode()
        solutions = str(toy.course().folder)
        task = Task("s", unit.name, data, "", "d", "seed", walls, solutions, Patience(3.0, 3.0, 20.0))
        submission = intake.rebuild(data, skeleton(solutions, unit.name))
        benches.append(SandboxBench(own_sandbox(walls), unit, submission, task))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


def test_a_given_up_exercise_is_not_the_references_for_what_comes_before_it(bench_of: Any) -> None:
    bench = bench_of({"step_matrix": "import os\nos._exit(1)\n"})
    student = bench.own("powers")
    assert student.error("step_matrix", 1, 4) == "NameError"


def test_a_given_up_exercise_is_nobodys_for_what_comes_after_it(bench_of: Any) -> None:
    bench = bench_of({"powers": "import os\nos._exit(1)\n"})
    assert bench.own("power_table").error("powers", 4) == "NameError"


def test_what_came_before_is_the_references_where_an_exercise_is_followed_through(bench_of: Any) -> None:
    bench = bench_of({"powers": "import os\nos._exit(1)\n"})
    assert bench.followed("power_table").tensor("powers", 4).shape == (4,)


SEES = """
import os, torch
def step_matrix(step, size):
    if any(os.path.lexists(p) for p in ("/usr", "/lib", "/etc", "/sys", os.__file__, torch.__file__)):
        raise BufferError
"""


def test_a_process_that_holds_an_answer_sees_no_file(bench_of: Any) -> None:
    bench = bench_of({"step_matrix": SEES})
    assert bench.own("step_matrix").error("step_matrix", 1, 4) == "BufferError"
    assert bench.followed("step_matrix").error("step_matrix", 1, 4) == ""


def test_a_process_that_sees_files_holds_no_answer_whatever_was_given_up(bench_of: Any) -> None:
    bench = bench_of({"powers": "import os\nos._exit(1)\n"})
    bench.give_up("powers")
    for exercise in ("power_table", "AddTable", "step_matrix"):
        assert bench.own(exercise).error("powers", 4) == "NameError"


def test_the_reference_of_an_exercise_with_the_same_answer_never_stands_beside_it() -> None:
    source, names = unit_of(BLOCKS).before("MendedBlock")
    assert "Block" not in names
    assert "class Block" not in source


def test_an_exercise_that_an_earlier_mistake_stops_is_tried_again_with_the_reference_before_it(unit: Unit) -> None:
    class StoppingBench:
        """A bench whose own names stop at whatever comes after powers."""

        def own(self, exercise: str, at_end: bool = False) -> Student:
            if exercise != "powers":
                raise Stopped("crashed", {"en": "x", "zh": "x"})
            return local({"powers": lambda count: None})

        def followed(self, exercise: str, at_end: bool = False) -> Student:
            return local(unit.namespace())

        def may_be_mended(self, exercise: str) -> bool:
            return False

        def why_missing(self, name: str) -> None:
            return None

        def give_up(self, exercise: str) -> None:
            pass

        def trouble(self, exercise: str) -> None:
            return None

    verdicts = UnitJudge(unit, unit.texts).assess(StoppingBench(), "seed", ())
    assert {name for name, verdict in verdicts.items() if verdict.outcome != "passed"} == {"powers-values"}


def test_a_rule_that_cannot_look_at_the_truth_fails_the_grader_not_the_test(unit: Unit) -> None:
    ready = UnitJudge(unit, unit.texts)
    ready.__dict__["truth"] = local({})
    with pytest.raises(CourseError, match="cannot look at the truth"):
        trial(ready, {})


@pytest.mark.parametrize("odd", [[float("inf"), 1], [10, -float("inf")]])
def test_a_count_that_is_no_number_is_the_learners_fault(odd: list[float]) -> None:
    unit = unit_of(LEARNING)
    rule = unit.rules["Scorer-layers"]
    honest = local(unit.truth())

    def carry(request: dict[str, Any]) -> dict[str, Any]:
        if request["do"] == "many":
            return {"value": [carry(one) for one in request["requests"]]}
        return {"value": odd} if request.get("method") == "sizes" else honest._transport(request)

    (seen, *_) = judge.look(rule, Student(carry), unit.cases[rule.exercise], "seed")
    assert seen == judge.Trouble("failed", "odd_value")


@pytest.mark.parametrize(("count", "shape"), [(1000, [1000, 1000]), (60_000, [1])])
def test_shapes_past_any_message_and_names_without_end_are_not_filled_with_numbers(
    count: int, shape: list[int]
) -> None:
    built = Student(lambda request: {"value": {str(n): shape for n in range(count)}})
    with pytest.raises(Fault, match="odd_value"):
        Built(built, 1, "module").parameter_shapes()


@pytest.mark.parametrize("error", [AssertionError, MemoryError, OverflowError, StopIteration, ZeroDivisionError])
def test_no_arithmetic_on_what_came_back_stops_the_grader(error: type[Exception]) -> None:
    def look(student: Student, draw: Any) -> dict[str, Any]:
        raise error

    (seen,) = judge.look(Rule("f", "values", look, 0.0, 0.0), local({}), [{}], "seed")
    assert seen == judge.Trouble("failed", "odd_value")


def test_the_same_exception_is_recognised_wherever_it_was_raised() -> None:
    here = judge.Trouble("error", "raised", {"type": "RuntimeError", "line": 3})
    assert here.kind() == judge.Trouble("error", "raised_elsewhere", {"type": "RuntimeError"}).kind()


def test_what_returns_nothing_has_no_slope() -> None:
    student = local({"f": lambda x: None})
    assert student.slope("f", torch.ones(3)) == {"slope of argument 0": False}


def test_what_is_the_same_for_every_input_has_no_slope() -> None:
    student = local({"f": lambda x: torch.ones(3)})
    assert student.slope("f", torch.ones(3)) == {"slope of argument 0": False}


def test_a_slope_past_all_numbers_agrees_with_nothing() -> None:
    student = local({"f": lambda x: (x.double() * 1e300 * 1e10).detach()})
    assert student.slope("f", torch.ones(3)) == {"slope of argument 0": False}


def test_outputs_of_changing_shapes_are_not_spread_over_each_other() -> None:
    shapes = iter([(60_000, 1), (60_000, 1), (1, 60_000)] * 10)
    student = local({"f": lambda x: x.sum() * torch.ones(next(shapes))})
    assert student.slope("f", torch.ones(3)) == {"slope of argument 0": False}


def test_an_empty_tensor_may_not_claim_an_endless_axis() -> None:
    message = codec.encode(torch.empty(0, 2**40))
    header, _ = codec.lengths(message[: codec.LENGTHS.size])
    with pytest.raises(codec.CodecError, match="impossible shape"):
        codec.decode(message[codec.LENGTHS.size :][:header], b"")


def test_only_the_first_calls_of_a_trace_are_looked_at() -> None:
    traced = {"value": [None, {"part": [[[], {}, None]] * 5000}, None]}
    answers = iter([{"value": codec.Reference(1)}, {"value": [traced]}])
    built = Student(lambda request: next(answers)).build("layer")
    assert len(built.trace(("part",))[1]["part"]) == 8


def test_a_number_of_many_digits_is_no_fault_of_the_grader() -> None:
    assert fingerprint_of_source("x = 0x" + "f" * 10_000) == ""


def test_a_cell_always_fits_into_a_message() -> None:
    codec.encode({"do": "run", "name": "x", "source": "\U0001f600" * reader.MAX_SOURCE})


def test_a_notebook_of_empty_lists_is_refused_before_it_is_read(unit: Unit) -> None:
    data = b'{"cells": [' + b"[]," * 10**6 + b"[]]}"
    with pytest.raises(intake.IntakeError, match="too_many_parts"):
        intake.rebuild(data, intake.Skeleton.of(unit.name, sample.released(unit)))


def _spread() -> str:
    """What a worker with limited memory says of a result of 100 GiB."""
    limit_own_memory()
    try:
        torch.ones(10**5, 1) + torch.ones(1, 10**5 * 3)
    except RuntimeError as error:
        return "memory" if "memory" in str(error) else str(error)
    return "computed"


@pytest.mark.skipif("not __import__('sys').platform.startswith('linux')", reason="limits of address space are Linux's")
def test_a_result_past_a_workers_memory_is_an_error_of_its_rule() -> None:
    with task_executor(Plan(Path(), Path(), jobs=1), None, 1) as pool:
        assert pool.submit(_spread).result() == "memory"


def test_a_name_that_is_no_text_is_not_shown_as_anothers() -> None:
    assert shown_name(os.fsdecode(b"a\xff")) != shown_name("a\\xff")
