"""A class's roster, a table as a school exports it, and who of it is meant by a name.

Notable choices:
- a column is known by its header, in whichever system's words: our own (`id, name, e-mail, SIS ids, section,
  extension`), Canvas's gradebook, Moodle's participants and grading worksheet, GitHub Classroom's roster, in English,
  German and Chinese;
- a name matches one person or nobody: what could be two people is told and left to a person;
- what a platform says of a person is looked for only where it can stand: what a student may choose, such as a full
  name, never matches another student's login.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from ..harmless import shown_name
from .lettering import decoded, folded, name_keys
from .plan import RunError

UNKNOWN = "not on the roster"
MAX_ID = 200  # bytes; an id is a folder's name
KINDS = (
    "id",
    "login",
    "e-mail",
    "SIS id",
    "Canvas id",
    "repository",
    "alias",
    "name",
)  # what a person is known by, surest first

# header, folded and without blanks and signs -> field
_HEADERS: dict[str, str] = {
    header: name
    for name, headers in {
        "id": "id studentid identifier kennung 学生id 编号",
        "login": "login loginid sisloginid username userid netid user anmeldename benutzername 用户名 登录名 账号",
        "email": "email emailaddress mail emailadresse mailadresse 邮箱 电子邮件 电子邮箱 邮件地址 电子邮件地址",
        "sis_id": "sisid sisids sisuserid idnumber studentnumber matrikelnummer idnummer matrikelnr integrationid 学号",
        "canvas_id": "canvasid canvasuserid",
        "name": "name fullname student studentname displayname sortablename vollstandigername 姓名 全名 学生",
        "first": "firstname givenname forename vorname 名 名字",
        "last": "lastname surname familyname nachname 姓 姓氏",
        "section": "section sections group groups class gruppe gruppen klasse 班级 小组 分组",
        "extension": "extension extensiondays extradays verlangerung 延期 延长",
        "repository": "github githubusername githubname gitlab gitlabusername",
        "alias": "alias aliases",
    }.items()
    for header in headers.split()
}
_EXTENSION = re.compile(
    r"([0-9]+(?:[.,][0-9]+)?)\s*(d|days?|tage?|天|h|hours?|stunden?|小时|w|weeks?|wochen?|周)?", re.I
)
_HOURS = {"d": 24, "t": 24, "天": 24, "h": 1, "s": 1, "小": 1, "w": 168, "周": 168}
_PARTICIPANT = re.compile(r"\D+ \d+")  # how Moodle calls a person in one assignment


@dataclass(frozen=True)
class Person:
    """Somebody on the roster."""

    id: str  # the name of the folder, and how results call this person
    name: str = ""  # as the school writes it, "Last, First" or "First Last"
    first: str = ""
    last: str = ""
    email: str = ""
    login: str = ""
    sis_id: str = ""
    canvas_id: str = ""
    section: str = ""
    aliases: tuple[str, ...] = ()  # other names, and what Moodle calls a participant
    repositories: tuple[str, ...] = ()  # names at GitHub and the like
    extension_hours: float = 0.0  # for every unit
    line: int = 0  # of the roster

    @property
    def full_name(self) -> str:
        """The name in the order in which it is said, the id where there is none."""
        last, comma, first = self.name.partition(",")
        return (
            (f"{first.strip()} {last.strip()}" if comma else self.name)
            or f"{self.first} {self.last}".strip()
            or self.id
        )

    @property
    def sortable_name(self) -> str:
        """The name as "Last, First" where the roster says which is which."""
        return f"{self.last}, {self.first}" if self.first and self.last else self.name or self.full_name

    @property
    def extension(self) -> timedelta:
        """How much later everything is due."""
        return timedelta(hours=self.extension_hours)

    def known_by(self) -> Iterator[tuple[str, str]]:
        """(kind, key) of all that this person is known by."""
        plain = {"id": self.id, "login": self.login, "e-mail": self.email, "SIS id": self.sis_id}
        yield from ((kind, folded(text).strip()) for kind, text in plain.items() if text)
        if self.canvas_id:
            yield "Canvas id", self.canvas_id
        yield from (("repository", folded(name)) for name in self.repositories)
        yield from (("alias", folded(alias)) for alias in self.aliases)
        if "@" in self.email:
            yield "e-mail", folded(self.email.partition("@")[0])
        names = {self.name, f"{self.first} {self.last}", f"{self.last} {self.first}"}
        yield from (("name", key) for key in sorted({key for name in names for key in name_keys(name)}))


@dataclass(frozen=True)
class Match:
    """Who is meant by a name."""

    person: Person | None
    how: str = ""  # what it was known by, a kind of KINDS
    note: str = ""  # why nobody is meant


@dataclass(frozen=True)
class Roster:
    """The people of a class."""

    people: tuple[Person, ...]
    _index: Mapping[tuple[str, str], list[Person]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the people by all that they are known by."""
        index: dict[tuple[str, str], list[Person]] = defaultdict(list)
        for person in self.people:
            for key in dict.fromkeys(person.known_by()):
                index[key].append(person)
        object.__setattr__(self, "_index", index)

    def match(self, text: str, kinds: Iterable[str] = KINDS) -> Match:
        """Who is meant by a text that stands for one of kinds of KINDS."""
        kinds, text = tuple(kinds), text.strip()
        for kind in kinds:
            keys = name_keys(text) if kind == "name" else {text if kind == "Canvas id" else folded(text)}
            found = {person.id: person for key in keys for person in self._index.get((kind, key), ())}
            if len(found) == 1:
                return Match(next(iter(found.values())), kind)
            if found:
                return Match(None, "", f"could be {' or '.join(found)}, who have one {kind}")
        return Match(None, "", UNKNOWN)

    def similar(self, text: str) -> str:
        """Who may be meant by a name that nobody has, as a question; empty where nobody is called alike."""
        words = {_sorted_words(person.full_name): person for person in self.people}
        near = difflib.get_close_matches(_sorted_words(text), words, n=1, cutoff=0.8)
        return f"is it {words[near[0]].full_name} ({words[near[0]].id})?" if near else ""

    def plain(self) -> list[dict[str, Any]]:
        """The people as plain data; `of_plain` makes a roster of it."""
        return [asdict(person) for person in self.people]

    @classmethod
    def of_plain(cls, people: Sequence[Mapping[str, Any]]) -> Roster:
        """The roster of plain data."""
        lists = ("aliases", "repositories")
        return cls(tuple(Person(**{**person, **{name: tuple(person[name]) for name in lists}}) for person in people))


