"""A case that shows a mistake, drawn: named axes where a shape is wrong, marked numbers where values are.

As text for a terminal, and as HTML with a small heat map for a notebook; both say the same.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..asking.codec import Foreign, Reference
from ..asking.student import kind_of
from ..judging.example import CLOSE, has_tensors, number_type
from ..judging.judge import Trouble
from ..judging.sentences import Text, filled
from .panel import CODE, GREY, heat
from .shown import Axes, Piece, Shown

ROWS, COLUMNS = 6, 8  # of a window of numbers
MAX_GIVEN = 240  # characters of an input that is written out; longer ones are told by their axes alone
MAX_WORDS = 160  # characters of a value that is no tensor
MAX_BOXES = 12  # of one axis in a drawing
BOX = "▪"
DIGITS, MORE_DIGITS = 4, 7  # of numbers; more where fewer would show two different ones as the same
ROUNDING = 5e-7  # what float32 leaves of a 0
OTHER = "≠"  # marks a number that is not as it should be; colours alone would not be seen by all

WORDS: dict[str, Text] = {
    "expected": {"en": "expected", "zh": "应为"},
    "yours": {"en": "yours", "zh": "你的"},
    "yes": {"en": "yes", "zh": "是"},
    "no": {"en": "no", "zh": "否"},
    "": {"en": "nothing was raised", "zh": "没有抛出异常"},
    "none": {"en": "none", "zh": "无"},
    "and": {"en": "; ", "zh": "；"},
    "of": {"en": ": ", "zh": "："},
}


@dataclass(frozen=True)
class Window:
    """A part of two tables of numbers, of what was expected and what came back; the second marks what differs."""

    place: str  # "batch 1, head 0": which part it is; empty where it is all
    expected: list[list[str]]
    got: list[list[str]]
    differs: list[list[float]]  # 0 where a number is as it should be, else its share of the largest difference


def window(expected: Tensor, got: Tensor, axes: Axes) -> Window:
    """The part of two tensors of one shape, of a number and more, round the first number that differs."""
    one, other = (value.detach().double().cpu() for value in (expected, got))
    wrong = ~torch.isclose(other, one, rtol=CLOSE.rtol, atol=CLOSE.atol, equal_nan=True)
    if not wrong.any():
        wrong = other != one
    first = wrong.nonzero()[0].tolist() if wrong.any() else [0] * one.dim()
    most = [1] * (one.dim() - 2) + [ROWS, COLUMNS][-min(one.dim(), 2) :]
    cut = [_part(index, size, room) for index, size, room in zip(first, one.shape, most, strict=True)]
    names = axes if len(axes) == one.dim() else tuple(f"axis {number}" for number in range(one.dim()))
    told = [_place(*each) for each in zip(names, cut, one.shape, strict=True)]
    one, other, wrong = (value[tuple(cut)].reshape(-1, value[tuple(cut)].shape[-1]) for value in (one, other, wrong))
    gaps = (one - other).abs().nan_to_num(math.inf)
    finite = gaps[gaps.isfinite()]
    largest = finite.max().item() if finite.any() else 1.0
    shares = torch.where(wrong, (gaps / largest).clamp(0.01, 1.0), 0.0)
    digits = _digits(one, other, wrong)
    return Window(", ".join(filter(None, told)), _table(one, digits), _table(other, digits), shares.tolist())


def _part(index: int, size: int, room: int) -> slice:
    """As many places of an axis as there is room for, among them the given one."""
    start = max(0, min(index - room // 2, size - room))
    return slice(start, min(size, start + room))


def _place(name: str, part: slice, size: int) -> str:
    """Which part of an axis is shown; empty where it is all."""
    if part.stop - part.start == size:
        return ""
    return f"{name} {part.start}" if part.stop == part.start + 1 else f"{name} {part.start}–{part.stop - 1}"


def _digits(one: Tensor, other: Tensor, wrong: Tensor) -> int:
    """How many digits tell apart what differs."""
    pairs = list(zip(one[wrong].reshape(-1).tolist(), other[wrong].reshape(-1).tolist(), strict=True))
    return DIGITS if all(_number(a) != _number(b) for a, b in pairs) else MORE_DIGITS


def _table(value: Tensor, digits: int) -> list[list[str]]:
    return [[_number(number, digits) for number in row] for row in value.tolist()]


def _number(number: float, digits: int = DIGITS) -> str:
    if abs(number) < ROUNDING and digits == DIGITS:
        return "0"
    return f"{number:.{digits}g}"


# words ---------------------------------------------------------------------------------------------------------------


class Drawing:
    """A case in one language."""

    def __init__(self, shown: Shown, language: str) -> None:
        """language: "en" or "zh"."""
        self._shown, self._language = shown, language

    @property
    def is_example(self) -> bool:
        """Whether it shows a call, not an observation."""
        return bool(self._shown.code)

    def _word(self, key: str) -> str:
        return WORDS[key][self._language]

    def value(self, value: Any) -> str:
        """A value in a line of text."""
        text = self._worded(value)
        return text if len(text) <= MAX_WORDS else text[: MAX_WORDS - 1] + "…"

    def _worded(self, value: Any) -> str:
        told: Mapping[str, Text] = self._shown.words
        match value:
            case bool():
                return self._word("yes" if value else "no")
            case str():
                text = told[value][self._language] if value in told else self._word("") if not value else value
                return text
            case float():
                return _number(value)
            case Trouble():
                if value.raised:
                    return value.raised.told("")[self._language].partition("\n")[0]
                return filled(value.reason, **value.about)[self._language]
            case Foreign() | Reference():
                return kind_of(value)
            case Tensor():
                return _nested(value)
            case list() | tuple():
                begin, end = "()" if isinstance(value, tuple) and self._shown.code else "[]"
                return begin + ", ".join(map(self._worded, value)) + end
            case dict():
                named = (
                    f"{self._worded(key) if key else key}{self._word('of')}{self._worded(each)}"
                    for key, each in value.items()
                )
                return self._word("and").join(named) or self._word("none")
        return str(value)

    def _given(self) -> Iterator[str]:
        for piece in self._shown.given if self._shown.code else ():
            shape = f" {_axes(piece)}" if isinstance(piece.value, Tensor) and piece.axes else ""
            text = self._worded(piece.value) if has_tensors(piece.value) else repr(piece.value)
            yield f"{piece.name}{shape}" + (f" = {text}" if len(text) <= MAX_GIVEN else "")

    def _window(self) -> Window | None:
        """The numbers, where both are tensors of one shape; of a single number none."""
        one, other = self._shown.expected.value, self._shown.got.value
        if not isinstance(one, Tensor) or not isinstance(other, Tensor) or other.is_complex():
            return None
        if one.shape == other.shape and one.numel():
            return window(one, other, self._shown.expected.axes) if one.dim() else None
        return None

    def _head(self, key: str, piece: Piece) -> str:
        types = {number_type(each.value) for each in (self._shown.expected, self._shown.got)}
        told = number_type(piece.value) if len(types) > 1 and "" not in types else ""
        return " ".join(filter(None, (self._word(key), piece.name, told)))

    def _line(self, piece: Piece) -> str:
        """A value that stands in one line; of a tensor in the place of another thing what it is."""
        if isinstance(piece.value, Tensor) and piece.value.dim():
            return f"Tensor {_axes(piece)}: {self.value(piece.value)}"
        other = self._shown.got.value if piece is self._shown.expected else self._shown.expected.value
        is_other_kind = isinstance(other, Tensor) and not isinstance(piece.value, Tensor | Trouble)
        kind = kind_of(piece.value) if is_other_kind and piece.value is not None else ""
        return (
            f"{kind}: {self.value(piece.value)}"
            if kind and kind != self.value(piece.value)
            else self.value(piece.value)
        )

    @property
    def _shapes_differ(self) -> bool:
        one, other = self._shown.expected.value, self._shown.got.value
        return isinstance(one, Tensor) and isinstance(other, Tensor) and one.shape != other.shape

    def lines(self) -> list[str]:
        """The case as text."""
        shown = self._shown
        lines = [shown.code] if shown.code else []
        lines += [f"  {line}" for line in self._given()]
        both = (("expected", shown.expected), ("yours", shown.got))
        if self._shapes_differ:
            width = max(len(self._head(*each)) for each in both)
            return lines + [f"{self._head(*each):{width}}  {_boxes(each[1])}" for each in both]
        found = self._window()
        if found is None:
            return lines + [f"{self._head(*each)}{self._word('of')}{self._line(each[1])}" for each in both]
        place = f" [{found.place}]" if found.place else ""
        for (key, piece), table, marked in zip(both, (found.expected, found.got), (False, True), strict=True):
            lines.append(f"{self._head(key, piece)} {_axes(piece)}{place}")
            cells = [
                [(OTHER if marked and found.differs[r][c] else "") + cell for c, cell in enumerate(row)]
                for r, row in enumerate(table)
            ]
            widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
            lines += ["  " + "  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in cells]
        return lines

    def html(self) -> str:
        """The case as HTML: no script, nothing from elsewhere."""
        shown = self._shown
        parts = [f'<div style="{CODE};font-weight:600">{html.escape(shown.code)}</div>'] if shown.code else []
        parts += [
            f'<div style="{CODE};color:{GREY};overflow-wrap:anywhere">{html.escape(line)}</div>'
            for line in self._given()
        ]
        both = (("expected", shown.expected), ("yours", shown.got))
        if self._shapes_differ:
            parts += [_side(self._head(*each), "", _axes_html(each[1])) for each in both]
            return "".join(parts)
        found = self._window()
        if found is None:
            parts += [
                f"<div>{html.escape(self._head(*each))}{self._word('of')}"
                f'<span style="{CODE};font-weight:600">{html.escape(self._line(each[1]))}</span></div>'
                for each in both
            ]
            return "".join(parts)
        place = f" [{found.place}]" if found.place else ""
        plain = [[0.0] * len(row) for row in found.differs]
        sides = [
            _side(self._head(*each), f"{_axes(each[1])}{place}", _grid(table, marks))
            for each, table, marks in zip(both, (found.expected, found.got), (plain, found.differs), strict=True)
        ]
        parts.append(f'<div style="display:flex;flex-wrap:wrap;gap:.2em 1.6em">{"".join(sides)}</div>')
        return "".join(parts)


def _axes(piece: Piece) -> str:
    """The axes of a tensor with their names: (batch 2, seq 5)."""
    names = piece.axes if len(piece.axes) == piece.value.dim() else ("",) * piece.value.dim()
    told = (
        f"{name} {size}" if name and name != str(size) else str(size)
        for name, size in zip(names, piece.value.shape, strict=True)
    )
    return f"({', '.join(told)})"


def _sized(piece: Piece) -> list[tuple[str, int]]:
    names = piece.axes if len(piece.axes) == piece.value.dim() else ("",) * piece.value.dim()
    return [(name or "?", size) for name, size in zip(names, piece.value.shape, strict=True)]


def _boxes(piece: Piece) -> str:
    """A row of boxes for each axis: batch ▪▪ 2 × seq ▪▪▪▪▪ 5."""
    told = [f"{name} {BOX * min(size, MAX_BOXES)} {size}" for name, size in _sized(piece)]
    return " × ".join(told) or "()"


def _axes_html(piece: Piece) -> str:
    """A bar for each axis, as long as it has places, with its name and size."""
    bars = [
        f'<span style="display:inline-block;min-width:{0.9 * min(size, MAX_BOXES):.1f}em;border:1px solid {GREY};'
        f'border-radius:3px;padding:0 .4em;text-align:center;{CODE}">{html.escape(name)} {size}</span>'
        for name, size in _sized(piece)
    ]
    return f"<div>{' × '.join(bars) or '()'}</div>"


def _side(head: str, axes: str, body: str) -> str:
    told = f' <span style="color:{GREY};{CODE}">{html.escape(axes)}</span>' if axes else ""
    return f"<div><div>{html.escape(head)}{told}</div>{body}</div>"


def _grid(table: Sequence[Sequence[str]], differs: Sequence[Sequence[float]]) -> str:
    """A small heat map: numbers, those that differ marked, and the redder the further off."""
    cells = []
    for row, marks in zip(table, differs, strict=True):
        for cell, share in zip(row, marks, strict=True):
            style, sign = (f"{heat(share)};border-radius:3px;", OTHER) if share else ("", "")
            cells.append(f'<span style="{style}padding:0 .35em;text-align:right">{sign}{html.escape(cell)}</span>')
    columns = max(map(len, table), default=1)
    return (
        f'<div style="display:inline-grid;grid-template-columns:repeat({columns},auto);gap:2px;{CODE};'
        f'font-variant-numeric:tabular-nums">{"".join(cells)}</div>'
    )


def _nested(value: Tensor) -> str:
    """A tensor as nested lists of numbers; ones and zeros of a mask of booleans as True and False."""
    if value.dtype is torch.bool or value.is_complex():
        return str(value.tolist())

    def told(item: Any) -> str:
        return "[" + ", ".join(map(told, item)) + "]" if isinstance(item, list) else _number(float(item))

    return told(value.detach().cpu().tolist())
