"""From a platform's download to marks, by the commands alone: every layout, and all of them into one class."""

import csv
import json

import pytest

from ...desk import FIRST, notebook, zipped
from .test_gather import LAYOUTS, names_in

WHO = ("mueller", "wang", "oneil")


def collect(desk, source):
    return desk.run("collect", source, "--into", desk.submitted)


def without_line(desk, source):
    """The files of a download that the table of the class has no line on."""
    lines = [row["source"] for row in desk.table()]
    # a zip file inside is a folder in the path
    return [name for name in names_in(source) if not any(name.removesuffix(".zip") in line for line in lines)]


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_download_is_collected_and_graded_and_each_of_its_files_has_a_line(desk, layout):
    source = LAYOUTS[layout](desk.downloads)
    collect(desk, source)
    desk.grade()
    assert {who: row["points"] for (who, _), row in desk.scores().items()} == dict.fromkeys(WHO, "13")
    assert without_line(desk, source) == []
    with (desk.results / "intake.csv").open(encoding="utf-8", newline="") as file:
        assert desk.handed_in() - {row["source"] for row in csv.DictReader(file)} == set()


@pytest.mark.slow
def test_all_platforms_come_into_one_class_with_every_attempt_and_every_line(desk):
    desk.write_class(f'[late]\nrule = "per_day"\n[units.{FIRST}]\ndue = 2026-10-05T18:00:00\n')
    sources = []
    for number, make in enumerate(LAYOUTS.values()):
        (desk.downloads / str(number)).mkdir()
        sources.append(make(desk.downloads / str(number)))
    for source in sources:
        collect(desk, source)
    assert {str(source): missing for source in sources if (missing := without_line(desk, source))} == {}
    ledger = json.loads((desk.submitted / ".attempts" / "ledger.json").read_bytes())["attempts"]
    assert {attempt["student"] for attempt in ledger} == set(WHO)
    assert all((desk.submitted / ".attempts" / attempt["path"]).is_file() for attempt in ledger)
    desk.grade()
    assert {(who, row["outcome"]) for (who, _), row in desk.scores().items()} == {(who, "graded") for who in WHO}


# of each platform what students do there

WORSE = "def div_term(d_model):\n    return None"


UNPLEASANT = {
    "Moodle: two attempts, a quote and an umlaut in the names": (
        {
            'Anna-Lena "Anni" Müller_501_assignsubmission_file_/Übung "1" (final).ipynb': notebook(remark="zweite"),
            "王小明_502_assignsubmission_file_/作业一.ipynb": notebook(remark="wang"),
        },
        {
            'Anna-Lena "Anni" Müller_501_assignsubmission_file_/x.ipynb': notebook(remark="erste", div_term=WORSE),
        },
        {"wang": "13"},
    ),
    "Canvas: a second attempt, late": (
        {
            "müllerannalena_LATE_101_9005_work-1.ipynb": notebook(remark="second"),
            "王小明_102_9002_作业.ipynb": notebook(remark="wang"),
        },
        {"müllerannalena_101_9001_work.ipynb": notebook(remark="first", div_term=WORSE)},
        {"mueller": "13", "wang": "13"},
    ),
    "nbgrader: several timestamps of one person": (
        {
            f"al.mueller+{FIRST}+2026-10-05 10:00:00.000001 UTC+b/{FIRST}.ipynb": notebook(remark="second"),
            f"wxm+{FIRST}+2026-10-05 18:00:00 CET+c/{FIRST}.ipynb": notebook(remark="wang"),
        },
        {f"al.mueller+{FIRST}+2026-10-04 10:00:00.5 UTC+a/{FIRST}.ipynb": notebook(remark="first", div_term=WORSE)},
        {"mueller": "13", "wang": "13"},
    ),
    "Blackboard: two attempts": (
        {
            f"{FIRST}_al.mueller_attempt_2026-10-05-10-00-00_Über.ipynb": notebook(remark="second"),
            f"{FIRST}_wxm_attempt_2026-10-05-10-00-00_作业.ipynb": notebook(remark="wang"),
        },
        {f"{FIRST}_al.mueller_attempt_2026-10-04-10-00-00_x.ipynb": notebook(remark="first", div_term=WORSE)},
        {"mueller": "13", "wang": "13"},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("one_download", [True, False], ids=["in one download", "in two, the older one last"])
@pytest.mark.parametrize("platform", UNPLEASANT)
def test_the_last_of_several_attempts_is_graded_and_the_other_kept(desk, platform, one_download):
    newer, older, points = UNPLEASANT[platform]
    if one_download:
        sources = [zipped(desk.downloads / "all.zip", older | newer)]
    else:
        sources = [
            zipped(desk.downloads / "newer.zip", newer, "2026-10-05 20:00:00"),
            zipped(desk.downloads / "older.zip", older, "2026-10-04 20:00:00"),
        ]
    for source in sources:
        collect(desk, source)
        assert without_line(desk, source) == []
    desk.grade()
    scores = {who: row["points"] for (who, _), row in desk.scores().items() if row["outcome"] == "graded"}
    assert {who: scores.get(who) for who in points} == points
    kept = json.loads((desk.submitted / ".attempts" / "ledger.json").read_bytes())["attempts"]
    assert len(kept) == len(newer) + len(older)
