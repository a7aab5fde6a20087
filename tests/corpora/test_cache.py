"""The cache on disk: whole files or none, and never in the way."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from course_utils.corpora import cache

Files = Callable[[], list[Path]]  # the fixture cached_files


def test_arrays_come_back_as_they_were_kept() -> None:
    arrays = {"ids": np.arange(5, dtype=np.int32), "empty": np.zeros(0, dtype=np.int64)}
    assert cache.save_arrays("some", arrays)
    kept = cache.load_arrays("some")
    assert kept is not None
    assert {name: (array.dtype, array.tolist()) for name, array in kept.items()} == {
        name: (array.dtype, array.tolist()) for name, array in arrays.items()
    }


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other"])
def test_a_damaged_file_in_the_cache_is_thrown_away(damage: str) -> None:
    cache.save_arrays("some", {"ids": np.arange(1000)})
    path = cache.cache_folder() / "some.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes({"cut": content[:-100], "flip": content, "empty": b"", "other": b"hello"}[damage])
    assert cache.load_arrays("some") is None
    assert not path.exists()


FULL_DISK = """
import json, resource, signal, sys
from course_utils.tokens import learn_tokenizer, tokenize
texts = ["one two three %d" % number for number in range(3000)]
tokenizer = learn_tokenizer(texts)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for _ in range(2):
    tokens = tokenize(texts, tokenizer, 9)
print(json.dumps([len(tokens), int(tokens.lengths[0])]))
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit on the size of files")
def test_a_disk_that_fills_while_caching_costs_one_line_and_leaves_nothing(course: Path, cached_files: Files) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK], capture_output=True, text=True, cwd=course, check=True)
    assert json.loads(done.stdout) == [3000, 6]
    assert done.stderr.count("\n") == 1
    assert "Nothing is cached in" in done.stderr
    assert cached_files() == []


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert not cache.save_arrays("one", {"ids": np.arange(3)})
    assert not cache.save_arrays("two", {"ids": np.arange(3)})
    assert capsys.readouterr().err.count("\n") == 1


def test_a_kill_while_writing_leaves_no_file_of_that_name(monkeypatch: pytest.MonkeyPatch, cached_files: Files) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.save_arrays("some", {"ids": np.arange(3)})
    assert cached_files() == []


def test_what_a_killed_process_left_is_cleared(tmp_path: Path, cached_files: Files) -> None:
    folder = cache.cache_folder()
    folder.mkdir()
    for name, age in ((".writing-old.npz", 2 * cache.STALE_SECONDS), (".writing-new.npz", 0)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    cache.save_arrays("some", {"ids": np.arange(3)})
    assert [path.name for path in cached_files()] == [".writing-new.npz", "some.npz"]


def test_keys_tell_parts_apart() -> None:
    assert len({cache.make_key("ab", "c"), cache.make_key("a", "bc"), cache.make_key("abc"), cache.make_key(1)}) == 4
    assert cache.make_key(1) != cache.make_key("1")
