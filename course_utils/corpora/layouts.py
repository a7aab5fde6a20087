"""Reading public corpora in the layouts that their own sites publish.

Notable choices:
- an archive is read as a stream and never unpacked: no member can name a place to write to, links are skipped, and
  the sizes of a member, of the whole stream and the number of members are capped;
- the stream is read to its end even after the last review, because the check sum of a compressed file stands there:
  a half-downloaded archive is an error, never a smaller corpus;
- reviews are ordered by class and number, so that folder and archive give the same corpus.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import html
import io
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from course_utils.corpora import searching
from course_utils.corpora.corpus import DataError, Texts

MIB = 2**20
MAX_REVIEW_BYTES = MIB  # the longest published review has 14 kB
MAX_STREAM_BYTES = 2**30  # the published archive unpacks to half of this
MAX_HEADER_BYTES = MIB  # names and remarks inside the archive
MAX_MEMBERS = 400_000  # the published archive has a quarter of this
MAX_CSV_BYTES = 256 * MIB  # the published training file has 30 MB

IMDB_SIZE = (25_000, 25_000)
AG_NEWS_SIZE = (120_000, 7_600)

ARCHIVE_ENDINGS = (".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tar", "")  # "": by their first bytes

_WITHIN = r"(?:\./)?(?:(?!\.\.?/)[^/]{1,200}/){0,4}?"  # folders of an archive: those in which it was packed once more
_REVIEW = re.compile(rf"{_WITHIN}(train|test)/(neg|pos)/(\d{{1,9}})_(\d{{1,3}})\.txt")
_TABLE = re.compile(rf"{_WITHIN}(train|test)\.csv")
_FILE = re.compile(r"(\d{1,9})_(\d{1,3})\.txt")
_HEADER_TYPES = frozenset(
    (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
)


# --- IMDB ---------------------------------------------------------------------------------------------------------


def find_imdb(folder: Path) -> Path | None:
    """The reviews in a folder: the folder with `train` and `test`, however deep it lies, else an archive `aclImdb*`.

    folder: may be such an archive itself. Raises DataError for a folder in which only a part is left.
    """
    if folder.is_file():
        return folder if _is_archive_of(folder, "imdb") else None
    places = list(searching.folders(folder))
    parts = [place for place in places if _holds_imdb(place)]
    if whole := next((place for place in parts if all(map(_has_reviews, _halves(place)))), None):
        return whole
    for ending in ARCHIVE_ENDINGS:
        for place in places:
            for path in searching.names(place):
                if path.name.casefold().endswith(ending) and _is_archive_of(path, "imdb"):
                    return path
    if parts:  # whoever reads it says what is missing
        return parts[0]
    if (folder / "aclImdb").is_dir():
        raise DataError(f"{folder / 'aclImdb'} holds neither train nor test; unpack the archive again.")
    if all((folder / part).is_dir() for part in ("neg", "pos")):
        raise DataError(f"{folder} is one half of IMDB; name the folder that holds aclImdb instead.")
    return None


def _halves(folder: Path) -> list[Path]:
    return [folder / part / side for part in ("train", "test") for side in ("neg", "pos")]


def _holds_imdb(folder: Path) -> bool:
    """Whether a folder is IMDB's, or what is left of it: it has `train` or `test`, and its name or these say so."""
    if not any((folder / part).is_dir() for part in ("train", "test")):
        return False
    return "imdb" in folder.name.casefold() or any(half.is_dir() for half in _halves(folder))


def _has_reviews(half: Path) -> bool:
    return any(_FILE.fullmatch(path.name) for path in searching.names(half))


def _is_archive_of(path: Path, word: str) -> bool:
    """Whether a file is an archive that is called like a corpus and of a kind that is read here."""
    name = re.sub(r"[ _-]", "", path.name.casefold())
    return word in name and path.is_file() and _is_tar(path)


