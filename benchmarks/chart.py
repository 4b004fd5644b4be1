"""Draw durations as bars, as SVG. The scale is logarithmic: each step of the grid is ten times the one before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, TOP, ROW = 760, 120, 110, 56, 34
FONT = 'font-family="DejaVu Sans, Verdana, sans-serif" font-size="14"'
STYLE = """    .page { fill: #ffffff; }
    .bar { fill: #5b7aa8; }
    .grid { stroke: #d5dbe3; stroke-width: 1; }
    .text { fill: #1d2733; }
    .small { font-size: 12px; fill: #46525f; }
    .bold { font-weight: bold; fill: #1d2733; }"""


def svg(title: str, microseconds: Mapping[str, float]) -> str:
    """Return a picture of durations in microseconds, the shortest first."""
    ordered = sorted(microseconds.items(), key=lambda item: item[1])
    lowest, highest = math.floor(math.log10(ordered[0][1])), math.ceil(math.log10(ordered[-1][1]))
    bottom = TOP + ROW * len(ordered)

    def across(value: float) -> float:
        return LEFT + (math.log10(value) - lowest) / (highest - lowest) * (WIDTH - LEFT - RIGHT)

    said = ", ".join(f"{name} {value:g}" for name, value in ordered)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 40}" {FONT}>',
        f"  <title>{escape(title)}</title>",
        f"  <desc>Microseconds: {escape(said)}.</desc>",
        f"  <style>\n{STYLE}\n  </style>",
        f'  <rect class="page" width="{WIDTH}" height="{bottom + 40}"/>',
        f'  <text class="bold" x="20" y="30">{escape(title)}</text>',
    ]
    for power in range(lowest, highest + 1):
        x = across(10.0**power)
        lines += [
            f'  <line class="grid" x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom}"/>',
            f'  <text class="small" x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{10.0**power:g} us</text>',
        ]
    for number, (name, value) in enumerate(ordered):
        y, end = TOP + ROW * number, across(value)
        lines += [
            f'  <text class="text" x="{LEFT - 10}" y="{y + 17}" text-anchor="end">{escape(name)}</text>',
            f'  <rect class="bar" x="{LEFT}" y="{y + 2}" width="{end - LEFT:.1f}" height="{ROW - 12}" rx="3"/>',
            f'  <text class="text" x="{end + 8:.1f}" y="{y + 17}">{value:g} us</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])
