"""Marks as an XLSX file."""

from __future__ import annotations

from io import BytesIO

from ..harmless import on_one_line
from .marks import Marks


def as_xlsx(marks: Marks) -> bytes:
    """A workbook with a row per student: who it is, a number for each unit, and the sum.

    A name that begins with = is a text there, and marked as one, so that typing into its cell makes no formula of it.
    """
    from openpyxl import Workbook  # takes a third of a second to import
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook()
    sheet = book.active
    sheet.title = "marks"
    header = ["student", "name", "email", "SIS id", "section", *marks.units, "sum"]
    sheet.append(header)
    sheet.append(["", "of", "", "", "", *(float(marks.possible[unit]) for unit in marks.units)])
    for row in marks.rows:
        person = row.person
        about = [person.full_name, person.email, person.sis_id, person.section] if person else ["", "", "", ""]
        cells = [marks.told(row, unit) for unit in marks.units]
        numbers = [float(cell) if cell else None for cell in cells]
        sheet.append([None] * 5 + [*numbers, sum(number or 0.0 for number in numbers)])
        for place, text in enumerate([row.student, *about], start=1):
            cell = sheet.cell(sheet.max_row, place)
            cell.value = on_one_line(text)
            cell.data_type, cell.quotePrefix = "s", True
    for place, cell in enumerate(sheet[1], start=1):
        cell.font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(place)].width = max(12, len(header[place - 1]) + 2)
    sheet.freeze_panes = "C3"
    content = BytesIO()
    book.save(content)
    return content.getvalue()