def _is_tar(path: Path) -> bool:
    """Whether a file is packed as the published archives are, or is called so: a damaged one is told of as damaged."""
    endings = [ending for ending in ARCHIVE_ENDINGS if ending]
    return path.name.casefold().endswith(tuple(endings)) or searching.packing(path) in ("gz", "xz", "bz2", "tar")


def read_imdb(path: Path) -> tuple[Texts, Texts]:
    """The reviews to train on and to test on, label 0 negative and 1 positive, from a folder or an archive."""
    reviews = _review_files(path) if path.is_dir() else _review_members(path)
    found: dict[tuple[str, int, int], str] = {}
    for part, side, number, rating, content, name in reviews:
        label = int(side == "pos")
        if not (7 <= rating <= 10 if label else 1 <= rating <= 4):
            wanted = "7 to 10" if label else "1 to 4"
            raise DataError(f"{name} has the rating {rating}, but reviews in {side} are rated {wanted}.")
        found[part, label, number] = _decode(content, name)
    counts = {(part, label): 0 for part in ("train", "test") for label in (0, 1)}
    texts: dict[str, Texts] = {"train": ([], []), "test": ([], [])}
    for part, label, number in sorted(found):
        counts[part, label] += 1
        texts[part][0].append(found[part, label, number])
        texts[part][1].append(label)
    for (part, label), count in counts.items():
        if not count:
            raise DataError(f"{path} holds no review in aclImdb/{part}/{('neg', 'pos')[label]}; is it the whole set?")
    return texts["train"], texts["test"]


def _review_files(folder: Path) -> Iterator[tuple[str, str, int, int, bytes, str]]:
    for part in ("train", "test"):
        for side in ("neg", "pos"):
            place = folder / part / side
            if not place.is_dir():
                raise DataError(f"{place} is missing; an IMDB folder holds train and test, each with neg and pos.")
            for path in sorted(place.iterdir()):
                matched = _FILE.fullmatch(path.name)
                if matched is None:
                    continue
                try:
                    with path.open("rb") as file:
                        content = file.read(MAX_REVIEW_BYTES + 1)
                except OSError as error:
                    raise DataError(f"{path} cannot be read: {error.strerror}.") from None
                if len(content) > MAX_REVIEW_BYTES:
                    raise DataError(f"{path} is larger than any review ({MAX_REVIEW_BYTES:,} bytes at most).")
                yield part, side, int(matched[1]), int(matched[2]), content, str(path)


def _review_members(path: Path) -> Iterator[tuple[str, str, int, int, bytes, str]]:
    for matched, content, name in _members(path, _REVIEW, MAX_REVIEW_BYTES, "IMDB"):
        yield matched[1], matched[2], int(matched[3]), int(matched[4]), content, name


def _members(
    path: Path, wanted: re.Pattern[str], max_bytes: int, corpus: str
) -> Iterator[tuple[re.Match[str], bytes, str]]:
    """The files of an archive whose names match, read as a stream to its end."""
    damaged = f"{path} is damaged or was not downloaded to its end"
    try:
        with _open_stream(path) as stream:
            counted = _CappedReader(stream, path, corpus, MAX_STREAM_BYTES)
            with tarfile.open(fileobj=counted, mode="r|", tarinfo=_CappedHeader) as archive:
                for number, member in enumerate(archive, start=1):
                    if number > MAX_MEMBERS:
                        raise DataError(
                            f"{path} holds more than {MAX_MEMBERS:,} files; it is not the {corpus} archive."
                        )
                    matched = wanted.fullmatch(member.name)
                    if matched is None or not member.isfile() or member.issparse():
                        continue  # also links, devices, and names that point elsewhere
                    name = f"{path.name}:{member.name}"
                    if member.size > max_bytes:
                        what = "review" if corpus == "IMDB" else "published file"
                        raise DataError(f"{name} is larger than any {what} ({max_bytes:,} bytes at most).")
                    file = archive.extractfile(member)
                    content = file.read() if file is not None else b""
                    if len(content) != member.size:
                        raise DataError(f"{damaged} ({name} ends early); download it again.")
                    yield matched, content, name
            while counted.read(MIB):  # up to the check sum
                pass
    except DataError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{damaged} ({reason}); download it again.") from None
    except (EOFError, lzma.LZMAError, zlib.error, tarfile.TarError, ValueError, OverflowError) as error:
        raise DataError(f"{damaged} ({str(error).rstrip('.')}); download it again.") from None


