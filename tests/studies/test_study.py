"""The frame of studies: what is kept, what is written, and how one is asked for."""

import json
import os
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from typer.testing import CliRunner

from course_utils.studies import (
    Findings,
    Study,
    StudyStopped,
    find_study,
    list_studies,
    our_result,
    register,
    run,
    study,
)
from course_utils.terminal import app


def findings(head: dict) -> Findings:
    figure, _ = plt.subplots()
    return Findings(head, pd.DataFrame({"seed": [0, 1], "accuracy": [0.5, 0.75]}), figure)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch):
    """A registry of its own, without the course's studies."""
    monkeypatch.setattr(study, "_studies", {})
    monkeypatch.setattr(study, "MODULES", ())


def test_every_study_says_what_it_asks():
    assert list_studies()
    for found in list_studies():
        assert found.about.endswith("?"), found.name
        assert (Path(__file__).parents[2] / "solutions" / found.unit).is_dir(), found.unit


def test_a_study_writes_json_csv_and_png(registered, tmp_path: Path):
    register("trial", unit="04_text_classifier")(lambda asked: findings(asked.head(None) | {"mean": 0.625}))
    run("trial", Study(seeds=2, out=tmp_path, place="embedded", progress=False))
    head = json.loads((tmp_path / "trial.json").read_text())
    assert head["seeds"] == [0, 1]
    assert head["mean"] == 0.625
    assert head["command"] == "course experiment trial --place embedded --seeds 2 --quick"
    assert {"machine", "versions", "date"} <= head.keys()
    assert (tmp_path / "trial.csv").read_text() == "seed,accuracy\n0,0.5\n1,0.75\n"
    assert (tmp_path / "trial.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_names_no_folder_of_this_machine(tmp_path: Path):
    assert str(tmp_path) not in replace(Study(), name="trial", out=tmp_path, data_folder=tmp_path).command


def test_a_finished_piece_is_not_made_again(tmp_path: Path):
    made = []
    asked = Study(out=tmp_path, name="trial", progress=False)

    def make(checkpoint: Path | None) -> dict:
        made.append(checkpoint)
        return {"accuracy": 0.1 + 0.2, "curve": (1, 2)}

    first, second = asked.piece("seed 0", make, width=8), asked.piece("seed 0", make, width=8)
    assert len(made) == 1
    assert first == second == {"accuracy": 0.1 + 0.2, "curve": [1, 2]}


@pytest.mark.parametrize("change", [dict(quick=False), dict(place="embedded"), dict(name="other")])
def test_a_piece_of_other_settings_is_not_taken(tmp_path: Path, change: dict):
    asked = Study(out=tmp_path, name="trial", progress=False)
    asked.piece("seed 0", lambda _: {"accuracy": 0.5}, width=8)
    assert replace(asked, **change).piece("seed 0", lambda _: {"accuracy": 0.75}, width=8) == {"accuracy": 0.75}
    assert asked.piece("seed 0", lambda _: {"accuracy": 0.25}, width=9) == {"accuracy": 0.25}
    assert asked.piece("seed 1", lambda _: {"accuracy": 0.125}, width=8) == {"accuracy": 0.125}


def test_the_checkpoint_of_a_finished_piece_is_removed(tmp_path: Path):
    def make(checkpoint: Path) -> dict:
        checkpoint.write_bytes(b"state")
        return {}

    asked = Study(out=tmp_path, name="trial", progress=False)
    asked.piece("seed 0", make)
    assert [path.suffix for path in (tmp_path / ".trial").iterdir()] == [".json"]


def test_a_study_that_was_stopped_goes_on_with_the_missing_piece(registered, tmp_path: Path):
    made: list[int] = []

    def trial(asked: Study) -> Findings:
        for seed in asked.seed_numbers:

            def one(_: Path | None, seed: int = seed) -> dict:
                if seed == 1 and made == [0]:
                    made.append(-1)
                    raise KeyboardInterrupt
                made.append(seed)
                return {}

            asked.piece(f"seed {seed}", one)
        return findings({})

    register("trial", unit="04_text_classifier")(trial)
    asked = Study(out=tmp_path, progress=False)
    with pytest.raises(StudyStopped, match="what is finished is kept, the same command goes on"):
        run("trial", asked)
    assert not (tmp_path / "trial.json").exists()
    run("trial", asked)
    assert made == [0, -1, 1, 2]


def test_without_a_folder_nothing_is_kept(registered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    register("trial", unit="04_text_classifier")(
        lambda asked: findings(asked.piece("seed 0", lambda path: {"path": path}))
    )
    assert run("trial", Study(progress=False)).head == {"path": None}
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_is_not_finite_becomes_null(tmp_path: Path):
    findings({"values": [float("nan"), 1.5]}).write(tmp_path, "trial")
    assert json.loads((tmp_path / "trial.json").read_text()) == {"values": [None, 1.5]}


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "trial.json"
    study.write_whole(path, "old", synced=True)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        study.write_whole(path, "new", synced=True)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_only_the_first_of_several_processes_writes(registered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RANK", "1")
    register("trial", unit="04_text_classifier")(lambda asked: findings({}))
    run("trial", Study(out=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_two_studies_of_one_name_are_refused(registered):
    def other(asked: Study) -> Findings:
        return findings({})

    register("trial", unit="04_text_classifier")(lambda asked: findings({}))
    other.__module__ = "elsewhere"
    with pytest.raises(ValueError, match="two studies named trial"):
        register("trial", unit="04_text_classifier")(other)


def test_no_seed_is_refused():
    with pytest.raises(ValueError, match="seeds must be at least 1, got 0"):
        Study(seeds=0)


def test_an_unknown_study_is_wrong_usage_and_names_those_that_are_there():
    result = CliRunner().invoke(app, ["experiment", "ablatoin"])
    assert result.exit_code == 2
    assert "no study named ablatoin" in " ".join(result.output.replace("│", " ").split())
    with pytest.raises(ValueError, match=r"There are: .*learning_curves"):
        find_study("ablatoin")


def test_without_a_name_the_studies_are_listed():
    result = CliRunner().invoke(app, ["experiment"])
    assert result.exit_code == 0
    assert "learning_curves" in result.output


def test_a_corpus_that_is_not_there_is_one_sentence(tmp_path: Path):
    result = CliRunner().invoke(
        app, ["experiment", "learning_curves", "--place", "local", "--data", str(tmp_path), "--out", str(tmp_path)]
    )
    assert result.exit_code == 1
    assert result.output.startswith("course: ")
    assert "Traceback" not in result.output


def test_our_result_is_found_in_a_folder_above_and_nowhere_else(tmp_path: Path, monkeypatch):
    lesson = tmp_path / "notebooks" / "05"
    lesson.mkdir(parents=True)
    monkeypatch.chdir(lesson)
    assert our_result("a_study_that_nobody_ran") is None
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a_study_that_nobody_ran.json").write_text('{"mean": 0.5}')
    assert our_result("a_study_that_nobody_ran") == {"mean": 0.5}