def _sorted_words(name: str) -> str:
    return " ".join(sorted(folded(name).replace(",", " ").split()))


def read_roster(path: Path) -> Roster:
    """The roster of a CSV file. Raises RunError, with file and line, for one that cannot be one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RunError(
            f"{path} cannot be read ({error.strerror}); the roster is a CSV file, one person a line"
        ) from None
    rows = list(table_of(decoded(data), path))
    start = next((number for number, (_, row) in enumerate(rows) if any(row)), None)
    if start is None:
        raise RunError(f"{path} is empty; the roster has a line of headers, such as id,name,email, and a line a person")
    line, header = rows[start]
    fields = fields_of(header)
    if not set(fields) & {"id", "login", "email", "sis_id", "name", "last", "alias", "repository"}:
        raise RunError(
            f"{path}, line {line}: no column says who a person is, got {', '.join(header)}; "
            "name one id, name, e-mail, login or SIS id"
        )
    people: dict[str, Person] = {}
    for line, row in rows[start + 1 :]:
        values = {name: next(iter(_cells(row, places)), "") for name, places in fields.items()}
        if not any(values.values()) or is_no_person(values, row):
            continue
        sis_ids = [word for cell in _cells(row, fields.get("sis_id", ())) for word in re.split(r"[;,\s]+", cell)]
        values["sis_id"] = next(iter(sis_ids), "")
        aliases = [*_cells(row, fields.get("alias", ())), *sis_ids[1:]]
        person = _person(values, aliases, _cells(row, fields.get("repository", ())), path, line)
        known = people.setdefault(folded(person.id), person)
        if known is not person:
            raise RunError(f"{path}, line {line}: {person.id} stands on line {known.line} already; each id stands once")
    if not people:
        raise RunError(f"{path} names nobody; the roster has a line of headers, and below it a line a person")
    return Roster(tuple(people.values()))


def table_of(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of a table with commas, semicolons or tabs between its cells. Raises RunError for none."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=separator)
    line = 1
    try:
        for row in reader:
            yield line, [cell.strip() for cell in row]
            line = reader.line_num + 1
    except csv.Error as error:
        raise RunError(f"{path}, line {line}: this is no table ({error}); save it as CSV") from None


def header_key(header: str) -> str:
    """A column's header, comparable: folded, letters and digits alone."""
    return "".join(re.findall(r"[^\W_]+", folded(header)))


