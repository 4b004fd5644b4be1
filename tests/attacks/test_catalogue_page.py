"""The page about the attack catalogue says what the catalogue and its tests say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import catalogue

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "attack-catalogue.md"


def rows() -> list[str]:
    """The rows of the result table."""
    table = []
    groups = Counter(entry["group"] for entry in catalogue.entries())
    otherwise = Counter(entry["group"] for entry in catalogue.entries() if entry["id"] in catalogue.OTHERWISE)
    for group, count in sorted(groups.items()):
        table.append(f"| {group} | {count} | {count - otherwise[group]} | {otherwise[group]} |")
    whole, differing = sum(groups.values()), len(catalogue.OTHERWISE)
    table.append(f"| all | {whole} | {whole - differing} | {differing} |")
    return table


@catalogue.NEEDED
def test_the_result_table_is_the_one_that_the_tests_make() -> None:
    assert [line for line in PAGE.read_text().splitlines() if line.count("|") == 5][2:] == rows()


def test_every_entry_that_is_answered_otherwise_is_named_with_its_reason() -> None:
    page = " ".join(PAGE.read_text().split())
    for name, (status, reason) in catalogue.OTHERWISE.items():
        assert f"`{name}`" in page
        assert f"{status}" in page
        assert reason in page
