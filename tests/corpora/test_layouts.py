"""The public corpora in their published layouts, whole, damaged and hostile."""

import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from course_utils.corpora import DataError, layouts, load_headlines, load_reviews

Files = Callable[[], list[Path]]  # the fixture cached_files


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
    corpus = load_reviews("local", folder)
    assert corpus.classes == ("negative", "positive")
    assert list(corpus.train.labels) == [0, 0, 0, 1, 1, 1]
    assert corpus.test.texts[0] == "A neg review, test 0: \u00e9t\u00e9."
    assert len(corpus.train) == len(corpus.test) == 6


def test_an_archive_that_is_read_again_comes_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archive(tmp_path / "aclImdb.tar.gz", review_files())
    first = load_reviews("local", tmp_path)
    monkeypatch.setattr(layouts, "read_imdb", lambda path: pytest.fail("read a second time"))
    assert load_reviews("local", tmp_path) == first


def test_a_changed_archive_is_read_anew(tmp_path: Path) -> None:
    write_archive(tmp_path / "aclImdb.tar.gz", review_files(3))
    load_reviews("local", tmp_path)
    write_archive(tmp_path / "aclImdb.tar.gz", review_files(4))
    assert len(load_reviews("local", tmp_path).train) == 8


def test_the_line_says_what_was_taken_and_that_it_is_not_the_whole_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_archive(tmp_path / "aclImdb.tar.gz", review_files())
    corpus = load_reviews("local", tmp_path)
    assert capsys.readouterr().out == corpus.source + "\n"
    assert corpus.source.startswith("IMDB: 6 reviews to train on, 6 to test on, from ")
    assert corpus.source.endswith("/aclImdb.tar.gz, not the whole published set")


def test_the_folder_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path, review_files())
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    assert load_reviews().name == "IMDB"


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
    assert len(load_reviews("local", place).train) == 6
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cap: str, value: int, sentence: str, cached_files: Files
) -> None:
    long_name = tarfile.TarInfo("aclImdb/" + "n" * 400)
    write_archive(tmp_path / "aclImdb.tar.xz", review_files(), [long_name])
    monkeypatch.setattr(layouts, cap, value)
    with pytest.raises(DataError, match=sentence):
        load_reviews("auto", tmp_path)
    assert cached_files() == []


