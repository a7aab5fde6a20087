"""The overview that leads a student to the pages of all units, with a note by hand."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ...grading.record import Record
from ...grading.terms import Terms
from .records import automatic_scores, points_earned, points_possible
from .text import display_name, note_text, points, render, title_of, words


def overview_page(
    records: Sequence[Record],
    texts_by_unit: Mapping[str, Mapping[str, Any]],
    note: str = "",
    terms: Terms | None = None,
) -> str:
    """A student's overview, as one HTML file that lies beside the units' pages.

    records: all of one student.
    """
    first = next((record for record in records if record.is_read), records[0])
    language = first.language
    t = words(language)
    units = []
    for record in records:
        settled = automatic_scores(record.scores)
        late = terms.late_of_record(record) if terms else None
        earned = points_earned(settled) - (late.penalty if late else 0.0)
        still_open = points_possible(score for score in record.scores if score.outcome == "manual")
        units.append(
            {
                "title": title_of(texts_by_unit.get(record.unit, {}), record.unit, language),
                "href": f"{quote(record.unit)}.html",
                "points": t["missing_heading"] if record.outcome == "missing" else points(earned),
                "possible": points(points_possible(settled)),
                "open": points(still_open) if still_open else t["not_in_class"],
            }
        )
    name = display_name(first.student)
    page = {
        "title": f"{t['overview_title']} · {name}",
        "student": name,
        "note": note_text(note),
        "units": units,
    }
    return render("overview.html.j2", page, t)
