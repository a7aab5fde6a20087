"""The page of signals: both places side by side, for a person who then looks at the notebooks themselves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from ...files import write_whole
from ...harmless import tame
from ..signals.look import OWN_CELLS, Call, Pair, Signals
from ..signals.outputs import Misfit
from .code import MAX_LINE, code_lines
from .text import BREAKS, display_name, note_text, render, shorten, title_of, words

PAGE = "signals.html"
MAX_PAIRS = 120  # shown with both places; all of them stand in signals.json
MAX_OTHERS = 400  # rows of each other kind
MAX_STORED = 400  # characters of an output shown

_HOW = {"written": "alike_written", "shape": "alike_shape", "words": "alike_words"}
_WHY = {
    "count_differs": "output_count_differs",
    "no_run": "output_no_run",
    "never_run": "output_never_run",
    "error_above": "output_error_above",
    "same_run": "output_same_run",
}


def signals_page(signals: Signals, texts_by_unit: Mapping[str, Mapping[str, Any]], language: str) -> str:
    """The signals of a class as one HTML file.

    Raises ValueError for a language that the pages do not speak.
    """
    t = words(language)

    def title(unit: str) -> str:
        return title_of(texts_by_unit.get(unit, {}), unit, language)

    page = {
        "title": t["signals_title"],
        "count": t["signals_count"].format(count=signals.notebooks),
        "pairs": [_pair(pair, title(pair.unit), t) for pair in signals.pairs[:MAX_PAIRS]],
        "more_pairs": _more(len(signals.pairs), MAX_PAIRS, t),
        "calls": [_call(call, title(call.unit), t) for call in signals.calls[:MAX_OTHERS]],
        "more_calls": _more(len(signals.calls), MAX_OTHERS, t),
        "misfits": [_misfit(each, title(each.unit), t) for each in signals.misfits[:MAX_OTHERS]],
        "more_misfits": _more(len(signals.misfits), MAX_OTHERS, t),
        "without_marks": not signals.knows_marks,
    }
    return render("signals.html.j2", page, t)


def write_signals_page(
    results: Path, signals: Signals, texts_by_unit: Mapping[str, Mapping[str, Any]], language: str
) -> Path:
    """Write `signals.html` in the results folder; returns its path."""
    return write_whole(results / PAGE, signals_page(signals, texts_by_unit, language))


def _more(count: int, shown: int, t: Mapping[str, str]) -> str:
    return t["signals_more"].format(count=count - shown) if count > shown else ""


def _pair(pair: Pair, title: str, t: Mapping[str, str]) -> dict[str, Any]:
    found = pair.alike
    show = _text_lines if pair.how == "words" else code_lines
    sides = []
    for student, text, marked in zip((found.first, found.second), pair.texts, found.places, strict=True):
        lines, cut = show(text, marked, t)
        sides.append({"name": display_name(student), "lines": lines, "cut": cut})
    return {
        "unit": title,
        "exercise": t["own_cells"] if pair.exercise == OWN_CELLS else tame(pair.exercise),
        "is_words": pair.how == "words",
        "how": t[_HOW[pair.how]],
        "what": t["alike_tokens"].format(tokens=found.tokens, share=round(100 * found.share)),
        "rare": t["alike_rare"].format(holders=found.holders, answers=pair.answers),
        "sides": sides,
    }


def _text_lines(text: str, marked: tuple[int, ...], t: Mapping[str, str]) -> tuple[list[dict[str, Any]], str]:
    """Lines of an answer in words, as `code_lines` gives those of code; each is a paragraph and shown whole."""
    lines = BREAKS.split(note_text(text))
    return [
        {"number": i, "html": Markup(escape(line)), "marked": i in marked} for i, line in enumerate(lines, start=1)
    ], ""


def _call(call: Call, title: str, t: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": display_name(call.student),
        "unit": title,
        "exercise": tame(call.mention.exercise),
        "call": tame(call.mention.call),
        "line": t["signals_line"].format(line=call.mention.line),
        "text": tame(shorten(call.mention.text.strip(), MAX_LINE)),
    }


def _misfit(misfit: Misfit, title: str, t: Mapping[str, str]) -> dict[str, Any]:
    names = [display_name(name) for name in (misfit.student, misfit.other) if name]
    cells = [str(misfit.cell), *([str(misfit.other_cell)] if misfit.other else [])]
    return {
        "names": names,
        "unit": title,
        "exercise": tame(misfit.exercise),
        "why": t[_WHY[misfit.kind]],
        "cells": t["signals_cell"].format(cells=" / ".join(cells)),
        "text": note_text(shorten(misfit.text, MAX_STORED)),
    }