def fields_of(header: Sequence[str]) -> dict[str, list[int]]:
    """The places of the columns of each field."""
    keys = [header_key(name) for name in header]
    # Canvas's own table calls its number "ID"; one that says "Canvas id" beside an "id" is a school's
    canvas = {"sisloginid", "sisuserid"} & set(keys) and {"student", "lastname"} & set(keys) and "canvasid" not in keys
    found: dict[str, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        name = "canvas_id" if canvas and key == "id" else _HEADERS.get(key)
        if name:
            found[name].append(place)
    return dict(found)


def _cells(row: Sequence[str], places: Iterable[int]) -> list[str]:
    return [row[place] for place in places if place < len(row) and row[place]]


def is_no_person(values: Mapping[str, str], row: Sequence[str]) -> bool:
    """Whether a row is one that Canvas adds to its table: points possible, manual posting, the test student."""
    return (
        "Points Possible" in row[0]
        or all(re.fullmatch(r"\s*(Muted|Manual Posting.*)?\s*", cell, re.I) for cell in row)
        or (values.get("name") == "Student, Test" and "canvas_id" in values)
    )


def _person(values: Mapping[str, str], aliases: list[str], repositories: list[str], path: Path, line: int) -> Person:
    identity = values.get("id", "")
    if _PARTICIPANT.fullmatch(identity) and (values.get("email") or values.get("name")):
        aliases, identity = [*aliases, identity], ""
    name = values.get("name") or " ".join(filter(None, (values.get("first"), values.get("last"))))
    fallbacks = [values.get(field, "") for field in ("login", "sis_id", "email")]
    identity = next(filter(None, [identity, *fallbacks, *repositories, *aliases, name]), "")
    if not identity:
        raise RunError(f"{path}, line {line}: this person has no id, login, SIS id, e-mail address or name")
    check_id(identity, f"{path}, line {line}")
    first, last = values.get("first", ""), values.get("last", "")
    if "," in name and not (first or last):
        last, first = (part.strip() for part in name.split(",", 1))
    return Person(
        identity,
        name,
        first,
        last,
        values.get("email", ""),
        values.get("login", ""),
        values.get("sis_id", ""),
        values.get("canvas_id", ""),
        values.get("section", ""),
        tuple(aliases),
        tuple(repositories),
        _extension(values.get("extension", ""), path, line),
        line,
    )


def check_id(identity: str, place: str) -> None:
    """Raise RunError where an id cannot be a folder's name; place: where it stands."""
    if (
        "/" in identity
        or identity.startswith((".", "~$"))
        or shown_name(identity) != identity
        or len(identity.encode()) > MAX_ID
    ):
        raise RunError(
            f"{place}: an id is also a folder's name, without / and control characters, not beginning with a point, of "
            f"at most {MAX_ID} bytes; got {identity!r}"
        )


def _extension(text: str, path: Path, line: int) -> float:
    """Hours of an extension, which is told in days where it does not say in what."""
    if not text:
        return 0.0
    found = _EXTENSION.fullmatch(text.strip())
    if not found:
        raise RunError(f"{path}, line {line}: an extension is a number of days, such as 3, 1.5 or 36 h; got {text!r}")
    return float(found[1].replace(",", ".")) * _HOURS[(found[2] or "d")[0].casefold()]
