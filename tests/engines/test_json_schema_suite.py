"""The official JSON Schema Test Suite: whatever is not refused is decided as the suite says.

Draft-07 lies beside the checkout. For 2019-09 and 2020-12 name the folder `tests` of a copy of the suite in
FALCONBOX_TEST_JSON_SCHEMA_SUITE.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from policies_of_schemas import LATER, compiled, refused

from falconbox import PolicyInvalid

SUITE = Path(__file__).parents[3] / "shared" / "data" / "json-schema-draft7"
WHOLE_SUITE = Path(os.environ.get("FALCONBOX_TEST_JSON_SCHEMA_SUITE", "/nowhere"))
DIALECT = Path(__file__).parents[2] / "docs" / "reference" / "json-schema-dialect.md"
needs_suite = pytest.mark.skipif(not SUITE.is_dir(), reason="the JSON Schema Test Suite is not beside the checkout")
needs_whole_suite = pytest.mark.skipif(
    not WHOLE_SUITE.is_dir(), reason="FALCONBOX_TEST_JSON_SCHEMA_SUITE names no copy of the JSON Schema Test Suite"
)

ELSEWHERE = "its references leave the schema, and nothing is ever fetched"
BESIDE = "draft-07 ignores what stands beside $ref, and a condition there would hold nobody back"
INTEGERS = "readers of JSON disagree about integers beyond 2^53"
UNKNOWN = "what is not known is ignored by the suite, and holds nobody back"

REFUSED = {
    ("definitions", "validate definition against metaschema"): ELSEWHERE,
    ("ref", "ref overrides any sibling keywords"): BESIDE,
    ("ref", "$ref prevents a sibling $id from changing the base uri"): BESIDE,
    ("ref", "remote ref, containing refs itself"): ELSEWHERE,
    ("refRemote", "remote ref"): ELSEWHERE,
    ("refRemote", "fragment within remote ref"): ELSEWHERE,
    ("refRemote", "ref within remote ref"): ELSEWHERE,
    ("refRemote", "base URI change"): ELSEWHERE,
    ("refRemote", "base URI change - change folder"): ELSEWHERE,
    ("refRemote", "base URI change - change folder in subschema"): ELSEWHERE,
    ("refRemote", "root ref in remote ref"): ELSEWHERE,
    ("refRemote", "remote ref with ref to definitions"): ELSEWHERE,
    ("refRemote", "Location-independent identifier in remote ref"): ELSEWHERE,
    ("refRemote", "retrieved nested refs resolve relative to their URI not $id"): ELSEWHERE,
    ("refRemote", "$ref to $ref finds location-independent $id"): ELSEWHERE,
    ("optional/bignum", "maximum integer comparison"): INTEGERS,
    ("optional/bignum", "minimum integer comparison"): INTEGERS,
    ("optional/cross-draft", "refs to future drafts are processed as future drafts"): ELSEWHERE,
    ("optional/format/unknown", "unknown format"): UNKNOWN,
    ("optional/unknownKeyword", "$id inside an unknown keyword is not a real identifier"): UNKNOWN,
}
"""Every group of cases that is refused, and why. Refused is the safe side: such a policy is never stored."""

SAID = {
    ELSEWHERE: "leads out of this policy, and nothing is ever fetched",
    BESIDE: "is ignored beside $ref by draft-07",
    INTEGERS: "the schema has an integer beyond 2^53",
    UNKNOWN: "unknown ",
}
"""What whoever writes such a policy is told, so that nothing is refused for another reason than is told here."""


def groups(folder: Path) -> list[Any]:
    """Each group of cases with its file, the folders of optional ones included."""
    return [
        pytest.param(name, group, id=f"{name}: {group['description']}")
        for path in sorted(folder.rglob("*.json"))
        for name in [path.relative_to(folder).with_suffix("").as_posix()]
        for group in json.loads(path.read_bytes())
    ]


def decided(schema: Any, cases: list[dict[str, Any]]) -> dict[str, bool]:
    evaluator = compiled(schema)
    return {case["description"]: evaluator.evaluate(case["data"]) for case in cases}


@needs_suite
@pytest.mark.parametrize(("file", "group"), groups(SUITE))
def test_every_case_is_decided_as_the_suite_says_or_is_on_the_list_of_refused_ones(
    file: str, group: dict[str, Any]
) -> None:
    if (file, group["description"]) in REFUSED:
        with pytest.raises(PolicyInvalid) as told:
            compiled(group["schema"])
        why = SAID[REFUSED[file, group["description"]]]
        assert {problem.detail.startswith(why) for problem in told.value.problems} == {True}
        return
    assert decided(group["schema"], group["tests"]) == {case["description"]: case["valid"] for case in group["tests"]}


@needs_suite
def test_the_list_of_refused_cases_names_only_cases_that_exist() -> None:
    existing = {(case.values[0], case.values[1]["description"]) for case in groups(SUITE)}
    assert set(REFUSED) <= existing


@needs_suite
def test_the_reference_says_how_many_cases_are_refused() -> None:
    counted: Counter[tuple[str, bool]] = Counter()
    for case in groups(SUITE):
        file, group = case.values
        kind = "optional" if file.startswith("optional/") else "required"
        counted[kind, (file, group["description"]) in REFUSED] += len(group["tests"])
    required, optional = counted["required", False], counted["optional", False]
    assert (
        f"| draft-07, required | {required + counted['required', True]:,} | {required:,} | "
        f"{counted['required', True]} |\n"
        f"| draft-07, optional | {optional + counted['optional', True]:,} | {optional:,} | "
        f"{counted['optional', True]} |\n"
    ) in DIALECT.read_text()


BY_DESIGN = (
    "nothing is ever fetched",
    "leads depends on who refers to it",
    "decides nothing in 2019-09 and 2020-12",
    "is no dialect that policies are written in",
    "the schema has an integer beyond 2^53",
    "is a keyword of draft-07, not of ",
    "unknown format",
    "unknown keyword",
    "leads to no schema in this policy",
)
"""Why groups of cases of the later dialects are refused; every other one is decided."""

ASSERTED = "is only an annotation by default"
"""The suite lets every `format` pass unless a validator is told to look. Ours always looks."""


@needs_whole_suite
@pytest.mark.parametrize("dialect", LATER)
def test_every_case_of_the_later_dialects_is_decided_as_the_suite_says_or_refused_by_design(dialect: str) -> None:
    reasons: set[str] = set()
    for case in groups(WHOLE_SUITE / f"draft{dialect}"):
        _, group = case.values
        schema = group["schema"]
        if isinstance(schema, dict):
            schema = {"$schema": LATER[dialect], **schema}
        try:
            answers = decided(schema, group["tests"])
        except PolicyInvalid:
            found = " ".join(refused(schema).values())
            assert any(reason in found for reason in BY_DESIGN), (group["description"], found)
            reasons.update(reason for reason in BY_DESIGN if reason in found)
            continue
        for given in group["tests"]:
            wanted = given["valid"] and not given["description"].endswith(ASSERTED)
            assert answers[given["description"]] is wanted, (group["description"], given["description"])
    assert reasons == set(BY_DESIGN)
