"""Pages on their way back to students: a folder each, a zip file each, or a folder each with an address nobody guesses.

    OUT/<student>/index.html, <unit>.html …     as folders
    OUT/<student>.zip                           as zip files, with the same in it
    OUT/3f9c…/index.html, <unit>.html …         as links, for a web server

Notable choices:
- what a student is given names nobody else: no page does, and with links no path does either;
- the address of a student stays what it is when pages are given back again; which is whose stands in `links.csv` of the
  results alone, never in what a server shows;
- with links an empty `index.html` keeps a server from listing the folder;
- nothing that lies in OUT already is taken away.
"""

from __future__ import annotations

import csv
import hashlib
import io
import secrets
import unicodedata
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ..files import write_whole
from ..grading.record import Record
from ..grading.terms import Terms, read_terms
from ..harmless import cell_of_name, name_of_cell
from .notes import note_to
from .pages.feedback import write_feedback
from .pages.overview import overview_page
from .pages.records import read_records
from .pages.text import folder_part
from .results import all_texts, refresh

LINKS = "links.csv"
COLUMNS = ("student", "email", "unit", "folder", "link")
OVERVIEW = "index.html"
FORMS = ("folder", "zip", "links")
_DATE = (1980, 1, 1, 0, 0, 0)  # the same pages give the same bytes
_MAX_NAME = 255  # bytes of a file's name

Note = Callable[[str], None]
Pages = Mapping[str, bytes]  # name of a file -> the page


@dataclass(frozen=True)
class GivenBack:
    """What was written."""

    students: int
    pages: int  # of units
    table: Path | None = None  # of links


def give_back(results: Path, form: str, out: Path, address: str = "", tell: Note = lambda sentence: None) -> GivenBack:
    """Write the pages of a results folder, as they stand now, for each student by themselves.

    form: one of FORMS; address: of OUT on the web, for links; tell: is told of what cannot be read.
    Raises ValueError for another form, an address that is none, an OUT that is a file, and results that hold nothing;
    GradebookError where the gradebook cannot be read.
    """
    if form not in FORMS:
        raise ValueError(f"pages are given back as one of {', '.join(FORMS)}, got {form!r}. Try folder.")
    if address and not address.startswith(("https://", "http://")):
        raise ValueError(f"address must begin with https://, got {address!r}. Try https://{address}")
    if out.exists() and not out.is_dir():
        raise ValueError(f"out must be a folder, got {out}, which is a file. Try another name.")
    refresh(results, tell)
    texts, terms = all_texts(), read_terms(results)
    write_feedback(results, texts)
    records = read_records(results)
    own = {student: list(group) for student, group in groupby(records, key=lambda record: record.student)}
    folders = _folders(results, own) if form == "links" else {}
    if form == "links":  # before any page: after a kill each page's address is known
        _write_links(results / LINKS, own, folders, address, terms)
        if not (out / OVERVIEW).exists():
            write_whole(out / OVERVIEW, "<!DOCTYPE html>\n<title></title>\n")
    for student, group in own.items():
        pages = _pages(results, student, group)
        pages[OVERVIEW] = overview_page(group, texts, note_to(results, student), terms).encode()
        if form == "zip":
            write_whole(out / _file_name(student, ".zip"), _zipped(pages))
        else:
            for name, page in pages.items():
                write_whole(out / folders.get(student, student) / name, page)
    return GivenBack(len(own), len(records), results / LINKS if form == "links" else None)


def _pages(results: Path, student: str, records: Sequence[Record]) -> dict[str, bytes]:
    folder = results / "feedback" / folder_part(student, "student")
    names = [f"{folder_part(record.unit, 'unit')}.html" for record in records]
    return {name: (folder / name).read_bytes() for name in names}


def _zipped(pages: Pages) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, page in sorted(pages.items()):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, page)
    return content.getvalue()


def _file_name(student: str, suffix: str) -> str:
    """A student's name as that of a file; one that is too long is cut, with a hash that tells it from others."""
    data = student.encode()
    if len(data) + len(suffix) <= _MAX_NAME:
        return student + suffix
    return f"{data[:200].decode(errors='ignore')}-{hashlib.sha256(data).hexdigest()[:16]}{suffix}"


# links ----------------------------------------------------------------------------------------------------------------


def _folders(results: Path, students: Mapping[str, object]) -> dict[str, str]:
    """The name that nobody guesses of each student's folder: the one given before, else a new one."""
    known = _known_folders(results / LINKS)
    return {name: known.get(unicodedata.normalize("NFC", name)) or secrets.token_hex(16) for name in students}


def _known_folders(table: Path) -> dict[str, str]:
    """Student -> folder, from a table of links. Raises ValueError for one that cannot be read."""
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        if not {"student", "folder"} <= set(reader.fieldnames or ()):
            raise ValueError(
                f"{table} must have the columns student and folder, by which addresses stay what they are; mend it, or "
                "delete it to have new ones"
            )
        found = {}
        for row in reader:
            folder = row["folder"] or ""
            if len(folder) == 32 and folder.isalnum():
                found[unicodedata.normalize("NFC", name_of_cell(row["student"] or ""))] = folder
    return found


def _write_links(
    table: Path,
    own: Mapping[str, Sequence[Record]],
    folders: Mapping[str, str],
    address: str,
    terms: Terms | None,
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    base = address.rstrip("/") + "/" if address else ""
    for student, records in own.items():
        person = terms.roster.match(student).person if terms and terms.roster else None
        who = [cell_of_name(student), person.email if person else ""]
        for unit, file in (("", ""), *((record.unit, f"{record.unit}.html") for record in records)):
            writer.writerow([*who, unit, folders[student], f"{base}{folders[student]}/{file}"])
    write_whole(table, text.getvalue().encode("utf-8-sig"))
