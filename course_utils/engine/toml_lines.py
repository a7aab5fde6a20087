"""On which line of a TOML file a key stands; tomllib tells what stands there, and not where."""

from __future__ import annotations

import re
import tomllib

_HEADER = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")

Place = tuple[str | int, ...]  # keys and, in an array of tables, numbers from 0


def lines_of_keys(text: str) -> dict[Place, int]:
    """The line of each table and key of a TOML file that can be read. A key inside a value on one line has none."""
    lines: dict[Place, int] = {}
    table: Place = ()
    counts: dict[Place, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.fullmatch(line):
            names = _names(header[2])
            if names is None:
                continue
            table = names
            if header[1] == "[[":
                counts[names] = counts.get(names, -1) + 1
                table = (*names, counts[names])
            for depth in range(1, len(table) + 1):
                lines.setdefault(table[:depth], number)
        elif (key := _KEY.match(line)) and (names := _names(key[1])) is not None:
            for depth in range(1, len(names) + 1):
                lines.setdefault((*table, *names[:depth]), number)
    return lines


def nearest_line(place: Place, lines: dict[Place, int]) -> int:
    """The line of a place, or of the nearest that it lies in; 0 where that is the whole file."""
    return next((lines[place[:depth]] for depth in range(len(place), 0, -1) if place[:depth] in lines), 0)


def _names(dotted: str) -> tuple[str, ...] | None:
    """The names of a dotted key; None for a line that only looks like one."""
    try:
        found = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return None
    names = []
    while isinstance(found, dict):
        ((name, found),) = found.items()
        names.append(name)
    return tuple(names)
