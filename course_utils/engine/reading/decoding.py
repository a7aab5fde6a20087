"""The text of a notebook's file, whatever program saved it, and what a file is that holds no notebook.

Notable choices:
- UTF-8 is tried first, then what the bytes themselves say; of the encodings of before Unicode only those of a Chinese
  and of a western Windows are told apart, by whether the bytes above ASCII stand in pairs;
- a file that is something else gets the sentence of what it is, with the way back to the notebook;
- nothing here takes longer than a few passes over the bytes.
"""

from __future__ import annotations

import codecs
import re

GOOD_SHARE = 0.9  # of the characters above ASCII: a file in UTF-8 with fewer that are whole is in another encoding
HEAD = 4096  # bytes in which a file shows what it is

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with the mark of UTF-16, so it comes before it
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NAMES = {"utf-16": "UTF-16", "utf-32": "UTF-32", "gb18030": "GBK", "cp1252": "Windows-1252"}

_HIGH = re.compile(rb"[\x80-\xff]+")
_CONFLICT = (re.compile(r"^<{7}(?: |$)", re.MULTILINE), re.compile(r"^>{7}(?: |$)", re.MULTILINE))
_PAGE = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.I)
_SHORTCUT = re.compile(r"\s*(?:\[InternetShortcut\]|\[Desktop Entry\]|<\?xml[\s\S]{0,300}<plist)")
_BINARY = (  # first bytes -> what the file is
    (b"%PDF", "pdf"),
    (b"{\\rtf", "rich_text"),
    (b"\xd0\xcf\x11\xe0", "office"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"Rar!", "archive"),
    (b"7z\xbc\xaf", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"BZh", "archive"),
    (b"\xfd7zXZ", "archive"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"bplist", "placeholder"),
    (b"version https://git-lfs", "placeholder"),
)

REASONS: dict[str, dict[str, str]] = {
    "empty": {
        "en": "The file is empty, as a cloud folder leaves a file that was not loaded yet; open the notebook on your "
        "own computer, save it and hand it in again.",
        "zh": "文件是空的，可能是云盘还没有把它真正下载下来；请在自己的电脑上打开 notebook，保存后重新提交。",
    },
    "placeholder": {
        "en": "The file only stands for a notebook that lies in a cloud or in Git LFS; download the notebook itself "
        "and hand it in.",
        "zh": "这只是云盘或 Git LFS 的占位文件，不是 notebook 本身；请下载真正的 notebook 再提交。",
    },
    "web_page": {
        "en": "The file is a saved web page, not the notebook; download the .ipynb file itself (File > Download) and "
        "hand it in.",
        "zh": "这是保存下来的网页，不是 notebook；请下载 .ipynb 文件本身（“文件 > 下载”）再提交。",
    },
    "pdf": {
        "en": "The file is a PDF, not the notebook; hand in the .ipynb file that it was printed from.",
        "zh": "这是 PDF，不是 notebook；请提交导出它的那个 .ipynb 文件。",
    },
    "rich_text": {
        "en": "The file was saved as rich text by a word processor; save the notebook in Jupyter and hand it in again.",
        "zh": "文件被文字处理软件另存成了 RTF 格式；请在 Jupyter 中保存 notebook 后重新提交。",
    },
    "office": {
        "en": "The file is an office document, not the notebook; hand in the .ipynb file itself.",
        "zh": "这是 Office 文档，不是 notebook；请提交 .ipynb 文件本身。",
    },
    "picture": {
        "en": "The file is a picture, not the notebook; hand in the .ipynb file itself.",
        "zh": "这是一张图片，不是 notebook；请提交 .ipynb 文件本身。",
    },
    "zip": {
        "en": "The file is a zip archive without a notebook in it; hand in the .ipynb file itself.",
        "zh": "这是一个 zip 压缩包，里面没有 notebook；请提交 .ipynb 文件本身。",
    },
    "archive": {
        "en": "The file is an archive of a kind that is not opened here; hand in the .ipynb file itself, or a zip.",
        "zh": "这种压缩包无法打开；请提交 .ipynb 文件本身，或改用 zip。",
    },
    "conflict": {
        "en": "The file holds conflict marks of Git (<<<<<<< and >>>>>>>); resolve the conflict, see whether the "
        "notebook opens in Jupyter, and hand it in again.",
        "zh": "文件里留有 Git 的冲突标记（<<<<<<< 和 >>>>>>>）；请先解决冲突，"
        "确认 notebook 能在 Jupyter 中打开，再重新提交。",
    },
    "damaged": {
        "en": "The notebook's file is damaged or ends in the middle; see whether it opens in Jupyter, save it there "
        "and hand it in again.",
        "zh": "notebook 文件已损坏或不完整；请确认它能在 Jupyter 中打开，保存后重新提交。",
    },
    "not_json": {
        "en": "The file is not a notebook (not JSON); save it in Jupyter and hand it in again.",
        "zh": "这个文件不是 notebook（不是 JSON 格式）；请在 Jupyter 中保存后重新提交。",
    },
    "not_a_notebook": {
        "en": "The file is JSON but not a notebook with cells; save it in Jupyter and hand it in again.",
        "zh": "这个文件是 JSON，但不是带单元格的 notebook；请在 Jupyter 中保存后重新提交。",
    },
    "too_many_parts": {
        "en": "The notebook holds far more data than a notebook does; clear its outputs and hand it in again.",
        "zh": "notebook 里的数据远多于正常的 notebook；请清除输出后重新提交。",
    },
    "too_many_cells": {
        "en": "The notebook has more than 2000 cells; remove those that are not needed.",
        "zh": "notebook 的单元格超过 2000 个；请删除不需要的单元格。",
    },
}


