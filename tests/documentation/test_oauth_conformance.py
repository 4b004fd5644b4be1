"""The table of what OAuth's standards ask for: each row names tests that there are, and that run by themselves."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "oauth-conformance.md").read_text()
KEPT, NOT_KEPT = PAGE.split("\n## Not kept, and why\n")
RFCS = {"6749", "6750", "7009", "7523", "7662", "8414", "8707", "9068", "9700", "9728", "10070"}
SECTION = re.compile(r"[0-9]+(?:\.[0-9]+)*")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ON_REQUEST = ("tests/clients/", "tests/proxies/", "tests/deployment/")
"""Where tests need what `make test` does not install."""


def rows(text: str) -> list[list[str]]:
    """Return the rows of the one table in a text, without its head."""
    _, *lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line[1:-1].split(" |")] for line in lines]


BY_RFC = {
    heading: rows(body)
    for heading, body in re.findall(r"^## RFC (\d+)[^\n]*\n(.*?)(?=^## |\Z)", KEPT, re.MULTILINE | re.DOTALL)
}
ROWS = [(rfc, *row) for rfc, table in BY_RFC.items() for row in table]


@cache
def names_in(file: str) -> frozenset[str]:
    """Return the names of the tests in a file, as pytest would find them."""
    return frozenset(
        node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)
    )


def test_each_of_the_standards_has_rows_and_no_row_is_told_twice() -> None:
    assert BY_RFC.keys() == RFCS
    assert all(BY_RFC.values())
    assert len({(rfc, requirement) for rfc, _, requirement, _ in ROWS}) == len(ROWS) > 70


@pytest.mark.parametrize("rfc", sorted(RFCS))
def test_every_requirement_names_its_section_and_tests_that_there_are(rfc: str) -> None:
    for sections, requirement, held in BY_RFC[rfc]:
        assert all(SECTION.fullmatch(section) for section in sections.split(", ")), requirement
        named = TEST.findall(held)
        assert named, requirement
        assert held == ", ".join(f"`{file}::{test}`" for file, test in named), requirement
        for file, test in named:
            assert test in names_in(file), f"{file}::{test}"
            assert not file.startswith(ON_REQUEST), file


def test_what_is_not_kept_has_its_section_and_its_reason() -> None:
    told = rows(NOT_KEPT)
    assert len(told) > 5
    for where, asked, reason in told:
        assert all(re.fullmatch(r"RFC \d+, [0-9.]+( and [0-9.]+)?", place) for place in where.split("; ")), where
        assert all(rfc in RFCS for rfc in re.findall(r"RFC (\d+)", where)), where
        assert asked
        assert reason