def _open_stream(path: Path) -> IO[bytes]:
    """A file's bytes, unpacked as its first bytes say, or else as its name does."""
    kind = searching.packing(path) or path.name.rpartition(".")[2].casefold()
    if kind in ("xz", "txz"):
        return cast("IO[bytes]", lzma.LZMAFile(path))
    if kind == "bz2":
        return cast("IO[bytes]", bz2.BZ2File(path))
    if kind in ("gz", "tgz"):
        return cast("IO[bytes]", gzip.GzipFile(path))
    return path.open("rb")


class _CappedReader(io.RawIOBase):
    """What a compressed stream unpacks to, up to a size that no honest archive reaches."""

    def __init__(self, stream: IO[bytes], path: Path, corpus: str, limit: int) -> None:
        self.stream, self.path, self.corpus, self.limit, self.taken = stream, path, corpus, limit, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self.stream.read(MIB if size < 0 else size)
        self.taken += len(content)
        if self.taken > self.limit:
            raise DataError(
                f"{self.path} unpacks to more than {self.limit // MIB:,} MiB; it is not the {self.corpus} archive."
            )
        return content

    def readinto(self, buffer: Any) -> int:  # of a text that is read line by line
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


class _CappedHeader(tarfile.TarInfo):
    """A member whose name and remarks are of a sane size: they are read into memory before anyone can look."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _CappedHeader:
        member = super().frombuf(buf, encoding, errors)
        if member.type in _HEADER_TYPES and member.size > MAX_HEADER_BYTES:
            raise DataError(f"The archive describes a file in {member.size:,} bytes; it is not a published archive.")
        return member


# --- AG News ------------------------------------------------------------------------------------------------------


def find_ag_news(folder: Path) -> Path | None:
    """The folder that holds `test.csv` and perhaps `train.csv`, packed or not, or an archive of it.

    folder: may be one of these files itself. Raises DataError for a folder in which only a part is left.
    """
    if folder.is_file():
        if _part_of(folder):
            return find_ag_news(folder.parent)
        return folder if _is_archive_of(folder, "agnews") else None
    places = [place for place in searching.folders(folder) if place == folder or _is_called_ag_news(place, folder)]
    tables = {place: ag_news_tables(place) for place in sorted(places, key=lambda place: place == folder)}
    if whole := next((place for place, parts in tables.items() if "test" in parts), None):
        return whole
    for place in searching.folders(folder):
        for path in searching.names(place):
            if _is_archive_of(path, "agnews"):
                return path
    if part := next((place for place, parts in tables.items() if parts), None):
        raise DataError(f"{part} holds train.csv but no test.csv; fetch the second file too.")
    if (folder / "ag_news_csv").is_dir():
        raise DataError(f"{folder / 'ag_news_csv'} holds neither train.csv nor test.csv.")
    return None


def _is_called_ag_news(place: Path, folder: Path) -> bool:
    return "agnews" in re.sub(r"[ _-]", "", "/".join(place.relative_to(folder).parts).casefold())


def ag_news_tables(folder: Path) -> dict[str, Path]:
    """The files of a folder by the part that each holds, those that are not packed first."""
    found: dict[str, Path] = {}
    tables = [path for path in searching.names(folder) if _part_of(path) and path.is_file()]
    for path in sorted(tables, key=lambda path: (not path.stat().st_size, path.name.casefold().endswith(".gz"))):
        found.setdefault(_part_of(path), path)
    return found


def _part_of(path: Path) -> str:
    name = path.name.casefold().removesuffix(".gz")
    return name.removesuffix(".csv") if name in ("train.csv", "test.csv") else ""


def read_ag_news_tables(path: Path, classes: int = 4) -> dict[str, Texts]:
    """The texts of each part, "train" and "test", of a folder or an archive; `train` may be absent."""
    if path.is_dir():
        return {part: read_ag_news(table, classes) for part, table in ag_news_tables(path).items()}
    found = {
        matched[1]: _read_table(io.BytesIO(content), name, classes)
        for matched, content, name in _members(path, _TABLE, MAX_CSV_BYTES, "AG News")
    }
    if "test" not in found:
        raise DataError(f"{path} holds no test.csv; is it the published archive?")
    return found


def read_ag_news(path: Path, classes: int = 4) -> Texts:
    """Title and description of each row as one text, and its class from 0, from a CSV of the published layout."""
    if path.stat().st_size > MAX_CSV_BYTES:
        raise DataError(f"{path} is larger than the published file ({MAX_CSV_BYTES // MIB} MiB at most).")
    try:
        with _open_stream(path) as stream:
            capped = _CappedReader(stream, path, "AG News", MAX_CSV_BYTES)
            return _read_table(io.BufferedReader(capped), str(path), classes)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged or was not downloaded to its end ({error}); download it again.") from None


def _read_table(stream: IO[bytes] | io.BufferedReader, name: str, classes: int) -> Texts:
    texts: list[str] = []
    labels: list[int] = []
    row_number = 0
    try:
        file = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")  # Excel begins a file with a mark
        for row_number, row in enumerate(csv.reader(file, strict=True), start=1):
            place = f"{name}, row {row_number}"
            if row_number == 1 and row and _is_header(row):
                continue
            if not row:
                continue
            if len(row) != 3:
                raise DataError(f"{place} has {len(row)} columns for 3 (class, title, description).")
            label = row[0].strip()
            if not (label.isdecimal() and label.isascii() and 1 <= int(label) <= classes):
                raise DataError(f"{place} has the class {label[:20]!r}, but classes go from 1 to {classes}.")
            text = decode_ag_news(f"{row[1]} {row[2]}")
            if not text or "\0" in text:
                raise DataError(f"{place} has an empty text." if not text else f"{place} holds no text.")
            texts.append(text)
            labels.append(int(label) - 1)
    except UnicodeDecodeError:
        raise DataError(f"{name} is not UTF-8 text after row {row_number}; download it again.") from None
    except csv.Error as error:
        raise DataError(f"{name} is damaged after row {row_number} ({error}); download it again.") from None
    for label_number in range(classes):
        if label_number not in labels:
            raise DataError(f"{name} holds no text of class {label_number + 1}; is it the whole file?")
    return texts, labels


def _is_header(row: list[str]) -> bool:
    """Whether a row names the columns, as some copies do: the class under any name, the two texts under theirs."""
    return [name.strip().casefold() for name in row[1:]] == ["title", "description"]


_NUMBERED = re.compile(r"\s?&?#(\d{1,6});")
_NAMED = re.compile(r"\s?(?<![&\w])(quot|amp|lt|gt|nbsp|hellip|mdash|ndash|[lr][sd]quo|eacute|pound|euro);")


def decode_ag_news(text: str) -> str:
    """The text behind AG News' conventions: `\\n` and `\\` for spaces, ` #36;` and `&lt;` for characters.

    The file was made by turning each `&` of an entity into a space, which goes with it: `they #39;ll` is they'll.
    """
    text = text.replace("\\$", "$").replace("\\n", " ").replace("\\", " ")
    text = _NUMBERED.sub(lambda found: html.unescape(f"&#{found[1]};"), text)
    text = _NAMED.sub(lambda found: html.unescape(f"&{found[1]};"), text)
    return " ".join(html.unescape(text).split())


def _decode(content: bytes, name: str) -> str:
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise DataError(f"{name} is not UTF-8 text; download the set again.") from None
    if not text:
        raise DataError(f"{name} is empty; download the set again.")
    if "\0" in text:
        raise DataError(f"{name} holds no text; download the set again.")
    return text
