"""The one script that a page holds: it sorts and filters the tables of the class page.

The page's policy names this script by its hash, so that no other one runs there, whatever a student wrote. The script
itself only moves and hides rows; it makes no HTML of any text. Without it everything stands there in its usual order.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup

_FILE = Path(__file__).resolve().parent.parent / "templates" / "tables.js"


@dataclass(frozen=True)
class Script:
    """A script as a page holds it."""

    text: Markup  # between its tags
    source: str  # by which a content security policy allows it
    lines: int


@lru_cache(maxsize=1)
def table_script() -> Script:
    """The script of the class page. Raises ValueError for one that would end its own element."""
    text = _FILE.read_text(encoding="utf-8").strip()
    if "</" in text or "<!--" in text:
        raise ValueError(f"{_FILE} must hold neither </ nor <!--, or a browser takes its end for that of the script")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Script(Markup(text), f"'sha256-{digest}'", len(text.splitlines()))
