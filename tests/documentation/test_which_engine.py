"""The page that says which engine to use speaks of all of them, and its picture shows the figures of its table."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "which-engine.md").read_text()
PICTURE = (ROOT / "docs" / "explanation" / "which-engine.svg").read_text()
ENGINES = {"allow", "json-schema", "matcho", "complex", "cel", "cedar", "rego", "jmespath"}
MEASURED = {
    row[0]: [float(cell) for cell in row[1:]]
    for line in re.findall(r"^\| `[a-z-]+` (?:\| [0-9.]+ ){4}\|$", PAGE, re.MULTILINE)
    if (row := line.replace("`", "").strip("| ").split(" | "))
}


def test_all_eight_engines_are_advised_and_measured() -> None:
    advised = PAGE.partition("| you want to say | use | because |")[2].partition("\n\n")[0]
    assert {re.findall(r"`([a-z-]+)`", row.split(" | ")[1])[0] for row in advised.splitlines()[2:]} == ENGINES
    assert MEASURED.keys() == ENGINES


def test_the_picture_shows_the_decisions_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    title = re.findall("<title>(.+)</title>", PICTURE)[0]
    decisions = {engine: figures[2] for engine, figures in MEASURED.items()}
    assert importlib.import_module("chart").svg(title, decisions) == PICTURE


def test_ratios_are_to_the_fastest_engine_that_judges_anything() -> None:
    fastest = min(figures[2] for engine, figures in MEASURED.items() if engine != "allow")
    for _, _, decision, ratio in MEASURED.values():
        # Both figures are rounded to two digits.
        assert decision / fastest == pytest.approx(ratio, rel=0.1, abs=0.06)
