"""Pages that people read after grading: one for each student and unit, one for the class.

Notable choices:
- a page is one HTML file without script, picture or font from elsewhere; a content security policy in its head
  forbids them as well;
- only named fields of a record reach a page, so that a field added to the log later can never be published by accident;
- everything that a student wrote is escaped by the template and first made harmless to the eye: control characters
  that reorder or hide text are shown by their number, huge lines and files are cut, with a note that says so;
- a state is told by a symbol and a word as well as by its colour;
- every word stands once, in both languages, in `templates/strings.yml`.
"""

import json
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from statistics import mean, median
from typing import Any
from urllib.parse import quote

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]  # pygments ships no types
from pygments.token import Comment, Keyword, Name, Number, String  # type: ignore[import-untyped]

from ..making.files import write_whole
from .hand_marks import read_hands, with_hands
from .harmless import on_one_line, tame

LANGUAGES = ("en", "zh")
OUTCOMES = ("passed", "partial", "failed", "error", "timeout", "memory", "crashed", "missing", "manual")

MAX_LINE = 300  # characters of a code line shown
MAX_LINES = 400  # lines of an exercise shown
MAX_NAME = 80  # characters of a student's name shown
MAX_SENTENCE = 2_000  # characters of a message shown
MAX_ANSWER = 20_000  # characters of a free-text answer shown
MAX_COLOURED = 20_000  # characters of code up to which it is coloured
HARDEST = 6  # checks listed as hardest

# An exercise's cell in the class table shows the worst thing that happened in it.
TROUBLE = ("crashed", "timeout", "memory", "error")

_BREAKS = re.compile(r"\r\n|\r|\n")
_LINE_IN_MESSAGE = re.compile(r"\blines? (\d{1,6})|第\s*(\d{1,6})\s*行")
_CODE_SPAN = re.compile(r"`([^`\n]+)`")
_SHOWN_CONTROL = re.compile(r"⟨U\+[0-9A-F]{4,6}⟩")
_QUESTION = re.compile(r"q\d+_")


# ---------------------------------------------------------------------------------------------- words


