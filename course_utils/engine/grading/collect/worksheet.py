"""Moodle's grading worksheet: the one file in which Moodle tells when each participant handed in.

The zip of all submissions does not: its members carry the time of the download. So a worksheet named as a source
("Download grading worksheet", in the assignment's menu) gives the files of its assignment their times, and says by
e-mail address who a participant is. Known by its columns, in English, German and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from ..lettering import decoded, folded
from ..plan import RunError
from ..roster import header_key, table_of

_IDENTIFIERS = {"identifier", "id", "kennung", "识别号", "标识符"}
_TIMES = {
    "lastmodifiedsubmission",
    "zuletztgeandertabgabe",
    "zuletztgeandertlosung",
    "最后修改作业",
    "最后修改提交",
    "最后更改提交",
}
_ADDRESSES = {"emailaddress", "email", "emailadresse", "eadresse", "电子邮件地址", "邮箱"}
_MONTHS = {
    name: number
    for number, names in enumerate(
        "january januar,february februar,march marz,april,may mai,june juni,july juli,august,september,"
        "october oktober,november,december dezember".split(","),
        start=1,
    )
    for name in names.split()
}
_SPELT = re.compile(r"(\d{1,2})\.? ([^\W\d]+) (\d{4})\D+(\d{1,2}):(\d\d)(?::(\d\d))?(?: ?([ap]m))?")
_NUMERIC = re.compile(r"(\d{4})\D(\d{1,2})\D(\d{1,2})\D+?(\d{1,2}):(\d\d)(?::(\d\d))?(?: ?([ap]m))?")


@dataclass(frozen=True)
class Line:
    """What a worksheet says of a participant."""

    time: datetime | None
    email: str


def read_worksheet(data: bytes, zone: tzinfo) -> Mapping[str, Line]:
    """What a worksheet says, by the participants' numbers; nothing for a file that is none.

    zone: Moodle's, in which the times are told
    """
    try:
        rows = [row for _, row in table_of(decoded(data), Path("worksheet.csv"))]
    except RunError:
        return {}
    keys = [header_key(cell) for cell in rows[0]] if rows else []
    who, when, mail = (
        next((place for place, key in enumerate(keys) if key in known), None)
        for known in (_IDENTIFIERS, _TIMES, _ADDRESSES)
    )
    if who is None or when is None:
        return {}
    found = {}
    for row in rows[1:]:
        number = re.search(r"(\d+)$", row[who]) if len(row) > max(who, when) else None
        if number:
            email = row[mail] if mail is not None and mail < len(row) else ""
            found[number[1]] = Line(_time(row[when], zone), email)
    return found


def _time(text: str, zone: tzinfo) -> datetime | None:
    words = folded(text)
    try:
        if found := _SPELT.search(words):
            day, month, year = int(found[1]), _MONTHS[found[2]], int(found[3])
        elif found := _NUMERIC.search(words):
            year, month, day = int(found[1]), int(found[2]), int(found[3])
        else:
            return None
        hour = int(found[4]) % 12 + 12 * (found[7] == "pm") if found[7] else int(found[4])
        return datetime(year, month, day, hour, int(found[5]), int(found[6] or 0), tzinfo=zone).astimezone(UTC)
    except (ValueError, KeyError, OverflowError):
        return None
