"""The reference of engines, dialect and hooks says what the code does."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import pytest
import yaml
from policies_of_schemas import compiled

import falconbox
from falconbox import Engine, Evaluator, hookspecs
from falconbox.bounds import MAX_BODY_CHARACTERS, MAX_BODY_VALUES
from falconbox.model import MAX_DEPTH
from falconbox.plugins import HOOKS, load_plugins
from falconbox_json_schema.dialects import DIALECTS, LATER_REFUSES
from falconbox_json_schema.patterns import MAX_PATTERNS
from falconbox_json_schema.work import MAX_EVALUATIONS

DOCS = Path(__file__).parents[2] / "docs"
DIALECT = (DOCS / "reference" / "json-schema-dialect.md").read_text()
ENGINES = (DOCS / "reference" / "engines.md").read_text()
CODE = re.compile(r"`([^`]+)`")
BY_NAME = {dialect.name: dialect for dialect in DIALECTS}
NAMED = re.compile(r"`([$A-Za-z0-9]+)`")
SPECIFIED = {
    name: function for name, function in vars(hookspecs).items() if hasattr(function, f"{hookspecs.PROJECT}_spec")
}


def test_every_hook_has_a_section_with_its_signature_and_every_section_a_hook() -> None:
    page = (DOCS / "reference" / "hooks.md").read_text()
    sections = set(re.findall(r"^## `(.+)`$", page, re.MULTILINE))
    assert sections == {f"{name}({', '.join(inspect.signature(hook).parameters)})" for name, hook in SPECIFIED.items()}


def test_plugins_are_searched_for_every_hook_there_is() -> None:
    assert set(HOOKS) == set(SPECIFIED)


def test_every_shipped_engine_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "engines.md").read_text()
    shipped = {name for name, origin in load_plugins().origins.items() if origin.distribution == "falconbox"}
    assert set(re.findall(r"^\| `([a-z-]+)` \| .+ \| .+ \|$", page, re.MULTILINE)) == shipped


def rows(page: str, head: str) -> list[list[str]]:
    """Return the cells of the table that has such a head."""
    table = page.partition(f"| {head} | |\n|---|---|\n")[2].partition("\n\n")[0]
    return [row.strip("| ").split(" | ", 1) for row in table.splitlines()]


@pytest.mark.parametrize(("head", "protocol"), [("of an engine", Engine), ("of an evaluator", Evaluator)])
def test_every_member_of_the_contract_is_in_the_reference_and_nothing_else(head: str, protocol: type) -> None:
    members = {name: value for name, value in vars(protocol).items() if not name.startswith("_")}
    signatures = {
        f"{name}({', '.join([*inspect.signature(member).parameters][1:])})" if inspect.isfunction(member) else name
        for name, member in members.items()
    }
    assert {name for cell, _ in rows(ENGINES, head) for name in CODE.findall(cell)} == signatures


def test_every_public_name_is_in_the_reference_with_its_fields() -> None:
    said = {name: text for cell, text in rows(ENGINES, "name") for name in CODE.findall(cell)}
    assert said.keys() == set(falconbox.__all__)
    for name, text in said.items():
        if dataclasses.is_dataclass(made := getattr(falconbox, name)) and isinstance(made, type):
            fields = {field.name for field in dataclasses.fields(made)}
            assert fields == set(CODE.findall(text)) - {"compile"}, name


def test_every_module_that_engines_may_use_is_in_the_reference_with_what_is_there() -> None:
    named = rows(ENGINES, "module")
    assert len(named) == 6
    for module, text in named:
        (name,) = CODE.findall(module)
        found = importlib.import_module(name)
        # The first words in code are what stands in the module; others, such as methods, stand in these.
        assert vars(found)[re.split(r"\W", CODE.findall(text)[0])[0]]


def test_every_keyword_and_format_of_every_dialect_is_in_the_reference() -> None:
    table = DIALECT.partition("## What a schema may say\n\n")[2].partition("\n\n")[0]
    rows = [[set(NAMED.findall(cell)) for cell in row.split("|")[2:5]] for row in table.splitlines()[2:]]
    every, early, late = (set().union(*column) - {"base64"} for column in zip(*rows, strict=True))
    assert {name: dialect.keywords for name, dialect in BY_NAME.items()} == {
        "draft-07": every | early,
        "2019-09": (every | late | {"additionalItems"}) - {"prefixItems"},
        "2020-12": every | late,
    }
    formats = next(line for line in DIALECT.splitlines() if line.startswith("| `format` |"))
    assert tuple(re.findall(r"`([a-z0-9-]+)`", formats)[1:]) == BY_NAME["2020-12"].formats
    not_early = re.findall(r"`([a-z0-9-]+)` \(not in draft-07\)", formats)
    assert set(BY_NAME["draft-07"].formats) | set(not_early) == set(BY_NAME["2020-12"].formats)


def test_every_keyword_that_is_refused_by_name_is_in_the_reference() -> None:
    table = DIALECT.partition("| | because |\n|---|---|\n")[2].partition("\n\n")[0]
    assert {name for row in table.splitlines() for name in NAMED.findall(row.split("|")[1])} == set(LATER_REFUSES)


def test_every_uri_of_a_dialect_is_in_the_reference() -> None:
    assert all(f"`{dialect.uri}`" in DIALECT for dialect in DIALECTS)


@pytest.mark.parametrize("limit", [MAX_DEPTH, MAX_BODY_VALUES, MAX_BODY_CHARACTERS, MAX_PATTERNS])
def test_the_limits_in_the_reference_are_those_of_the_code(limit: int) -> None:
    limits = DIALECT.partition("## Limits")[2].partition("## ")[0]
    assert f"| {limit:,}" in limits
    assert f"{MAX_EVALUATIONS:,} times" in DIALECT


def test_the_explanation_in_the_reference_is_what_the_engine_says() -> None:
    section = DIALECT.partition("## Why not?")[2]
    shown = yaml.safe_load(re.search(r"```yaml\n(.+?)```", section, re.DOTALL)[1])  # type: ignore[index]
    schema = {"properties": {"uri": {"enum": ["/Patient", "Encounter"]}}}
    (reason,) = compiled(schema).explain({"uri": "/Encounter"}).reasons
    assert shown == {
        "code": reason.code,
        "message": reason.message,
        "pointer": reason.pointer,
        "policy_pointer": reason.policy_pointer,
    }
