"""Bytes that are text in an encoding that nobody names, and names made comparable.

Notable choices:
- schools' tables and the names in zip files come in UTF-8, in Chinese Windows' GBK, in Western Windows' code pages and
  in that of DOS (cp437), which is what a zip file without a flag claims; an encoding is taken if it gives words;
- a name is compared without accents, capitals and order; an umlaut counts as its letter and as letter and e.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
# letters that decomposition leaves as they are
_PLAIN = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa"})


def decoded(data: bytes, single_byte: Sequence[str] = ("cp1252",)) -> str:
    """The text that bytes most likely are, in normal form C.

    single_byte: the encodings of one byte a letter that they may be in, the likeliest first.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return unicodedata.normalize("NFC", data.decode(encoding, "replace"))
    return unicodedata.normalize("NFC", _without_mark(data, single_byte))


def _without_mark(data: bytes, single_byte: Sequence[str]) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        if _reads_as_chinese(text := data.decode("gb18030")):
            return text
    except UnicodeDecodeError:
        pass
    texts = [data.decode(encoding, "replace") for encoding in single_byte]
    return next((text for text in texts if _reads_as_latin(text)), texts[0])


def _reads_as_chinese(text: str) -> bool:
    """Whether most of what is not ASCII are common characters; an umlaut and the letter after it give a rare one."""
    foreign = [character for character in text if not character.isascii()]
    common = [character for character in foreign if character.encode("gb2312", "ignore")]
    return all(unicodedata.category(c)[0] in "LPSNZ" for c in foreign) and 2 * len(common) > len(foreign)


def _reads_as_latin(text: str) -> bool:
    foreign = (character for character in text if not character.isascii())
    return all(unicodedata.name(c, "").startswith("LATIN") or unicodedata.category(c)[0] == "P" for c in foreign)


def folded(text: str) -> str:
    """A text without capitals and accents, for comparing."""
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(c for c in letters if not unicodedata.combining(c)).translate(_PLAIN)


def name_keys(name: str) -> frozenset[str]:
    """What names that are the same have in common, whatever their order, accents, commas and blanks."""
    spelt_out = unicodedata.normalize("NFC", name).casefold().translate(_SPELT_OUT)
    return frozenset(key for text in {folded(name), folded(spelt_out)} for key in _orders(text))


def _orders(text: str) -> list[str]:
    """The words of a folded name in alphabetical order, and run together from each word on."""
    last, comma, first = text.partition(",")
    words = re.findall(r"[^\W_]+", f"{first} {last}" if comma else text)
    if not words:
        return []
    together = ["".join(words[start:] + words[:start]) for start in range(len(words))]
    return [" ".join(sorted(words)), *together]
