"""What tokens cost, on their page: a ratio is that of its figures, and the picture shows the figures of the table."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from falconbox.oauth.algorithms import ALGORITHMS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
MEASURED = {
    name: [float(cell.replace(",", "")) for cell in cells.split(" | ")]
    for name, cells in re.findall(
        r"^\| `(\w+)` \| ((?:[0-9.,]+ \| ){5}[0-9.,]+) \|$", (REFERENCE / "tokens.md").read_text(), re.MULTILINE
    )
}


def test_every_algorithm_is_measured_and_each_ratio_is_that_of_its_figures() -> None:
    assert list(MEASURED) == list(ALGORITHMS)
    for issue, encode, issuing, verify, decode, verifying in MEASURED.values():
        assert (f"{issue / encode:.2f}", f"{verify / decode:.2f}") == (f"{issuing:.2f}", f"{verifying:.2f}")


def test_the_picture_shows_the_rates_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    tokens = importlib.import_module("tokens")
    results = {
        name: {"issue": row[0], "bare encode": row[1], "verify": row[3], "bare decode": row[4]}
        for name, row in MEASURED.items()
    }
    assert tokens.picture(results) == (REFERENCE / "tokens.svg").read_text()