@pytest.mark.parametrize("ending", ["tar.gz", "tar.xz"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_half_downloaded_archive_is_one_sentence_and_never_cached(
    tmp_path: Path, ending: str, share: float, cached_files: Files
) -> None:
    path = write_archive(tmp_path / f"aclImdb.{ending}", review_files(40))
    whole = path.read_bytes()
    path.write_bytes(whole[: min(int(len(whole) * share), len(whole) - 4)])
    with pytest.raises(DataError, match=r"aclImdb\.tar\... is damaged or was not downloaded to its end .*again\.$"):
        load_reviews("auto", tmp_path)
    assert cached_files() == []


@pytest.mark.parametrize("ending", ["tar.gz", "tar.xz"])
def test_a_flipped_byte_in_an_archive_is_found(tmp_path: Path, ending: str, cached_files: Files) -> None:
    path = write_archive(tmp_path / f"aclImdb.{ending}", review_files(40))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="download it again"):
        load_reviews("auto", tmp_path)
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
def test_a_bad_review_is_named(
    tmp_path: Path, change: dict[str, bytes], sentence: str, packed: bool, cached_files: Files
) -> None:
    files = review_files() | change
    if packed:
        write_archive(tmp_path / "aclImdb.tar.gz", files)
    else:
        write_folder(tmp_path, files)
    with pytest.raises(DataError, match=sentence):
        load_reviews("auto", tmp_path)
    assert cached_files() == []


def test_a_missing_side_is_named(tmp_path: Path) -> None:
    files = {name: text for name, text in review_files().items() if "test/pos" not in name}
    write_archive(tmp_path / "aclImdb.tar.gz", files)
    with pytest.raises(DataError, match=r"holds no review in aclImdb/test/pos"):
        load_reviews("auto", tmp_path)


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
        load_reviews(place, folder)
    assert "\n" not in str(caught.value)


def test_local_without_a_folder_asks_for_one() -> None:
    with pytest.raises(DataError, match="set COURSE_DATA_DIR to the folder that holds AG News"):
        load_headlines("local")


def test_an_unknown_place_is_refused() -> None:
    with pytest.raises(DataError, match="place must be one of auto, local, hub, embedded, got 'cloud'"):
        load_reviews("cloud")


def test_a_folder_with_only_the_other_corpus_leads_on_and_says_so(tmp_path: Path) -> None:
    write_news(tmp_path, test=news_rows(10))
    corpus = load_reviews("auto", tmp_path)
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
    corpus = load_headlines("local", tmp_path)
    assert corpus.train.texts[1] == 'Title 0 of 2 Words "quoted" number 0'
    assert list(corpus.train.labels[:4]) == [0, 1, 2, 3]
    assert (len(corpus.train), len(corpus.test)) == (12, 8)
    assert "not the public split" not in corpus.source


def test_without_train_csv_the_test_file_is_split_and_the_line_says_so(tmp_path: Path) -> None:
    write_news(tmp_path, test=news_rows(1_900))
    corpus = load_headlines("local", tmp_path)
    assert (len(corpus.train), len(corpus.test)) == (6_000, 1_600)
    assert np.bincount(corpus.test.labels).tolist() == [400] * 4
    assert not set(corpus.train.texts) & set(corpus.test.texts)
    assert corpus.source.endswith("ag_news_csv/test.csv alone: this is not the public split")


def test_that_split_is_the_same_for_every_seed(tmp_path: Path) -> None:
    write_news(tmp_path, test=news_rows(40))
    assert load_headlines("local", tmp_path, seed=1) == load_headlines("local", tmp_path, seed=2)


def test_a_header_line_is_left_out(tmp_path: Path) -> None:
    write_news(tmp_path, train="Class Index,Title,Description\n" + news_rows(3), test=news_rows(2))
    assert len(load_headlines("local", tmp_path).train) == 12


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
        load_headlines("auto", tmp_path)
    assert "\n" not in str(caught.value)


def test_train_csv_without_test_csv_is_refused(tmp_path: Path) -> None:
    write_news(tmp_path, train=news_rows(10))
    with pytest.raises(DataError, match=r"holds train\.csv but no test\.csv"):
        load_headlines("auto", tmp_path)


def test_a_class_without_texts_is_refused(tmp_path: Path) -> None:
    rows = "\n".join(line for line in news_rows(10).splitlines() if not line.startswith('"3"'))
    write_news(tmp_path, test=rows)
    with pytest.raises(DataError, match="holds no text of class 3"):
        load_headlines("auto", tmp_path)


# --- as they lie on disks -----------------------------------------------------------------------------------------


def pack(path: Path, files: dict[str, bytes]) -> Path:
    """Write an archive of the kind that its name tells."""
    with tarfile.open(
        path, "w:" + {".tgz": "gz", ".gz": "gz", ".xz": "xz", ".bz2": "bz2"}.get(path.suffix.lower(), "")
    ) as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    return path


def inner(prefix: str) -> dict[str, bytes]:
    return {prefix + name: text for name, text in review_files().items()}


@pytest.mark.parametrize(
    "place", ["aclImdb/", "aclImdb_v1/", "aclImdb_v1_extracted/", "datasets/aclImdb_v1/", "imdb/x/", "unpacked/"]
)
def test_reviews_are_found_however_deep_their_folder_lies(tmp_path: Path, place: str) -> None:
    write_folder(tmp_path / place, review_files())
    assert len(load_reviews("local", tmp_path).train) == 6


@pytest.mark.parametrize(
    "name", ["aclImdb.tgz", "aclImdb_v1.tar", "aclImdb_v1.tar.bz2", "ACLIMDB_V1.TAR.GZ", "x/aclImdb.tgz"]
)
def test_an_archive_of_reviews_is_read_however_it_is_packed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    pack(tmp_path / name, review_files())
    assert len(load_reviews("local", tmp_path).train) == 6


def test_an_archive_without_an_ending_is_known_by_its_bytes(tmp_path: Path) -> None:
    pack(tmp_path / "x.tgz", review_files()).rename(tmp_path / "aclImdb_v1")
    assert len(load_reviews("local", tmp_path).train) == 6


@pytest.mark.parametrize("prefix", ["./", "aclImdb/", "work/data/"])
def test_an_archive_that_was_packed_once_more_is_read(tmp_path: Path, prefix: str) -> None:
    pack(tmp_path / "aclImdb_v1.tgz", inner(prefix))
    assert len(load_reviews("local", tmp_path).test) == 6


@pytest.mark.parametrize("empty", ["aclImdb", "aclImdb/train", "aclImdb/train/pos aclImdb/train/neg"])
def test_an_empty_folder_beside_a_good_archive_hides_nothing(tmp_path: Path, empty: str) -> None:
    for name in empty.split():
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    pack(tmp_path / "aclImdb_v1.tgz", review_files())
    assert "aclImdb_v1.tgz" in load_reviews("local", tmp_path).source


def test_a_good_folder_beside_a_broken_archive_is_read(tmp_path: Path) -> None:
    write_folder(tmp_path, review_files())
    (tmp_path / "aclImdb_v1.tar.gz").write_bytes(b"<html>")
    assert len(load_reviews("local", tmp_path).train) == 6


def test_a_path_that_names_the_archive_itself_is_read(tmp_path: Path) -> None:
    path = pack(tmp_path / "aclImdb_v1.tgz", review_files())
    write_news(tmp_path, test=news_rows(10))
    assert len(load_reviews("local", path).train) == 6
    assert load_headlines("local", path).name == "AG News"


def test_a_mark_before_a_review_is_no_part_of_it(tmp_path: Path) -> None:
    write_folder(tmp_path, {name: b"\xef\xbb\xbf" + text for name, text in review_files().items()})
    assert not any(text.startswith("\ufeff") for text in load_reviews("local", tmp_path).train.texts)


NEWS = news_rows(10).encode()


@pytest.mark.parametrize(
    "first", [b"", b"\xef\xbb\xbf", b"Class Index,Title,Description\n", b"label,title,description\r\n"]
)
@pytest.mark.parametrize("place", ["ag_news_csv", "ag_news_csv/ag_news_csv", "data/AG News", "."])
@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_headlines_are_found_however_they_lie(tmp_path: Path, place: str, first: bytes, ending: str) -> None:
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    for part in ("train", "test"):
        data = first + NEWS
        (tmp_path / place / f"{part}{ending}").write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    corpus = load_headlines("local", tmp_path)
    assert (len(corpus.train), len(corpus.test)) == (40, 40)


@pytest.mark.parametrize("name", ["ag_news_csv.tgz", "ag_news_csv.tar.gz", "ag_news_csv.tar", "x/ag_news_csv.tar.gz"])
def test_the_archive_of_headlines_is_read_beside_an_empty_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "ag_news_csv").mkdir()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    path = pack(tmp_path / name, {f"ag_news_csv/{part}.csv": NEWS for part in ("train", "test")})
    assert len(load_headlines("local", tmp_path).train) == 40
    assert len(load_headlines("local", path).train) == 40


