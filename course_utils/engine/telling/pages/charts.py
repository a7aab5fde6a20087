"""Charts of the class page, drawn as SVG in the page: no picture, no font and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from .item_analysis import Interval
from .text import percent

_LEFT, _TOP, _WIDTH, _HEIGHT, _BOTTOM = 42, 22, 460, 200, 44  # of the area of a chart in its own units
_FLOOR = _TOP + _HEIGHT


def _text(x: float, y: float, words: object, how: str = 'text-anchor="middle"') -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {how}>{escape(words)}</text>'


def _chart(parts: Sequence[str], label: str) -> Markup:
    box = f"0 0 {_LEFT + _WIDTH + 18} {_TOP + _HEIGHT + _BOTTOM}"
    return Markup(f'<svg class="chart" viewBox="{box}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>')


def _tick(y: float, words: object) -> str:
    line = f'<line class="grid-line" x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return line + _text(_LEFT - 8, y + 4, words, 'text-anchor="end"')


def distribution_chart(shares: Sequence[float], t: Mapping[str, str]) -> Markup:
    """An inline SVG: number of notebooks per tenth of the automatic points; full marks count in the last tenth."""
    counts = [0] * 10
    for share in shares:
        counts[min(9, max(0, int(share * 10 + 1e-9)))] += 1
    step, tallest = _WIDTH / 10, max([*counts, 1])
    ticks = sorted({0, tallest, *([tallest // 2] if tallest >= 4 else [])})
    parts = [_tick(_FLOOR - _HEIGHT * tick / tallest, tick) for tick in ticks]
    for i, count in enumerate(counts):
        x, y = _LEFT + i * step, _FLOOR - _HEIGHT * count / tallest
        if count:
            box = f'x="{x + 4:.1f}" y="{y:.1f}" width="{step - 8:.1f}" height="{_FLOOR - y:.1f}"'
            parts.append(f'<rect class="col" {box} rx="3"/>')
            parts.append(_text(x + step / 2, y - 6, count, 'class="value" text-anchor="middle"'))
        parts.append(_text(x, _FLOOR + 17, i * 10))
    parts.append(_text(_LEFT + _WIDTH, _FLOOR + 17, 100))
    parts.append(_text(_LEFT + _WIDTH / 2, _FLOOR + 37, t["distribution_x"]))
    parts.append(_text(4, 12, t["distribution_y"], ""))
    return _chart(parts, t["distribution_label"].format(counts=", ".join(map(str, counts))))


def trend_chart(means: Sequence[tuple[float, Interval] | None], t: Mapping[str, str]) -> Markup:
    """An inline SVG: the mean share of the points of each unit, with its interval; None where nobody has any."""
    step = _WIDTH / max(len(means), 1)
    parts = [_tick(_FLOOR - _HEIGHT * tick / 100, tick) for tick in (0, 25, 50, 75, 100)]
    places = [(_LEFT + (i + 0.5) * step, found) for i, found in enumerate(means)]
    path = [f"{x:.1f},{_FLOOR - _HEIGHT * found[0]:.1f}" for x, found in places if found]
    parts.append(f'<polyline class="trend" points="{" ".join(path)}"/>')
    for i, (x, found) in enumerate(places, start=1):
        parts.append(_text(x, _FLOOR + 17, i))
        if found is None:
            continue
        mean, (low, high) = found
        ends = f'y1="{_FLOOR - _HEIGHT * low:.1f}" y2="{_FLOOR - _HEIGHT * high:.1f}"'
        parts.append(f'<line class="whisker" x1="{x:.1f}" x2="{x:.1f}" {ends}/>')
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{_FLOOR - _HEIGHT * mean:.1f}" r="4"/>')
        above = max(_FLOOR - _HEIGHT * high - 7, 12.0)
        parts.append(_text(x, above, f"{percent(mean)}%", 'class="value" text-anchor="middle"'))
    parts.append(_text(_LEFT + _WIDTH / 2, _FLOOR + 37, t["trend_x"]))
    parts.append(_text(4, 12, t["trend_y"], ""))
    told = ", ".join(f"{percent(found[0])}%" if found else "–" for found in means)
    return _chart(parts, t["trend_label"].format(means=told))
