"""A hostile notebook would get points, or learn something, if the wall that stops it were taken away.

A bank whose notebooks fail by themselves proves nothing. Of each kind some are run where their wall is missing: in the
process that judges, beside the reference, with files in sight, or without the judge's look at content.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from course_utils.engine.asking.workbench import Workbench
from course_utils.engine.grading import intake
from course_utils.engine.grading.assess import UnitJudge, trial
from course_utils.engine.judging import judge
from course_utils.engine.judging.rule import CONTENT
from course_utils.engine.making.units import Unit, find_units
from course_utils.engine.proving import toy
from course_utils.engine.proving.hostile import BANK, Hostile
from course_utils.engine.proving.toy import ROWS


def attack_of(name: str) -> Hostile:
    return next(attack for attack in BANK if attack.name == name)


def unit_of(name: str) -> Unit:
    return find_units(toy.course().folder, [name])[0]


def points(attack: Hostile) -> float:
    """What a notebook gets in what it attacks, where its code runs in the judge's own process."""
    unit = unit_of(attack.unit)
    verdicts = trial(UnitJudge(unit, unit.texts), attack.cells)
    attacked = [check for check, rule in unit.rules.items() if {check, rule.exercise} & set(attack.loses)]
    return sum(unit.points(check) for check in attacked if verdicts[check].outcome == "passed")


# own cells run where the judge is, and patch it; in a process of its own, since they patch torch too
IN_THE_JUDGE = """
import json, sys
sys.path.insert(0, sys.argv[2])
from test_sharpness import attack_of, points
from course_utils.engine.asking import student, workbench
from course_utils.engine.grading import assess

attack = attack_of(sys.argv[1])
names = {}
for source in attack.extra:
    exec(source, names)
print(json.dumps(points(attack)))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["patched comparisons", "patched judge", "a probe that claims", "careful in name only", "every parameter learns"],
)
def test_a_forger_would_get_points_in_the_judges_own_process(name: str) -> None:
    words = [sys.executable, "-c", IN_THE_JUDGE, name, str(Path(__file__).parent)]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1]) > 0


@pytest.mark.parametrize("name", ["the block under its first name", "the block out of a crash"])
def test_a_name_that_is_put_right_would_get_points_if_the_same_answer_stood_beside_it(name: str) -> None:
    attack = attack_of(name)
    cells = {
        "Block": "class Block:\n    pass\n",
        "MendedBlock": attack.cells["MendedBlock"],
    }  # wrong, and no crash here
    unit = unit_of(attack.unit)
    verdicts = trial(UnitJudge(unit, unit.texts), cells)  # a trial follows through with all that is the reference's
    assert {verdicts[check].outcome for check in unit.checks("MendedBlock")} == {"passed"}


def without_content(differs: Any) -> Any:
    """The judge's comparison, blind for the observation that an answer has content."""

    def blind(seen: Any, expected: Any, *more: Any, **others: Any) -> Any:
        wanted = [
            {name: value for name, value in case.items() if name != CONTENT} if isinstance(case, dict) else case
            for case in expected
        ]
        return differs(seen, wanted, *more, **others)

    return blind


@pytest.mark.parametrize(
    "name",
    ["a constant weight matrix", "a share without looking", "the rows as they came", "zeros for a mean",
     "scores of nothing"],
)  # fmt: skip
def test_a_guess_would_get_points_if_nobody_looked_for_content(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attack = attack_of(name)
    assert points(attack) == 0
    monkeypatch.setattr(judge, "differs", without_content(judge.differs))
    assert points(attack) > 0


def test_a_thief_would_find_an_answer_that_stands_in_its_memory() -> None:
    attack, unit = attack_of("all answers from memory"), unit_of(ROWS)
    bench = Workbench({})
    reference = {"do": "impose", "module": "before_powers", "source": unit.reference_source, "names": []}
    assert "error" not in bench.perform(reference)
    for number, source in enumerate([*attack.extra, attack.cells["powers"]]):
        assert "error" not in bench.perform({"do": "run", "name": f"own-{number}", "source": source})
    found = bench.perform({"do": "call", "name": "powers", "args": [5], "kwargs": {}})["value"]
    assert torch.allclose(found.float(), 0.8 ** torch.arange(5))


@pytest.mark.parametrize("name", ["the reference beside the notebook", "the instructor's modules"])
def test_a_thief_would_find_an_answer_that_lies_in_its_sight(name: str) -> None:
    names: dict[str, Any] = {}
    exec(attack_of(name).cells["powers"], names)
    assert torch.allclose(names["powers"](5).float(), 0.8 ** torch.arange(5))


def test_who_reads_what_the_self_check_has_recorded_would_get_points_if_that_lay_in_its_sight() -> None:
    assert points(attack_of("the recorded answers of the self-check")) > 0


PLAIN = """
import sys
names = {}
for source in sys.argv[1:]:
    exec(source, names)
    if "powers" in names:
        try:
            names.pop("powers")(3)
            print("nothing")
        except BufferError:
            print("found")
"""


def told(*sources: str) -> list[str]:
    """What cells say of what they found, one after the other in a process without walls."""
    run = subprocess.run([sys.executable, "-c", PLAIN, *sources], capture_output=True, text=True, check=False)
    return run.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="the walls and these calls are Linux's")
@pytest.mark.parametrize(
    "name",
    ["a core dump", "all watches of the user", "all queued signals of the user",
     "the page cache: locks files that all read", "the page cache: moves pages instead of bytes"],
)  # fmt: skip
def test_what_no_limit_counts_would_be_had_without_walls(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)  # some leave files of their own
    attack = attack_of(name)
    assert told(*attack.extra, attack.cells["powers"]) == ["found"]


def test_a_neighbour_would_be_found_in_a_process_that_two_share() -> None:
    first, second = (attack_of(f"names in shared modules, {turn}") for turn in ("first", "second"))
    cells = [source for attack in (first, second) for source in (*attack.extra, attack.cells["powers"])]
    assert told(*cells) == ["nothing", "found"]


def test_a_link_would_show_anothers_file_to_who_follows_it(tmp_path: Path) -> None:
    folder = tmp_path / "ann" / ROWS
    folder.mkdir(parents=True)
    attack = attack_of("a link to another's file")
    assert attack.place is not None
    attack.place(folder / f"{ROWS}.ipynb")
    assert b"root" in (folder / f"{ROWS}.ipynb").read_bytes()
    with pytest.raises(intake.IntakeError):
        intake.read_bytes(tmp_path, "ann", ROWS)
