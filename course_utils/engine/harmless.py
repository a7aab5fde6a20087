"""Names and texts of students made harmless to the eye, to a terminal, to a log and to a spreadsheet.

Notable choices:
- a character that hides or reorders its neighbours, or that moves a terminal's cursor, is shown by its number;
- a folder's name that can be read is shown as it is, backslashes and all. Any other is shown with what cannot be read
  by its number and with a hash of its bytes; so is a name that only looks so. No two folders are ever called alike;
- a name that a spreadsheet would take for a formula gets an apostrophe in front, as spreadsheets themselves write it,
  and `name_of_cell` takes it off again. JSON files and pages hold the name without it.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata

MAX_SHOWN_NAME = 200  # bytes of a name that is not shown as it is, before its hash; a folder's name may have 255
HASH_DIGITS = 16
_STACKED_MARKS = 4  # combining marks kept on one letter; more of them climb over the lines above
_LIKE_A_HASHED_NAME = re.compile(rf".* #[0-9a-f]{{{HASH_DIGITS}}}")
_MINUS = "\u2212"  # the one sign of arithmetic that has no compatible form in ASCII


def _is_deceptive(character: str) -> bool:
    """Whether a character hides or reorders its neighbours (controls, bidi marks, invisible formats)."""
    if character == "\t":
        return False
    return (
        unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Co") or "\U000e0000" <= character <= "\U000e0fff"
    )


def tame(text: str) -> str:
    """The same text, with characters that deceive the eye shown by their number, as ⟨U+202E⟩.

    Half characters, which no file can hold, become the replacement character. Line breaks and tabs are kept.
    """
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > _STACKED_MARKS:
            continue
        if category == "Cs":
            shown.append("\ufffd")
        elif character != "\n" and _is_deceptive(character):
            shown.append(f"⟨U+{ord(character):04X}⟩")
        else:
            shown.append(character)
    return "".join(shown)


def on_one_line(text: str) -> str:
    """A tame text without line breaks and tabs: no character of it moves a cursor or ends a row of a table."""
    return tame(text).replace("\n", "⟨U+000A⟩").replace("\t", "⟨U+0009⟩")


def shown_name(name: str) -> str:
    """A folder's name as text that can be written anywhere, different for each folder.

    It can be a folder's name too, and is the key under which results are kept. A name that can be read is itself.
    """
    data = os.fsencode(name)
    text = data.decode("utf-8", "backslashreplace")
    if text.encode() == data and on_one_line(text) == text and not _LIKE_A_HASHED_NAME.fullmatch(text):
        return text
    kept = on_one_line(text).encode()[:MAX_SHOWN_NAME].decode("utf-8", "ignore")
    return f"{kept} #{hashlib.sha256(data).hexdigest()[:HASH_DIGITS]}"


def cell_of_name(name: str) -> str:
    """A name as a cell of a table: on one line, and never taken for a formula; `name_of_cell` gives it back."""
    cell = on_one_line(name)
    return "'" + cell if _starts_a_formula(cell) else cell


def name_of_cell(cell: str) -> str:
    """The name that `cell_of_name` made a cell of."""
    return cell[1:] if cell.startswith("'") and _starts_a_formula(cell) else cell


def _starts_a_formula(cell: str) -> bool:
    """Whether a spreadsheet would calculate a cell, or would but for the apostrophes in front of it.

    The wide and small forms of = + - @ count as operators in Chinese and Japanese spreadsheets.
    """
    start = unicodedata.normalize("NFKC", cell.lstrip("' \u00a0\u3000")[:1])
    return start.startswith(("=", "+", "-", "@", _MINUS))
