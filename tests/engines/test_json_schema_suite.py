"""The official JSON Schema Test Suite for draft-07: whatever is not refused is decided as the suite says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from policies_of_schemas import compiled

from falconbox import PolicyInvalid

SUITE = Path(__file__).parents[3] / "shared" / "data" / "json-schema-draft7"
needs_suite = pytest.mark.skipif(not SUITE.is_dir(), reason="the JSON Schema Test Suite is not beside the checkout")

ELSEWHERE = "its references leave the schema, and nothing is ever fetched"
MOVES = "an $id below the top moves references: there is one way to read one"
BESIDE = "draft-07 ignores what stands beside $ref, and a condition there would hold nobody back"

REFUSED = {
    ("definitions", "validate definition against metaschema"): ELSEWHERE,
    ("ref", "ref overrides any sibling keywords"): BESIDE,
    ("ref", "$ref prevents a sibling $id from changing the base uri"): MOVES,
    ("ref", "remote ref, containing refs itself"): ELSEWHERE,
    ("ref", "Recursive references between schemas"): MOVES,
    ("ref", "Reference an anchor with a non-relative URI"): ELSEWHERE,
    ("ref", "Location-independent identifier with base URI change in subschema"): MOVES,
    ("ref", "refs with relative uris and defs"): MOVES,
    ("ref", "relative refs with absolute uris and defs"): MOVES,
    ("ref", "$id must be resolved against nearest parent, not just immediate parent"): MOVES,
    ("ref", "simple URN base URI with $ref via the URN"): ELSEWHERE,
    ("ref", "URN base URI with URN and JSON pointer ref"): ELSEWHERE,
    ("ref", "URN base URI with URN and anchor ref"): ELSEWHERE,
    ("ref", "ref to if"): MOVES,
    ("ref", "ref to then"): MOVES,
    ("ref", "ref to else"): MOVES,
    ("ref", "ref with absolute-path-reference"): MOVES,
    ("refRemote", "remote ref"): ELSEWHERE,
    ("refRemote", "fragment within remote ref"): ELSEWHERE,
    ("refRemote", "ref within remote ref"): ELSEWHERE,
    ("refRemote", "base URI change"): MOVES,
    ("refRemote", "base URI change - change folder"): MOVES,
    ("refRemote", "base URI change - change folder in subschema"): MOVES,
    ("refRemote", "root ref in remote ref"): ELSEWHERE,
    ("refRemote", "remote ref with ref to definitions"): ELSEWHERE,
    ("refRemote", "Location-independent identifier in remote ref"): ELSEWHERE,
    ("refRemote", "retrieved nested refs resolve relative to their URI not $id"): ELSEWHERE,
    ("refRemote", "$ref to $ref finds location-independent $id"): ELSEWHERE,
}
"""Every case of the suite that is refused, and why. Refused is the safe side: such a policy is never stored."""


def groups() -> list[Any]:
    return [
        pytest.param(path.stem, group, id=f"{path.stem}: {group['description']}")
        for path in sorted(SUITE.glob("*.json"))
        for group in json.loads(path.read_bytes())
    ]


@needs_suite
@pytest.mark.parametrize(("file", "group"), groups())
def test_every_case_is_decided_as_the_suite_says_or_is_on_the_list_of_refused_ones(
    file: str, group: dict[str, Any]
) -> None:
    if (file, group["description"]) in REFUSED:
        with pytest.raises(PolicyInvalid):
            compiled(group["schema"])
        return
    evaluator = compiled(group["schema"])
    answers = {case["description"]: evaluator.evaluate(case["data"]) for case in group["tests"]}
    assert answers == {case["description"]: case["valid"] for case in group["tests"]}


@needs_suite
def test_the_list_of_refused_cases_names_only_cases_that_exist() -> None:
    existing = {(case.values[0], case.values[1]["description"]) for case in groups()}
    assert set(REFUSED) <= existing