def test_a_table_that_unpacks_to_more_than_it_may_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "test.csv.gz").write_bytes(gzip.compress(NEWS * 50))
    monkeypatch.setattr(layouts, "MAX_CSV_BYTES", 20_000)
    with pytest.raises(DataError, match="unpacks to more than"):
        load_headlines("local", tmp_path)


def test_a_table_that_was_not_downloaded_to_its_end_is_told(tmp_path: Path) -> None:
    (tmp_path / "test.csv.gz").write_bytes(gzip.compress(NEWS)[:-20])
    with pytest.raises(DataError, match=r"is damaged or was not downloaded to its end"):
        load_headlines("local", tmp_path)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("aclImdb_v1.zip", r"it holds aclImdb_v1\.zip; unpack the zip archive and name the folder"),
        ("plain_text/train.parquet", r"it holds plain_text; parquet files are those of the hub"),
        ("imdb.npz", r"Keras' imdb\.npz holds numbers in place of words"),
        ("IMDB Dataset.csv", r"it holds IMDB Dataset\.csv; a table from another site has other columns"),
        ("aclImdb_v1.tar.gz.part", r"the download has not ended"),
    ],
)
def test_where_there_is_no_corpus_the_sentence_says_what_was_seen(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"PK\x03\x04" if name.endswith("zip") else b"x")
    with pytest.raises(DataError, match=sentence):
        load_reviews("local", tmp_path)


def test_a_variable_in_the_name_of_the_folder_is_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path, review_files())
    monkeypatch.setenv("MY_DATA", str(tmp_path))
    assert len(load_reviews("local", "$MY_DATA").train) == 6
    with pytest.raises(DataError, match=r"holds a variable that was not filled in"):
        load_reviews("local", "$NO_SUCH_VARIABLE/data")