@lru_cache(maxsize=1)
def strings() -> dict[str, dict[str, str]]:
    """Every word of the pages: key -> {"en", "zh"}."""
    text = (Path(__file__).with_name("templates") / "strings.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def words(language: str) -> dict[str, str]:
    """Every word of the pages in one language.

    Raises ValueError for a language that the pages do not speak.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}. Try {LANGUAGES[0]!r}.")
    return {key: text[language] for key, text in strings().items()}


def in_language(text: Any, language: str) -> str:
    """A text in one language, from a plain string or from {"en", "zh"}; the other language where one is missing."""
    if isinstance(text, Mapping):
        text = text.get(language) or next((text[other] for other in LANGUAGES if text.get(other)), "")
    return text if isinstance(text, str) else ""


# ---------------------------------------------------------------------------------------------- harmless text


def shorten(text: str, limit: int) -> str:
    """The text, or its beginning and an ellipsis where it is longer than the limit."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def display_name(student: str) -> str:
    """A student's name on one line of sensible length."""
    return on_one_line(shorten(student, MAX_NAME)) or "?"


def sentence(text: str) -> Markup:
    """A sentence as HTML: escaped, with `code` in backticks set as code."""
    escaped = str(escape(tame(shorten(" ".join(text.split()), MAX_SENTENCE))))
    return Markup(_CODE_SPAN.sub(r"<code>\1</code>", escaped))


def breakable(name: str) -> Markup:
    """A long Python name that may be broken at its underscores and capitals."""
    return Markup(re.sub(r"(?<=_)(?=.)|(?<=[a-z])(?=[A-Z])", "<wbr>", str(escape(tame(name)))))


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    """A renderer for the course's own help texts; raw HTML stays text, and nothing points elsewhere."""
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link", "autolink"])


def help_text(text: str) -> Markup:
    """A step of further help as HTML."""
    return Markup(_markdown().render(tame(text)))


def points(value: float) -> str:
    """A number of points as people write it: 3, 2.5, 0.33."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


# ---------------------------------------------------------------------------------------------- code


@lru_cache(maxsize=256)  # a page has thousands of tokens of a few dozen kinds
def _css(kind: Any) -> str:
    """The css class of a kind of token, "" for a plain one."""
    if kind in Comment:
        return "c"
    if kind in String:
        return "s"
    if kind in Keyword:
        return "k"
    if kind in Number:
        return "m"
    return "f" if kind in Name.Function or kind in Name.Class else ""


def _colours(program: str) -> Iterator[tuple[str, str]]:
    """(css class or "", text) for each token of a program."""
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(program):
        yield _css(kind), text


def _coloured(text: str, css: str) -> str:
    escaped = _SHOWN_CONTROL.sub(lambda found: f'<span class="control">{found[0]}</span>', str(escape(text)))
    return f'<span class="{css}">{escaped}</span>' if css and escaped else escaped


def code_lines(source: str, marked: Iterable[int], t: Mapping[str, str]) -> tuple[list[dict[str, Any]], str]:
    """Numbered lines of a student's cell as HTML, and a note on what was cut ("" if nothing).

    marked: numbers of the lines that a message speaks of.
    """
    lines = _BREAKS.split(source.rstrip("\n\r"))
    cut = t["more_lines"].format(count=len(lines) - MAX_LINES) if len(lines) > MAX_LINES else ""
    shown = []
    for line in lines[:MAX_LINES]:
        rest = len(line) - MAX_LINE
        note = " " + t["more_characters"].format(count=rest) if rest > 0 else ""
        shown.append(tame(line[:MAX_LINE]) + note)

    program = "\n".join(shown)
    html = [""]
    for css, text in _colours(program) if len(program) <= MAX_COLOURED else [("", program)]:
        first, *others = text.split("\n")
        html[-1] += _coloured(first, css)
        html.extend(_coloured(other, css) for other in others)
    chosen = set(marked)
    return [{"number": i, "html": Markup(line), "marked": i in chosen} for i, line in enumerate(html, start=1)], cut


def _lines_named(message: str) -> list[int]:
    """Line numbers that a message speaks of, in either language."""
    return [int(a or b) for a, b in _LINE_IN_MESSAGE.findall(message)]


# ---------------------------------------------------------------------------------------------- records


def _number(value: Any) -> float:
    usable = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if usable else 0.0


def _outcome(score: Mapping[str, Any]) -> str:
    outcome = score.get("outcome")
    return outcome if outcome in OUTCOMES else "error"


def _scores(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The record's scores with every field present and of the right type."""
    return [
        {
            "exercise": str(score.get("exercise") or "?"),
            "check": score.get("check") or None,
            "points": _number(score.get("points")),
            "max": _number(score.get("max_points")),
            "outcome": _outcome(score),
            "message": score.get("message"),
            "hint": score.get("hint") or None,
            "by_hand": score.get("by_hand") is True,
            "automatic": score.get("automatic_points"),
            "comment": score.get("comment"),
        }
        for score in record.get("scores") or []
    ]


def _full_name(score: Mapping[str, Any]) -> str:
    return f"{score['exercise']}-{score['check']}" if score["check"] else score["exercise"]


def _by_exercise(scores: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for score in scores:
        groups.setdefault(score["exercise"], []).append(score)
    return groups


def _is_unread_answer(score: Mapping[str, Any]) -> bool:
    """Whether this is a free-text question (named `q1_…`) that was left empty or could not be read."""
    judged = score["outcome"] in ("manual", "passed", "partial", "failed")
    return bool(_QUESTION.match(score["exercise"])) and not judged


def _automatic(scores: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The scores that are settled: everything but free text that nobody has read."""
    return [score for score in scores if score["outcome"] != "manual" and not _is_unread_answer(score)]


def _is_written(score: Mapping[str, Any]) -> bool:
    """Whether this is a free-text question; one of a course that names them otherwise shows it by its outcome."""
    return bool(_QUESTION.match(score["exercise"])) or (score["outcome"] == "manual" and not score["check"])


def _lost(scores: Iterable[dict[str, Any]]) -> float:
    """Points that could have been had; extra credit on one check makes up for nothing on another."""
    return sum(max(0.0, score["max"] - score["points"]) for score in scores)


def _earned(scores: Iterable[dict[str, Any]]) -> float:
    return sum(score["points"] for score in scores)


def _possible(scores: Iterable[dict[str, Any]]) -> float:
    return sum(score["max"] for score in scores)


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a JSON lines file; a line that a killed run left half written is passed over."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                yield found


def read_records(results: Path) -> list[dict[str, Any]]:
    """The last record of each student and unit in a results folder, ordered by student and unit.

    They come from `log.jsonl`, with what people entered in `gradebook.db`. A student and unit that stand in
    `scores.json` alone get a record made from their scores, without code.
    Raises ValueError if the folder or both files are absent, GradebookError if the gradebook cannot be read.
    """
    results = Path(results)
    log, table = results / "log.jsonl", results / "scores.json"
    if not results.is_dir():
        raise ValueError(
            f"results must be a folder that `course grade` wrote, got {results}, which is not a folder. "
            "Run `course grade` first?"
        )
    if not log.is_file() and not table.is_file():
        raise ValueError(
            f"results must hold log.jsonl or scores.json, got {results}, which holds neither. Run `course grade` first?"
        )

    logged: dict[tuple[str, str], dict[str, Any]] = {}
    for record in _json_lines(log) if log.is_file() else ():
        student, unit = record.get("student"), record.get("unit")
        if isinstance(student, str) and isinstance(unit, str):
            logged[student, unit] = record
    merged = with_hands(list(logged.values()), read_hands(results)) if logged else []
    records = {(record["student"], record["unit"]): record for record in merged}
    if table.is_file():
        alone: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for score in json.loads(table.read_text(encoding="utf-8")):
            if (score["student"], score["unit"]) not in records:
                alone[score["student"], score["unit"]].append(score)
        for (student, unit), scores in alone.items():
            found = {score.get("outcome") for score in scores}
            outcome = "missing" if found <= {"missing", "manual"} else "error" if found == {"error"} else "graded"
            records[student, unit] = {
                "student": student,
                "unit": unit,
                "outcome": outcome,
                "language": LANGUAGES[0],
                "scores": scores,
            }
    return sorted(records.values(), key=lambda record: (_by_name(record["student"]), record["unit"]))


def _is_read(record: Mapping[str, Any]) -> bool:
    return record.get("outcome", "graded") == "graded"


def _by_name(student: str) -> tuple[str, str]:
    return student.casefold(), student


def record_language(record: Mapping[str, Any]) -> str:
    """The language of a submission, English where the record does not say."""
    language = record.get("language")
    return language if language in LANGUAGES else LANGUAGES[0]


# ---------------------------------------------------------------------------------------------- templates


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(template: str, page: Mapping[str, Any], t: Mapping[str, str]) -> str:
    return _environment().get_template(template).render(page=page, t=t).strip() + "\n"


def _date(record: Mapping[str, Any], t: Mapping[str, str]) -> str:
    """When a record was graded, to the minute, as a sentence; "" where it does not say."""
    date = record.get("date")
    if not isinstance(date, str) or not date:
        return ""
    zone = " UTC" if date.endswith(("+00:00", "Z")) else ""
    return t["graded_on"].format(date=tame(date[:16].replace("T", " ")) + zone)


def _title(texts: Mapping[str, Any], unit: str, language: str) -> str:
    return tame(in_language(texts.get("title"), language) or unit)


# ---------------------------------------------------------------------------------------------- a student's page


def _check_view(score: dict[str, Any], texts: Mapping[str, Any], language: str, t: Mapping[str, str]) -> dict[str, Any]:
    name, outcome = _full_name(score), score["outcome"]
    rule = in_language(texts.get("rules", {}).get(name), language)
    message = in_language(score["message"], language)
    hint = in_language(texts.get("hints", {}).get(score["hint"]), language) if score["hint"] else ""
    if not message and outcome not in ("passed", "manual"):
        message = t["no_message"]
    by_hand = ""
    if score["by_hand"] and outcome != "manual" and score["automatic"] is not None:
        given, checked = points(score["points"]), points(_number(score["automatic"]))
        by_hand = t["points_by_hand"].format(points=given, automatic=checked)
    return {
        "outcome": outcome,
        "word": t[f"state_{outcome}"],
        "name": tame(score["check"] or ""),
        "rule": sentence(rule),
        "message": "" if message.strip() == hint.strip() else sentence(message),
        "hint": sentence(hint),
        "by_hand": by_hand,
        "mark": points(score["max"]) if outcome == "manual" else f"{points(score['points'])} / {points(score['max'])}",
    }


def _steps(texts: Mapping[str, Any], exercise: str) -> Sequence[Any]:
    """Further help of an exercise, from `steps` or, as a unit's generated file has it, from `exercises`."""
    own = texts.get("exercises", {}).get(exercise, {})
    return texts.get("steps", {}).get(exercise) or own.get("steps") or []


def _exercise_view(
    name: str,
    scores: list[dict[str, Any]],
    record: Mapping[str, Any],
    texts: Mapping[str, Any],
    language: str,
    t: Mapping[str, str],
) -> dict[str, Any]:
    checks = [_check_view(score, texts, language, t) for score in scores]
    read = _is_read(record)
    if not read:  # nothing ran, so an error of the file is no error of the check
        checks = [check | {"word": t["problem_error"]} if check["outcome"] == "error" else check for check in checks]
    # One sentence said by every check (the cell is as released, say) is said once, above them.
    said = {check["message"] for check in checks}
    once = next(iter(said)) if len(checks) > 1 and len(said) == 1 else ""
    if once:
        checks = [check | {"message": ""} for check in checks]
    record_message = sentence(in_language(record.get("message"), language))
    if record_message:
        once = "" if once == record_message else once
        checks = [
            check | {"message": "" if check["message"] == record_message else check["message"]} for check in checks
        ]

    written = all(map(_is_written, scores))
    waiting = all(score["outcome"] == "manual" for score in scores)
    settled = [score for score in scores if score["outcome"] != "manual"]
    lost = _lost(settled)
    comment = next((text for score in scores if isinstance(text := score["comment"], str)), "")
    source = (record.get("sources") or {}).get(name)
    answer = (record.get("answers") or {}).get(name)
    lines: list[dict[str, Any]] = []
    cut = ""
    if read and not written and isinstance(source, str) and source.strip():
        named = [number for score in scores for number in _lines_named(in_language(score["message"], language))]
        lines, cut = code_lines(source, named, t)
    steps = _steps(texts, name)
    first = in_language(steps[0], language) if steps and lost > 0 and read else ""
    total = f"{points(_earned(settled))} / {points(_possible(settled))} {t['points_word']}"
    if waiting:
        total = f"{points(_possible(scores))} {t['points_word']}"
    shown_answer = None
    if read and written:
        shown_answer = tame(shorten(_BREAKS.sub("\n", answer), MAX_ANSWER)).strip() if isinstance(answer, str) else ""
    return {
        "name": tame(name),
        "checks": checks,
        "once": once,
        "lost": lost,
        "sum": f"{t['question']} · {total}" if written else total,
        "step": help_text(first) if first else "",
        "lines": lines,
        "cut": cut,
        "open": lost > 0,
        "comment": tame(shorten(_BREAKS.sub("\n", comment), MAX_ANSWER)).strip(),
        "answer": shown_answer,
        "no_code": read and not written and not lines,
    }


def _bar(earned: float, lost: float, still_open: float, t: Mapping[str, str]) -> list[dict[str, Any]]:
    parts = [
        ("b-pass", earned, "legend_earned"),
        ("b-fail", lost, "legend_lost"),
        ("b-hand", still_open, "legend_open"),
    ]
    return [
        {"css": css, "size": points(size), "points": points(size), "word": t[word]}
        for css, size, word in parts
        if size > 0
    ]


def feedback_page(record: Mapping[str, Any], texts: Mapping[str, Any], language: str | None = None) -> str:
    """A student's page on one unit, as one HTML file.

    record: one line of `log.jsonl`.
    texts: the unit's title, rules, hints and steps in both languages; what is absent is left out.
    language: "en" or "zh"; None takes that of the submission.
    Raises ValueError for another language.
    """
    language = language or record_language(record)
    t = words(language)
    unit = str(record.get("unit") or "?")
    scores = _scores(record)
    automatic = _automatic(scores)
    earned, graded = _earned(automatic), _possible(automatic)
    still_open = _possible(score for score in scores if score["outcome"] == "manual")
    lost = _lost(automatic)

    exercises = [
        _exercise_view(name, group, record, texts, language, t) for name, group in _by_exercise(scores).items()
    ]
    exercises = [view | {"anchor": f"exercise-{i}"} for i, view in enumerate(exercises, start=1)]
    outcome = record.get("outcome", "graded")
    notice = None
    if outcome != "graded":
        kind = outcome if outcome == "missing" else "error"
        message = sentence(in_language(record.get("message"), language))
        notice = {"kind": kind, "heading": t[f"{kind}_heading"], "body": t[f"{kind}_body"], "message": message}
    to_look_at = [view for view in exercises if view["lost"] > 0] if notice is None else []

    unit_title = _title(texts, unit, language)
    notes = []
    if still_open or notice is None:
        notes.append(t["points_open"].format(points=points(still_open)) if still_open else t["points_none_open"])
    empty = _possible(score for score in scores if _is_unread_answer(score))
    if empty and notice is None:
        notes.append(t["points_empty"].format(points=points(empty)))
    if _is_read(record) and (found := in_language(record.get("note"), language)):
        notes.insert(0, sentence(found))
    page = {
        "title": f"{t['feedback_title'].format(unit=unit_title)} · {display_name(str(record.get('student', '')))}",
        "unit": tame(unit),
        "unit_title": unit_title,
        "student": display_name(str(record.get("student", ""))),
        "notice": notice,
        "earned_text": points(earned),
        "graded_text": points(graded),
        "graded_max": graded,
        "graded_word": t["points_graded_too" if any(score["by_hand"] for score in automatic) else "points_graded"],
        "open": still_open,
        "notes": notes,
        "bar": _bar(earned, lost, still_open, t),
        "bar_label": t["bar_label"].format(earned=points(earned), lost=points(lost), open=points(still_open)),
        "all_right": notice is None and graded > 0 and lost <= 0 and not empty,
        "next": [
            {
                "anchor": view["anchor"],
                "name": view["name"],
                "to_gain": t["to_gain"].format(points=points(view["lost"])),
            }
            for view in to_look_at
        ],
        "exercises": exercises,
        "date": _date(record, t),
    }
    return _render("feedback.html.j2", page, t)


# ---------------------------------------------------------------------------------------------- the class page


def feedback_href(student: str, unit: str) -> str:
    """The address of a feedback page relative to the results folder, quoted for a link."""
    return "/".join(quote(os.fsencode(part), safe="") for part in ("feedback", student, f"{unit}.html"))


def _person(record: Mapping[str, Any]) -> dict[str, str]:
    return {"name": display_name(record["student"]), "href": feedback_href(record["student"], record["unit"])}


def _cell(scores: list[dict[str, Any]], t: Mapping[str, str]) -> dict[str, str]:
    """One student's exercise in the class table: the worst state, and the points."""
    outcomes = {score["outcome"] for score in scores}
    earned, possible = _earned(_automatic(scores)), _possible(_automatic(scores))
    if outcomes == {"manual"}:
        outcome, text = "manual", f"({points(_possible(scores))})"
    else:
        trouble = next((kind for kind in TROUBLE if kind in outcomes), None)
        text = points(earned)
        if trouble:
            outcome = trouble
        elif outcomes <= {"missing", "manual"}:
            outcome = "missing"
        elif earned >= possible:
            outcome = "passed"
        else:
            outcome = "partial" if earned > 0 else "failed"
    return {"outcome": outcome, "word": t[f"state_{outcome}"], "text": text}


def _share(record: Mapping[str, Any]) -> float | None:
    """Share of the automatic points that a submission earned; None where there were none."""
    automatic = _automatic(_scores(record))
    possible = _possible(automatic)
    return _earned(automatic) / possible if possible else None


def distribution_chart(shares: list[float], t: Mapping[str, str]) -> Markup:
    """An inline SVG: number of notebooks per tenth of the automatic points; full marks count in the last tenth."""
    counts = [0] * 10
    for share in shares:
        counts[min(9, max(0, int(share * 10 + 1e-9)))] += 1
    left, top, width, height, bottom = 42, 22, 460, 200, 44
    floor, step, tallest = top + height, width / 10, max([*counts, 1])

    def text(x: float, y: float, words: object, how: str = 'text-anchor="middle"') -> str:
        return f'<text x="{x:.1f}" y="{y:.1f}" {how}>{escape(words)}</text>'

    parts = []
    for tick in sorted({0, tallest, *([tallest // 2] if tallest >= 4 else [])}):
        y = floor - height * tick / tallest
        parts.append(f'<line class="grid-line" x1="{left}" x2="{left + width}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(left - 8, y + 4, tick, 'text-anchor="end"'))
    for i, count in enumerate(counts):
        x, y = left + i * step, floor - height * count / tallest
        if count:
            box = f'x="{x + 4:.1f}" y="{y:.1f}" width="{step - 8:.1f}" height="{floor - y:.1f}"'
            parts.append(f'<rect class="col" {box} rx="3"/>')
            parts.append(text(x + step / 2, y - 6, count, 'class="value" text-anchor="middle"'))
        parts.append(text(x, floor + 17, i * 10))
    parts.append(text(left + width, floor + 17, 100))
    parts.append(text(left + width / 2, floor + 37, t["distribution_x"]))
    parts.append(text(4, 12, t["distribution_y"], ""))
    label = escape(t["distribution_label"].format(counts=", ".join(map(str, counts))))
    box = f"0 0 {left + width + 18} {top + height + bottom}"
    return Markup(f'<svg class="chart" viewBox="{box}" role="img" aria-label="{label}">{"".join(parts)}</svg>')


def _hardest(records: Sequence[Mapping[str, Any]], texts: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    """The checks that the class lost most of, hardest first; the order is the unit's where shares are equal."""
    earned: dict[str, float] = {}
    possible: dict[str, float] = {}
    for record in records:
        for score in _automatic(_scores(record)):
            name = _full_name(score)
            earned[name] = earned.get(name, 0.0) + score["points"]
            possible[name] = possible.get(name, 0.0) + score["max"]
    shares = {name: earned[name] / possible[name] for name in earned if possible[name]}
    hardest = sorted((name for name in shares if shares[name] < 1), key=lambda name: shares[name])[:HARDEST]
    rules = texts.get("rules", {})
    return [
        # rounded down, so that 100 % means all
        {
            "name": breakable(name),
            "percent": int(shares[name] * 100),
            "rule": sentence(in_language(rules.get(name), language)),
        }
        for name in hardest
    ]


def _misconceptions(
    records: Sequence[Mapping[str, Any]], texts: Mapping[str, Any], language: str, t: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Misconceptions by number of students, commonest first, then by name."""
    holders: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    checks: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        for score in _scores(record):
            if score["hint"]:
                holders[score["hint"]].setdefault(record["student"], _person(record))
                checks[score["hint"]][_full_name(score)] += 1
    found = []
    for hint in sorted(holders, key=lambda name: (-len(holders[name]), name)):
        question = sentence(in_language(texts.get("hints", {}).get(hint), language))
        plain = tame(str(hint).replace("_", " ")).capitalize()
        name, below = (question, "") if language == "zh" and question else (plain, question)
        count = len(holders[hint])
        found.append(
            {
                "name": name,
                "question": below,
                "count": t["students_count_one"] if count == 1 else t["students_count"].format(count=count),
                "checks": breakable(", ".join(sorted(checks[hint]))),
                "students": list(holders[hint].values()),
            }
        )
    return found


def _unit_view(
    unit: str, records: list[dict[str, Any]], texts: Mapping[str, Any], language: str, t: Mapping[str, str]
) -> dict[str, Any]:
    """Everything that the class page says about one unit."""
    grouped = [_by_exercise(_scores(record)) for record in records]
    columns = list(dict.fromkeys(name for groups in grouped for name in groups))
    rows, seen = [], set()
    for record, groups in zip(records, grouped, strict=True):
        cells = [_cell(groups[name], t) if name in groups else None for name in columns]
        seen |= {cell["outcome"] for cell in cells if cell}
        rows.append(_person(record) | {"cells": cells, "sum": points(_earned(_automatic(_scores(record))))})

    read = [record for record in records if _is_read(record)]
    means, possible = [], []
    for name in columns:
        of_read = [_by_exercise(_scores(record)).get(name, []) for record in read]
        automatic = [_earned(_automatic(group)) for group in of_read if _automatic(group)]
        means.append(points(mean(automatic)) if automatic else t["not_in_class"])
        possible.append(max((_possible(groups[name]) for groups in grouped if name in groups), default=0.0))
    sums = [_earned(_automatic(_scores(record))) for record in read]
    automatic_possible = max((_possible(_automatic(_scores(record))) for record in records), default=0.0)
    out = len(records) - len(read)
    return {
        "name": tame(unit),
        "title": _title(texts, unit, language),
        "columns": [breakable(name) for name in columns],
        "rows": rows,
        "means": [*means, points(mean(sums)) if sums else t["not_in_class"]],
        "possible": [*map(points, possible), points(automatic_possible)],
        "legend": [{"outcome": outcome, "word": t[f"state_{outcome}"]} for outcome in OUTCOMES if outcome in seen],
        "chart": distribution_chart([share for record in read if (share := _share(record)) is not None], t),
        "out": t["distribution_out"].format(count=out) if out else "",
        "hardest": _hardest(read, texts, language),
        "talk": _misconceptions(read, texts, language, t),
        "automatic_possible": automatic_possible,
    }


def _overview(by_unit: Mapping[str, list[dict[str, Any]]], views: list[dict[str, Any]]) -> dict[str, Any]:
    """Students against units, for a class that worked on several."""
    found = {(record["student"], unit): record for unit, records in by_unit.items() for record in records}
    rows = []
    for student in sorted({student for student, _ in found}, key=_by_name):
        cells: list[dict[str, str] | None] = []
        total = 0.0
        for unit, view in zip(by_unit, views, strict=True):
            record = found.get((student, unit))
            earned = _earned(_automatic(_scores(record))) if record else 0.0
            total += earned
            cells.append(
                {"text": points(earned), "href": feedback_href(student, unit), "unit": view["title"]}
                if record
                else None
            )
        rows.append({"name": display_name(student), "cells": cells, "sum": points(total)})
    possible = [view["automatic_possible"] for view in views]
    return {"rows": rows, "possible": [*map(points, possible), points(sum(possible))]}


def _open_answers(by_unit: Mapping[str, list[dict[str, Any]]], views: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Free-text questions with the number of answers that a person has to read."""
    found = []
    for (_, records), view in zip(by_unit.items(), views, strict=True):
        waiting: Counter[str] = Counter()
        worth: dict[str, float] = {}
        for record in records:
            for score in _scores(record):
                if score["outcome"] == "manual" and _is_read(record):
                    waiting[score["exercise"]] += 1
                    worth[score["exercise"]] = score["max"]
        found += [
            {"question": breakable(name), "unit": view["title"], "count": waiting[name], "points": points(worth[name])}
            for name in waiting
        ]
    return found


def _problems(
    by_unit: Mapping[str, list[dict[str, Any]]], titles: Mapping[str, str], language: str, t: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Submissions and exercises that an instructor should look at, by unit and student."""
    found = []
    for unit, records in by_unit.items():
        for record in records:
            if not _is_read(record):
                kind = "missing" if record.get("outcome") == "missing" else "error"
                message = sentence(in_language(record.get("message"), language) or t[f"{kind}_body"])
                found.append(
                    _person(record)
                    | {
                        "outcome": kind,
                        "word": t[f"problem_{kind}"],
                        "unit": titles[unit],
                        "exercise": "",
                        "message": message,
                    }
                )
                continue
            told = set()
            for score in _scores(record):
                key = score["exercise"], score["outcome"]
                if score["outcome"] in ("crashed", "timeout", "memory") and key not in told:
                    told.add(key)
                    message = sentence(in_language(score["message"], language))
                    word, exercise = t[f"state_{score['outcome']}"], breakable(score["exercise"])
                    found.append(
                        _person(record)
                        | {
                            "outcome": score["outcome"],
                            "word": word,
                            "unit": titles[unit],
                            "exercise": exercise,
                            "message": message,
                        }
                    )
    return found


def class_page(
    records: Iterable[Mapping[str, Any]], texts_by_unit: Mapping[str, Mapping[str, Any]], language: str
) -> str:
    """The class's page over every unit in the records, as one HTML file.

    records: lines of `log.jsonl`, one per student and unit.
    texts_by_unit: unit -> title, rules, hints and steps in both languages.
    Raises ValueError for a language that is neither "en" nor "zh".
    """
    t = words(language)
    by_unit: dict[str, list[dict[str, Any]]] = {}
    for record in sorted(records, key=lambda record: (record["unit"], _by_name(record["student"]))):
        by_unit.setdefault(record["unit"], []).append(dict(record))
    views = [_unit_view(unit, group, texts_by_unit.get(unit, {}), language, t) for unit, group in by_unit.items()]
    views = [view | {"anchor": f"unit-{i}"} for i, view in enumerate(views, start=1)]

    everything = [record for group in by_unit.values() for record in group]
    read = [record for record in everything if _is_read(record)]
    shares = [share for record in read if (share := _share(record)) is not None]
    manual = _open_answers(by_unit, views)
    problems = _problems(by_unit, dict(zip(by_unit, (view["title"] for view in views), strict=True)), language, t)
    tiles = [
        (str(len({record["student"] for record in everything})), "tile_students"),
        (f"{len(read)} / {len(everything)}", "tile_handed_in"),
        (f"{mean(shares):.0%}" if shares else "–", "tile_mean"),
        (f"{median(shares):.0%}" if shares else "–", "tile_median"),
        (str(sum(item["count"] for item in manual)), "tile_manual"),
        (str(len(problems)), "tile_problems"),
    ]
    dates = [record["date"] for record in everything if isinstance(record.get("date"), str)]
    several = len(views) > 1
    heading = t["class_all_units"] if several or not views else views[0]["title"]
    page = {
        "title": t["class_title"].format(units=heading),
        "heading": heading,
        "date": _date({"date": max(dates)}, t) if dates else "",
        "tiles": [{"value": value, "word": t[word]} for value, word in tiles],
        "units": views,
        "overview": _overview(by_unit, views) if several else None,
        "manual": manual,
        "problems": problems,
    }
    return _render("class.html.j2", page, t)


# ---------------------------------------------------------------------------------------------- files


def folder_part(name: str, what: str) -> str:
    """The name, if it can be one folder or file name inside the results folder.

    Raises ValueError for a name that would leave the folder.
    """
    separators = {"/", os.sep, os.altsep or "/"}
    if name in ("", ".", "..") or "\0" in name or any(separator in name for separator in separators):
        raise ValueError(
            f"{what} must be the name of a folder, got {name!r}. Is the log damaged? Grade again with --regrade."
        )
    return name


def write_page(results: Path, record: Mapping[str, Any], texts: Mapping[str, Any], language: str | None = None) -> Path:
    """Writes `feedback/<student>/<unit>.html` in the results folder for one record; returns its path.

    texts, language: as in `feedback_page`.
    """
    unit, student = folder_part(record["unit"], "unit"), folder_part(record["student"], "student")
    return write_whole(results / "feedback" / student / f"{unit}.html", feedback_page(record, texts, language))


def write_feedback(
    results: Path, texts_by_unit: Mapping[str, Mapping[str, Any]], language: str | None = None
) -> list[Path]:
    """Writes the page of every record of a results folder; returns the paths.

    language: None gives each student the language of the submission.
    """
    records = read_records(Path(results))
    return [write_page(Path(results), record, texts_by_unit.get(record["unit"], {}), language) for record in records]


def write_class_page(
    results: Path, texts_by_unit: Mapping[str, Mapping[str, Any]], language: str | None = None
) -> Path:
    """Writes `class.html` in the results folder; returns its path.

    language: None takes the one that most submissions are written in.
    """
    results = Path(results)
    records = read_records(results)
    if language is None:
        counted = Counter(record_language(record) for record in records)
        language = max(LANGUAGES, key=lambda name: counted[name])
    return write_whole(results / "class.html", class_page(records, texts_by_unit, language))
