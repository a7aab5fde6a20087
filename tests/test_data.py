import gzip
import io
import json
import lzma
import os
import resource
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils import cache, data, layouts
from course_utils.data import Batches, Corpus, DataError, Split, hold_out, learn_tokenizer, tokenize

TEXTS = ["The film isn't dull.<br /><br />It is fine!", "Fine film", "A dull, dull film of two hours", "It is"] * 5


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own, no data folder, and a hub that is switched off."""
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_DATASETS_CACHE", raising=False)
    cache._reported.clear()


def review_files(count: int = 3) -> dict[str, bytes]:
    """Reviews in the layout of the IMDB archive, our own sentences."""
    return {
        f"aclImdb/{part}/{side}/{number}_{rating}.txt": f"A {side} review, {part} {number}: \u00e9t\u00e9.".encode()
        for part in ("train", "test")
        for side, rating in (("neg", 2), ("pos", 9))
        for number in range(count)
    }


def write_archive(path: Path, files: dict[str, bytes], extra: list[tarfile.TarInfo] = ()) -> Path:  # type: ignore[assignment]
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for member in extra:
            archive.addfile(member, io.BytesIO(b"x" * member.size) if member.isreg() else None)
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    packed = gzip.compress(content.getvalue()) if path.name.endswith("gz") else lzma.compress(content.getvalue())
    path.write_bytes(packed)
    return path


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    return folder


def news_rows(per_class: int) -> str:
    rows = [
        f'"{label}","Title {number} of {label}","Words ""quoted"" number {number}"'
        for number in range(per_class)
        for label in (1, 2, 3, 4)
    ]
    return "\n".join(rows) + "\n"


def write_news(folder: Path, **parts: str) -> Path:
    (folder / "ag_news_csv").mkdir(parents=True)
    for part, rows in parts.items():
        (folder / "ag_news_csv" / f"{part}.csv").write_text(rows, encoding="utf-8")
    return folder


def cached_files() -> list[Path]:
    return sorted(cache.cache_folder().glob("*")) if cache.cache_folder().exists() else []


# --- layouts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["folder", "inside", "aclImdb_v1.tar.gz", "aclImdb_labelled.tar.xz"])
def test_each_published_layout_of_imdb_gives_the_same_reviews(tmp_path: Path, layout: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    if layout in ("folder", "inside"):
        write_folder(folder, review_files())
        folder = folder / "aclImdb" if layout == "inside" else folder
    else:
        write_archive(folder / layout, review_files())
    corpus = data.load_reviews("local", folder)
    assert corpus.classes == ("negative", "positive")
    assert list(corpus.train.labels) == [0, 0, 0, 1, 1, 1]
    assert corpus.test.texts[0] == "A neg review, test 0: \u00e9t\u00e9."
    assert len(corpus.train) == len(corpus.test) == 6


def test_an_archive_that_is_read_again_comes_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archive(tmp_path / "aclImdb.tar.gz", review_files())
    first = data.load_reviews("local", tmp_path)
    monkeypatch.setattr(layouts, "read_imdb", lambda path: pytest.fail("read a second time"))
    assert data.load_reviews("local", tmp_path) == first


def test_a_changed_archive_is_read_anew(tmp_path: Path) -> None:
    write_archive(tmp_path / "aclImdb.tar.gz", review_files(3))
    data.load_reviews("local", tmp_path)
    write_archive(tmp_path / "aclImdb.tar.gz", review_files(4))
    assert len(data.load_reviews("local", tmp_path).train) == 8


def test_the_line_says_what_was_taken_and_that_it_is_not_the_whole_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_archive(tmp_path / "aclImdb.tar.gz", review_files())
    corpus = data.load_reviews("local", tmp_path)
    assert capsys.readouterr().out == corpus.source + "\n"
    assert corpus.source.startswith("IMDB: 6 reviews to train on, 6 to test on, from ")
    assert corpus.source.endswith("/aclImdb.tar.gz, not the whole published set")


def test_the_folder_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path, review_files())
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    assert data.load_reviews().name == "IMDB"


def hostile_members() -> list[tarfile.TarInfo]:
    up = tarfile.TarInfo("../../aclImdb/train/pos/9_9.txt")
    up.size = 5
    rooted = tarfile.TarInfo("/aclImdb/train/pos/8_9.txt")
    rooted.size = 5
    links = [tarfile.TarInfo("aclImdb/train/pos/7_9.txt"), tarfile.TarInfo("aclImdb/train/pos/6_9.txt")]
    links[0].type, links[0].linkname = tarfile.SYMTYPE, "/etc/passwd"
    links[1].type, links[1].linkname = tarfile.LNKTYPE, "../../../etc/passwd"
    device = tarfile.TarInfo("aclImdb/train/pos/5_9.txt")
    device.type = tarfile.CHRTYPE
    return [up, rooted, *links, device]


def test_links_devices_and_names_that_point_elsewhere_are_left_out(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir()
    write_archive(place / "aclImdb.tar.gz", review_files(), hostile_members())
    assert len(data.load_reviews("local", place).train) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "data"]
    assert [path.name for path in place.iterdir()] == ["aclImdb.tar.gz"]


@pytest.mark.parametrize(
    ("cap", "value", "sentence"),
    [
        ("MAX_REVIEW_BYTES", 10, "is larger than any review"),
        ("MAX_STREAM_BYTES", 4096, "unpacks to more than"),
        ("MAX_MEMBERS", 5, "holds more than 5 files"),
        ("MAX_HEADER_BYTES", 300, "describes a file in"),
    ],
)
def test_sizes_in_an_archive_are_capped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cap: str, value: int, sentence: str
) -> None:
    long_name = tarfile.TarInfo("aclImdb/" + "n" * 400)
    write_archive(tmp_path / "aclImdb.tar.xz", review_files(), [long_name])
    monkeypatch.setattr(layouts, cap, value)
    with pytest.raises(DataError, match=sentence):
        data.load_reviews("auto", tmp_path)
    assert cached_files() == []


@pytest.mark.parametrize("ending", ["tar.gz", "tar.xz"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_half_downloaded_archive_is_one_sentence_and_never_cached(tmp_path: Path, ending: str, share: float) -> None:
    path = write_archive(tmp_path / f"aclImdb.{ending}", review_files(40))
    whole = path.read_bytes()
    path.write_bytes(whole[: min(int(len(whole) * share), len(whole) - 4)])
    with pytest.raises(DataError, match=r"aclImdb\.tar\... is damaged or was not downloaded to its end .*again\.$"):
        data.load_reviews("auto", tmp_path)
    assert cached_files() == []


@pytest.mark.parametrize("ending", ["tar.gz", "tar.xz"])
def test_a_flipped_byte_in_an_archive_is_found(tmp_path: Path, ending: str) -> None:
    path = write_archive(tmp_path / f"aclImdb.{ending}", review_files(40))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="download it again"):
        data.load_reviews("auto", tmp_path)
    assert cached_files() == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"aclImdb/train/pos/0_9.txt": b" \n"}, r"train/pos/0_9\.txt is empty"),
        ({"aclImdb/train/pos/0_9.txt": b"\xff\xfe"}, r"is not UTF-8 text"),
        ({"aclImdb/train/pos/0_9.txt": b"\0\0\0"}, r"holds no text"),
        ({"aclImdb/train/pos/9_2.txt": b"odd"}, r"has the rating 2, but reviews in pos are rated 7 to 10"),
        ({"aclImdb/test/neg/9_0.txt": b"odd"}, r"has the rating 0, but reviews in neg are rated 1 to 4"),
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_a_bad_review_is_named(tmp_path: Path, change: dict[str, bytes], sentence: str, packed: bool) -> None:
    files = review_files() | change
    if packed:
        write_archive(tmp_path / "aclImdb.tar.gz", files)
    else:
        write_folder(tmp_path, files)
    with pytest.raises(DataError, match=sentence):
        data.load_reviews("auto", tmp_path)
    assert cached_files() == []


def test_a_missing_side_is_named(tmp_path: Path) -> None:
    files = {name: text for name, text in review_files().items() if "test/pos" not in name}
    write_archive(tmp_path / "aclImdb.tar.gz", files)
    with pytest.raises(DataError, match=r"holds no review in aclImdb/test/pos"):
        data.load_reviews("auto", tmp_path)


@pytest.mark.parametrize(
    ("place", "make", "sentence"),
    [
        ("auto", None, r"The data folder .* is not there"),
        ("auto", "", r"holds no corpus of this course; looked for aclImdb"),
        ("local", "", r"holds no IMDB; looked for aclImdb"),
        ("auto", "aclImdb", r"holds neither train nor test"),
        ("auto", "pos neg", r"is one half of IMDB; name the folder that holds aclImdb"),
        ("auto", "aclImdb/train/pos aclImdb/test/pos", r"train/neg is missing"),
    ],
)
def test_a_wrong_folder_is_one_sentence(tmp_path: Path, place: str, make: str | None, sentence: str) -> None:
    folder = tmp_path / "data"
    if make is not None:
        folder.mkdir()
        for name in make.split():
            (folder / name).mkdir(parents=True)
    with pytest.raises(DataError, match=sentence) as caught:
        data.load_reviews(place, folder)
    assert "\n" not in str(caught.value)


def test_local_without_a_folder_asks_for_one() -> None:
    with pytest.raises(DataError, match="set COURSE_DATA_DIR to the folder that holds AG News"):
        data.load_headlines("local")


def test_an_unknown_place_is_refused() -> None:
    with pytest.raises(DataError, match="place must be one of auto, local, hub, embedded, got 'cloud'"):
        data.load_reviews("cloud")


def test_a_folder_with_only_the_other_corpus_leads_on_and_says_so(tmp_path: Path) -> None:
    write_news(tmp_path, test=news_rows(10))
    corpus = data.load_reviews("auto", tmp_path)
    assert corpus.name == "embedded reviews"
    assert f"no IMDB in {tmp_path}" in corpus.source


# --- AG News ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (r"costs  #36;10 million", "costs $10 million"),
        (r"costs \$10 million", "costs $10 million"),
        ("they #39;ll come", "they'll come"),
        ("said  quot;no quot; twice", 'said "no" twice'),
        (r"first\nsecond\third", "first second third"),
        ("a &lt; b &amp; c", "a < b & c"),
        ("&lt;b&gt;...&lt;/b&gt;", "<b>...</b>"),
        ("AT amp;T", "AT&T"),
        ("a plot; a lot;", "a plot; a lot;"),
    ],
)
def test_the_conventions_of_ag_news_are_decoded(raw: str, text: str) -> None:
    assert layouts.decode_ag_news(raw) == text


def test_title_and_description_make_one_text_and_classes_start_at_zero(tmp_path: Path) -> None:
    write_news(tmp_path, train=news_rows(3), test=news_rows(2))
    corpus = data.load_headlines("local", tmp_path)
    assert corpus.train.texts[1] == 'Title 0 of 2 Words "quoted" number 0'
    assert list(corpus.train.labels[:4]) == [0, 1, 2, 3]
    assert (len(corpus.train), len(corpus.test)) == (12, 8)
    assert "not the public split" not in corpus.source


def test_without_train_csv_the_test_file_is_split_and_the_line_says_so(tmp_path: Path) -> None:
    write_news(tmp_path, test=news_rows(1_900))
    corpus = data.load_headlines("local", tmp_path)
    assert (len(corpus.train), len(corpus.test)) == (6_000, 1_600)
    assert np.bincount(corpus.test.labels).tolist() == [400] * 4
    assert not set(corpus.train.texts) & set(corpus.test.texts)
    assert corpus.source.endswith("ag_news_csv/test.csv alone: this is not the public split")


def test_that_split_is_the_same_for_every_seed(tmp_path: Path) -> None:
    write_news(tmp_path, test=news_rows(40))
    assert data.load_headlines("local", tmp_path, seed=1) == data.load_headlines("local", tmp_path, seed=2)


def test_a_header_line_is_left_out(tmp_path: Path) -> None:
    write_news(tmp_path, train="Class Index,Title,Description\n" + news_rows(3), test=news_rows(2))
    assert len(data.load_headlines("local", tmp_path).train) == 12


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ('"1","only a title"', r"test\.csv, row 41 has 2 columns for 3 \(class, title, description\)"),
        ('"5","a","b"', r"row 41 has the class '5', but classes go from 1 to 4"),
        ('"0","a","b"', r"row 41 has the class '0'"),
        ('"World","a","b"', r"row 41 has the class 'World'"),
        ('"1"," ",""', r"row 41 has an empty text"),
        ('"1","a","half a sen', r"is damaged after row 40"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, sentence: str) -> None:
    write_news(tmp_path, test=news_rows(10) + row)
    with pytest.raises(DataError, match=sentence) as caught:
        data.load_headlines("auto", tmp_path)
    assert "\n" not in str(caught.value)


def test_train_csv_without_test_csv_is_refused(tmp_path: Path) -> None:
    write_news(tmp_path, train=news_rows(10))
    with pytest.raises(DataError, match=r"holds train\.csv but no test\.csv"):
        data.load_headlines("auto", tmp_path)


def test_a_class_without_texts_is_refused(tmp_path: Path) -> None:
    rows = "\n".join(line for line in news_rows(10).splitlines() if not line.startswith('"3"'))
    write_news(tmp_path, test=rows)
    with pytest.raises(DataError, match="holds no text of class 3"):
        data.load_headlines("auto", tmp_path)


# --- corpora and splits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "labels", "sentence"),
    [
        (["a", "b"], [0], "2 texts but 1 labels"),
        ([], [], "there is no text"),
        (["a", "b"], [0, 2], "the label 2 is out of range, labels go from 0 to 1"),
        (["a", "b"], [0, -1], "the label -1 is out of range"),
        (["a", "  "], [0, 1], "text 1 is empty"),
    ],
)
def test_a_corpus_refuses_what_cannot_be_learnt_from(texts: list[str], labels: list[int], sentence: str) -> None:
    good = Split(["a", "b"], [0, 1])
    with pytest.raises(DataError, match=sentence):
        Corpus("own", "", ("no", "yes"), good, Split(texts, labels))


def test_hold_out_takes_a_share_of_each_class_and_loses_nothing() -> None:
    split = Split([f"text {number}" for number in range(100)], [0] * 80 + [1] * 20)
    rest, held = hold_out(split, 0.1, seed=3)
    assert np.bincount(held.labels).tolist() == [8, 2]
    assert sorted([*rest.texts, *held.texts]) == sorted(split.texts)
    assert hold_out(split, 0.1, seed=3) == (rest, held)
    assert hold_out(split, 0.1, seed=4) != (rest, held)


@pytest.mark.parametrize(("share", "sentence"), [(0.0, "between 0 and 1"), (0.01, "leaves one side empty")])
def test_hold_out_refuses_a_share_that_leaves_a_side_empty(share: float, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        hold_out(Split(["a", "b", "c", "d"], [0, 0, 1, 1]), share)


# --- the hub ------------------------------------------------------------------------------------------------------


class Table(dict[str, list[object]]):
    @property
    def column_names(self) -> list[str]:
        return list(self)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """A library `datasets` of our own: what was asked of it, and what it answers."""
    import types

    state: dict[str, object] = {"tables": [Table(text=["a", "b"], label=[0, 1])] * 2}

    def load_dataset(repository: str, **how: object) -> object:
        state["asked"] = (repository, how)
        if isinstance(state["tables"], Exception):
            raise state["tables"]
        return state["tables"]

    module = types.ModuleType("datasets")
    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(data, "_answers", lambda address: True)
    return state


def test_the_hub_is_asked_for_a_pinned_revision_and_then_cached(hub: dict[str, object]) -> None:
    first = data.load_reviews("hub")
    repository, how = hub["asked"]  # type: ignore[misc]
    assert repository == "stanfordnlp/imdb"
    assert len(how["revision"]) == 40
    assert "from the hub, stanfordnlp/imdb at revision e6281661" in first.source
    hub["tables"] = OSError("the network is gone")
    assert data.load_reviews("hub") == first


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (Table(text=["a", "b"]), "the column label is missing"),
        (Table(text=["a", "b"], label=[0, 7]), "the label 7 is out of range"),
        (Table(text=["a", ""], label=[0, 1]), "text 1 is empty"),
    ],
)
def test_what_the_hub_gives_is_checked_before_it_is_cached(hub: dict[str, object], table: Table, sentence: str) -> None:
    hub["tables"] = [table, table]
    with pytest.raises(DataError, match=sentence):
        data.load_reviews("hub")
    assert cached_files() == []


def test_a_hub_that_fails_half_way_leads_on(hub: dict[str, object]) -> None:
    hub["tables"] = ConnectionError("reset\nby peer")
    corpus = data.load_headlines("auto")
    assert corpus.name == "embedded headlines"
    assert corpus.source.endswith("the hub did not give fancyzhx/ag_news (reset by peer)")


def test_a_hub_asked_for_by_name_is_an_error_where_it_is_off() -> None:
    with pytest.raises(
        DataError, match="IMDB could not be had from the hub: the hub is switched off by HF_HUB_OFFLINE"
    ):
        data.load_reviews("hub")


def test_a_hub_that_does_not_answer_costs_seconds_not_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(data, "HUB_SECONDS", 0.5)
    monkeypatch.setattr(data, "_silent_since", {})
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts and says nothing
        monkeypatch.setattr(data, "hub_endpoint", lambda: f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        start = time.monotonic()
        corpus = data.load_reviews("auto")
    assert "was not reached" in corpus.source
    assert time.monotonic() - start < 10


def test_a_silent_hub_is_not_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(data, "_silent_since", {})
    monkeypatch.setattr(data, "_answers", lambda address: bool(asked.append(address)))
    for _ in range(2):
        data.load_reviews("auto")
    assert len(asked) == 1


def test_the_endpoint_of_a_mirror_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "huggingface_hub.constants", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    assert data.hub_endpoint() == "https://mirror.example"


# --- the cache ----------------------------------------------------------------------------------------------------


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
from course_utils import data
texts = ["one two three %d" % number for number in range(3000)]
tokenizer = data.learn_tokenizer(texts)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for _ in range(2):
    tokens = data.tokenize(texts, tokenizer, 9)
print(json.dumps([len(tokens), int(tokens.lengths[0])]))
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit on the size of files")
def test_a_disk_that_fills_while_caching_costs_one_line_and_leaves_nothing(course: Path) -> None:
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


def test_a_kill_while_writing_leaves_no_file_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.save_arrays("some", {"ids": np.arange(3)})
    assert cached_files() == []


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
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


# --- tokens -------------------------------------------------------------------------------------------------------


def test_special_tokens_come_first_and_frame_each_text() -> None:
    tokenizer = learn_tokenizer(TEXTS)
    assert [tokenizer.token_to_id(token) for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]")] == [0, 1, 2, 3]
    ids = tokenize(["fine unheard film"], tokenizer, 10)[0]
    assert ids.tolist() == [2, tokenizer.token_to_id("fine"), 1, tokenizer.token_to_id("film"), 3]


def test_words_are_lower_case_and_line_breaks_of_html_vanish() -> None:
    found = learn_tokenizer(TEXTS).encode("It ISN\u2019T dull.<br /><br/>Fine!").tokens
    assert found == ["[CLS]", "it", "isn't", "dull", ".", "fine", "!", "[SEP]"]


def test_equal_texts_give_equal_tokenizers() -> None:
    assert learn_tokenizer(TEXTS, 12).to_str() == learn_tokenizer(list(TEXTS), 12).to_str()


def test_a_vocabulary_is_no_larger_than_asked() -> None:
    assert learn_tokenizer(TEXTS, 7).get_vocab_size() == 7


def test_a_vocabulary_without_room_is_refused() -> None:
    with pytest.raises(DataError, match="vocab_size must leave room for words beside 4 special tokens, got 4"):
        learn_tokenizer(TEXTS, 4)


def test_tokens_equal_those_of_the_library_text_by_text() -> None:
    tokenizer = learn_tokenizer(TEXTS)
    tokens = tokenize(TEXTS, tokenizer, 100)
    assert [row.tolist() for row in (tokens[n] for n in range(len(tokens)))] == [tokenizer.encode(t).ids for t in TEXTS]
    assert tokens.lengths.tolist() == [len(tokenizer.encode(text).ids) for text in TEXTS]
    assert tokens.ids.dtype == np.int32
    assert tokens[-1].tolist() == tokens[len(TEXTS) - 1].tolist()
    with pytest.raises(IndexError, match="text 20 of 20"):
        tokens[20]


@pytest.mark.parametrize(("keep", "words"), [("start", "a b c d e f"), ("end", "e f g h i j"), ("both", "a f g h i j")])
def test_a_long_text_keeps_the_part_that_was_asked_for(keep: str, words: str) -> None:
    tokenizer = learn_tokenizer(["a b c d e f g h i j"])
    row = tokenize(["a b c d e f g h i j"], tokenizer, 8, keep)[0]
    assert tokenizer.decode(row.tolist()) == words
    assert (row[0], row[-1]) == (2, 3)


def test_tokens_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = learn_tokenizer(TEXTS)
    first = tokenize(TEXTS, tokenizer, 10)
    monkeypatch.setattr(data, "ENCODE_TEXTS", None)  # whoever encodes again, fails
    assert tokenize(TEXTS, tokenizer, 10).ids.tolist() == first.ids.tolist()


@pytest.mark.parametrize("change", ["texts", "tokenizer", "length", "keep"])
def test_other_inputs_are_another_entry_of_the_cache(change: str) -> None:
    tokenizer = learn_tokenizer(TEXTS)
    tokenize(TEXTS, tokenizer, 10)
    tokenize(
        [*TEXTS[:-1], "It was"] if change == "texts" else TEXTS,
        learn_tokenizer(TEXTS, 9) if change == "tokenizer" else tokenizer,
        9 if change == "length" else 10,
        "end" if change == "keep" else "start",
    )
    assert len(cached_files()) == 2


def test_the_callers_tokenizer_stays_as_it_is_and_its_padding_does_not_count() -> None:
    tokenizer = learn_tokenizer(TEXTS)
    plain = tokenize(TEXTS, tokenizer, 12)
    tokenizer.enable_padding(length=50)
    tokenizer.enable_truncation(3)
    before = tokenizer.to_str()
    assert tokenize(TEXTS, tokenizer, 12).ids.tolist() == plain.ids.tolist()
    assert tokenizer.to_str() == before
    assert len(cached_files()) == 1


def test_a_fast_tokenizer_of_transformers_gives_the_same_tokens() -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = learn_tokenizer(TEXTS)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")
    assert tokenize(TEXTS, fast, 6).ids.tolist() == tokenize(TEXTS, tokenizer, 6).ids.tolist()


@pytest.mark.parametrize(
    ("texts", "max_length", "keep", "sentence"),
    [
        (["fine", ""], 9, "start", "Text 1 is empty"),
        (["fine", None], 9, "start", "Text 1 is not a string"),
        (["fine"], 2, "start", "max_length must be more than the 2 special tokens, got 2"),
        (["fine"], 9, "middle", "keep must be one of start, end, both, got 'middle'"),
    ],
)
def test_what_cannot_be_tokenized_is_refused(texts: list[str], max_length: int, keep: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        tokenize(texts, learn_tokenizer(TEXTS), max_length, keep)
    assert cached_files() == []


def test_something_that_is_no_tokenizer_is_refused() -> None:
    with pytest.raises(DataError, match=r"tokenizer must be of the library tokenizers or a fast one.*got str"):
        tokenize(["a"], "bert", 5)


# --- batches ------------------------------------------------------------------------------------------------------


def some_tokens(count: int = 103) -> data.Tokens:
    lengths = np.random.default_rng(5).integers(1, 40, count)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return data.Tokens(np.arange(1, offsets[-1] + 1, dtype=np.int32), offsets.astype(np.int64))


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("group", [True, False])
def test_each_text_comes_once_as_it_is_padded_to_the_longest_of_its_batch(shuffle: bool, group: bool) -> None:
    tokens, labels = some_tokens(), np.arange(103) % 4
    batches = Batches(tokens, labels, 8, shuffle=shuffle, group_by_length=group, pad_id=-7)
    order = iter(batches.order.tolist())
    seen: list[int] = []
    count = 0
    for batch in batches:
        count += 1
        assert {name: tensor.dtype for name, tensor in batch.items()} == dict.fromkeys(batch, torch.int64)
        assert batch["input_ids"].shape == batch["attention_mask"].shape
        assert batch["attention_mask"].sum(1).max() == batch["input_ids"].shape[1]
        for ids, mask, label in zip(batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True):
            number = next(order)
            seen.append(number)
            length = len(tokens[number])
            assert ids[:length].tolist() == tokens[number].tolist()
            assert ids[length:].tolist() == [-7] * (len(ids) - length)
            assert mask.tolist() == [1] * length + [0] * (len(ids) - length)
            assert label == labels[number]
    assert sorted(seen) == list(range(103))
    assert count == len(batches) == 13


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        batches = Batches(some_tokens(), [0] * 103, 8, shuffle=True, seed=seed)
        batches.set_epoch(epoch)
        return batches.order.tolist()

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)
    assert order(1, 2) != order(2, 1)


def test_a_walk_that_is_broken_off_leaves_no_trace() -> None:
    batches = Batches(some_tokens(), [0] * 103, 8, shuffle=True)
    first = next(iter(batches))["input_ids"]
    assert torch.equal(next(iter(batches))["input_ids"], first)


def test_grouping_by_length_saves_most_of_the_padding() -> None:
    def padding(group: bool) -> float:
        batches = Batches(some_tokens(800), [0] * 800, 16, shuffle=True, group_by_length=group)
        masks = [batch["attention_mask"] for batch in batches]
        return 1 - sum(int(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)

    assert padding(True) < padding(False) / 5


def test_without_shuffling_and_grouping_texts_come_as_they_stand() -> None:
    assert Batches(some_tokens(), [0] * 103, group_by_length=False).order.tolist() == list(range(103))


def test_the_longest_texts_come_first_where_nothing_is_shuffled() -> None:
    tokens = some_tokens()
    lengths = tokens.lengths[Batches(tokens, [0] * 103).order]
    assert (np.diff(lengths) <= 0).all()


def test_no_text_gives_no_batch() -> None:
    empty = Batches(data.Tokens(np.zeros(0, np.int32), np.zeros(1, np.int64)), [])
    assert (len(empty), list(empty), empty.order.tolist()) == (0, [], [])


@pytest.mark.parametrize(
    ("labels", "size", "sentence"),
    [
        ([0] * 102, 8, "103 texts but 102 labels"),
        ([0] * 103, 0, "batch_size must be at least 1"),
        ([0] * 102 + [-1], 8, "label -1 is out of range"),
    ],
)
def test_batches_refuse_what_does_not_fit(labels: list[int], size: int, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Batches(some_tokens(), labels, size)


def test_importing_the_module_imports_no_heavy_library(course: Path) -> None:
    heavy = "{'torch', 'tokenizers', 'datasets', 'transformers', 'sklearn', 'pandas'}"
    code = f"import sys; from course_utils import data, grammar; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=course, check=True)
    assert done.stdout.strip() == "set()"
