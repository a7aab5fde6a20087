"""Feedback pages as Moodle's "upload multiple feedback files in a zip" takes them.

Moodle's importer (mod/assign/feedback/file/importziplib.php) breaks each part of a path at its underscores: a full
name, the participant's number in this assignment, `assignsubmission`, `file`. Number and full name are those of the
folder in which Moodle's own download held the submission; whoever is not in a download cannot be given a file this way.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

from ..files import write_whole
from .marks import Marks
from .pages.text import folder_part

PLATFORM = "Moodle"
_DATE = (1980, 1, 1, 0, 0, 0)  # the same feedback gives the same bytes


def write_feedback_zips(results: Path, marks: Marks, out: Path, note: Callable[[str], None]) -> Path:
    """Write `out/<unit>.zip` for each unit that came from Moodle; returns the folder.

    Raises ValueError where nothing came from Moodle.
    """
    written = 0
    for unit in marks.units:
        content, count, without = io.BytesIO(), 0, []
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for row in marks.rows:
                arrival = marks.terms.arrivals.get(row.student, {}).get(unit)
                page = results / "feedback" / folder_part(row.student, "student") / f"{unit}.html"
                mark = row.marks.get(unit)
                if mark is None or mark.is_missing or not page.is_file():
                    continue
                if arrival is None or arrival.platform != PLATFORM or not arrival.number:
                    without.append(row.student)
                    continue
                folder = f"{arrival.full_name.replace('_', ' ')}_{arrival.number}_assignsubmission_file_"
                entry = zipfile.ZipInfo(f"{folder}/{unit}.html", _DATE)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(entry, page.read_bytes())
                count += 1
        if count:
            write_whole(out / f"{unit}.zip", content.getvalue())
            written += 1
            if without:
                note(f"{unit}: {len(without)} pages are in no zip, their students are in no download of Moodle's")
    if not written:
        raise ValueError(
            "feedback goes back to Moodle by the numbers in its download, got none. Collect that download (course "
            "collect), grade, and export again."
        )
    return out
