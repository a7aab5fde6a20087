"""A full disk, a folder of somebody else, Ctrl-C, two at once: one sentence, and collecting again brings everything."""

import errno
import os

import pytest
from typer.testing import CliRunner

from course_utils.engine import files
from course_utils.engine.grading.collect import attempts
from course_utils.instructor.cli import app

from .test_gather import ALL, LAYOUTS


@pytest.fixture
def source(desk):
    return LAYOUTS["Moodle, zip"](desk.downloads)


def stopped(desk, source):
    """The sentence of a command that must end with 1."""
    result = CliRunner().invoke(app, ["collect", str(source), "--into", str(desk.submitted)])
    assert (result.exit_code, result.stderr.count("course: ")) == (1, 1), result.output + result.stderr
    return " ".join(result.stderr.split())


def failing(number, code):
    """The making of a file, which fails from the given time on."""
    make, made = files.tempfile.mkstemp, []

    def mkstemp(*words, **more):
        made.append(1)
        if len(made) >= number:
            raise OSError(code, os.strerror(code), str(more.get("dir", "")))
        return make(*words, **more)

    return mkstemp


@pytest.mark.parametrize("number", [1, 2, 4, 5, 6], ids=lambda number: f"at file {number}")
def test_a_full_disk_is_one_sentence_and_the_next_time_all_comes(desk, source, monkeypatch, number):
    with monkeypatch.context() as patch:
        patch.setattr(files.tempfile, "mkstemp", failing(number, errno.ENOSPC))
        assert "No space left on device; make room on that disk" in stopped(desk, source)
    assert list(desk.submitted.rglob(".part-*")) == []
    desk.run("collect", source, "--into", desk.submitted)
    assert desk.handed_in() == ALL


def test_a_folder_that_cannot_be_written_to_is_one_sentence(desk, source, monkeypatch):
    def closed(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(attempts.Path, "mkdir", closed)
    assert "cannot hold submissions (Read-only file system); make it one that can be written to" in stopped(
        desk, source
    )


def test_ctrl_c_is_one_sentence_and_the_next_time_all_comes(desk, source, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("course_utils.engine.grading.collect.gather._place", interrupt)
        assert "interrupted; run the same command again to go on" in stopped(desk, source)
    desk.run("collect", source, "--into", desk.submitted)
    assert desk.handed_in() == ALL


def test_of_two_commands_at_once_the_second_is_one_sentence(desk, source):
    with attempts.locked(desk.submitted):
        assert "another command collects into" in stopped(desk, source)
    assert desk.handed_in() == set()