class ReadError(Exception):
    """A file that cannot be read as a notebook; `reason` is a key of REASONS, or of the caller's own."""

    def __init__(self, reason: str) -> None:
        """reason: a key of REASONS."""
        super().__init__(reason)
        self.reason = reason


def encoding_of(data: bytes) -> str:
    """The encoding of a text, by its mark, by where zero bytes stand, or by what its bytes can be."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    start = data[:4]
    if len(start) == 4 and start.count(0):  # a notebook and a script begin with a character of ASCII
        zeros = tuple(byte == 0 for byte in start)
        silent = {
            (False, True, True, True): "utf-32-le",
            (True, True, True, False): "utf-32-be",
            (False, True, False, True): "utf-16-le",
            (True, False, True, False): "utf-16-be",
        }
        if zeros in silent:
            return silent[zeros]
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return _without_unicode(data)
    return "utf-8"


def _without_unicode(data: bytes) -> str:
    """The encoding of bytes that are not all UTF-8: that with a fault in it, a Chinese one, or a western one."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    whole = sum(map(len, re.findall(r"[^\x00-\x7f\ufffd]+", text)))
    if whole and whole >= GOOD_SHARE * (whole + wrong):
        return "utf-8"
    runs = [len(run) for run in _HIGH.findall(data)]
    in_pairs = sum(length for length in runs if length > 1)
    if 2 * in_pairs >= sum(runs):
        try:
            data.decode("gb18030")
        except UnicodeDecodeError:
            return "cp1252"
        return "gb18030"
    return "cp1252"


def text_of(data: bytes) -> str:
    """The text of a file; what is no character in its encoding becomes a question mark in a diamond."""
    return data.decode(encoding_of(data), "replace").removeprefix("\ufeff")


def told_encoding(data: bytes) -> str:
    """The name of a file's encoding where it is not UTF-8; empty where it is."""
    return NAMES.get(encoding_of(data).removesuffix("-le").removesuffix("-be"), "")


def kind_of(data: bytes) -> str:
    """What a file is by its first bytes, as a key of REASONS; empty for one that may be text."""
    if not data.strip(b"\0 \t\r\n\xef\xbb\xbf\xfe\xff"):
        return "empty"
    head = data[:HEAD].removeprefix(codecs.BOM_UTF8).lstrip()
    kind = next((kind for start, kind in _BINARY if head.startswith(start)), "")
    is_office = b"[Content_Types].xml" in data[:HEAD] or b"mimetypeapplication/vnd.oasis" in data[:HEAD]
    return "office" if kind == "zip" and is_office else kind


def kind_of_text(text: str) -> str:
    """What a text is that is no JSON, as a key of REASONS."""
    head = text[:HEAD]
    if _PAGE.match(head):
        return "web_page"
    if _SHORTCUT.match(head):
        return "placeholder"
    if all(mark.search(text) for mark in _CONFLICT):
        return "conflict"
    return "damaged" if head.lstrip().startswith("{") and '"cell' in text else "not_json"
