"""Draw durations or rates as bars, as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, TOP, ROW = 760, 120, 110, 56, 34
FONT = 'font-family="DejaVu Sans, Verdana, sans-serif" font-size="14"'
STYLE = """    .page { fill: #ffffff; }
    .bar { fill: #5b7aa8; }
    .grid { stroke: #d5dbe3; stroke-width: 1; }
    .text { fill: #1d2733; }
    .small { font-size: 12px; fill: #46525f; }
    .bold { font-weight: bold; fill: #1d2733; }"""
LOOKS = ('class="bar"', 'fill="#b6c4d9"')
"""Of the first of two that are compared, and of the second."""


def svg(title: str, microseconds: Mapping[str, float]) -> str:
    """Return a picture of durations in microseconds, the shortest first.

    The scale is logarithmic: each step of the grid is ten times the one before.
    """
    ordered = sorted(microseconds.items(), key=lambda item: item[1])
    lowest, highest = math.floor(math.log10(ordered[0][1])), math.ceil(math.log10(ordered[-1][1]))
    bottom = TOP + ROW * len(ordered)

    def across(value: float) -> float:
        return LEFT + (math.log10(value) - lowest) / (highest - lowest) * (WIDTH - LEFT - RIGHT)

    lines = []
    for number, (name, value) in enumerate(ordered):
        y, end = TOP + ROW * number, across(value)
        lines += [
            f'  <text class="text" x="{LEFT - 10}" y="{y + 17}" text-anchor="end">{escape(name)}</text>',
            f'  <rect class="bar" x="{LEFT}" y="{y + 2}" width="{end - LEFT:.1f}" height="{ROW - 12}" rx="3"/>',
            f'  <text class="text" x="{end + 8:.1f}" y="{y + 17}">{value:g} us</text>',
        ]
    said = ", ".join(f"{name} {value:g}" for name, value in ordered)
    marks = [(across(10.0**power), f"{10.0**power:g} us") for power in range(lowest, highest + 1)]
    return _picture(title, f"Microseconds: {said}.", bottom, marks, lines)


def rates(title: str, ours: str, other: str, microseconds: Mapping[str, tuple[float, float]]) -> str:
    """Return a picture of how often a second two do the same, one bar for each under a name; the scale is linear.

    `microseconds` are what it takes the two, who are called `ours` and `other`. How much longer it takes the first is
    told too.
    """
    most = max(1e6 / each for pair in microseconds.values() for each in pair)
    power: float = 10.0 ** math.floor(math.log10(most))
    step = power / 2 if most / power < 2.5 else power
    scale = (WIDTH - LEFT - RIGHT - 60) / (step * math.ceil(most / step))
    lines, said, y = _legend(ours, other), [], TOP
    for name, pair in microseconds.items():
        lines.append(f'  <text class="text" x="{LEFT - 10}" y="{y + 25}" text-anchor="end">{escape(name)}</text>')
        told = [f"{float(f'{1e6 / each:.2g}'):,.0f}" for each in pair]
        said.append(f"{name} {told[0]} and {told[1]}")
        told[0] += f" (takes {pair[0] / pair[1]:.2f} times as long)"
        for each, text, look in zip(pair, told, LOOKS, strict=True):
            width = 1e6 / each * scale
            lines += [
                f'  <rect {look} x="{LEFT}" y="{y + 2}" width="{width:.1f}" height="15" rx="3"/>',
                f'  <text class="small" x="{LEFT + width + 8:.1f}" y="{y + 14}">{text}</text>',
            ]
            y += 17
        y += 14
    marks = [(LEFT + step * scale * number, f"{step * number:,.0f}") for number in range(math.ceil(most / step) + 1)]
    return _picture(title, f"A second, {ours} and {other}: {'; '.join(said)}.", y, marks, lines)


def _legend(*names: str) -> list[str]:
    lines, x = [], WIDTH - 20 - 120 * len(names)
    for name, look in zip(names, LOOKS, strict=True):
        lines += [
            f'  <rect {look} x="{x}" y="18" width="14" height="14" rx="3"/>',
            f'  <text class="small" x="{x + 20}" y="30">{escape(name)}</text>',
        ]
        x += 120
    return lines


def _picture(title: str, said: str, bottom: int, marks: Iterable[tuple[float, str]], lines: Iterable[str]) -> str:
    """Return a picture with a title, what it says in words, and a grid under what is drawn down to `bottom`."""
    grid = []
    for x, text in marks:
        grid += [
            f'  <line class="grid" x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom}"/>',
            f'  <text class="small" x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{text}</text>',
        ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 40}" {FONT}>',
            f"  <title>{escape(title)}</title>",
            f"  <desc>{escape(said)}</desc>",
            f"  <style>\n{STYLE}\n  </style>",
            f'  <rect class="page" width="{WIDTH}" height="{bottom + 40}"/>',
            f'  <text class="bold" x="20" y="30">{escape(title)}</text>',
            *grid,
            *lines,
            "</svg>",
            "",
        ]
    )
