"""One box with policies of all eight engines answers golden decisions over HTTP, and says why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

import serving

HERE = Path(__file__).parents[1]
ROWS: list[dict[str, Any]] = yaml.safe_load((HERE / "decisions.yaml").read_text())
DECLARED = [made for file in sorted((HERE / "policies").iterdir()) for made in yaml.safe_load_all(file.read_text())]
POLICIES = {made["id"]: made for made in DECLARED if made["resourceType"] == "AccessPolicy"}
SECRETS = {made["secret"]["env"]: f"the secret of {made['id']}" for made in DECLARED if "secret" in made}
ENGINES = {"allow", "json-schema", "matcho", "complex", "cel", "cedar", "rego", "jmespath"}
CARRIED_OUT = (200, 201, 404)
"""What is allowed is carried out; 404 is said only to those whom a policy allows to ask."""

Decided = tuple[bool, str | None]


def name(row: dict[str, Any]) -> str:
    return f"{row['ask']} as {row.get('as', 'nobody')}"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[serving.Box]:
    folder = tmp_path_factory.mktemp("box")
    # A required log: the record of a decision is there before its answer.
    options = ["--policies", str(HERE / "policies"), "--decision-log", "decisions", "--decision-log-required"]
    with serving.running(folder, *options, environ=serving.environment(**SECRETS)) as started:
        yield started


def asked(box: serving.Box, row: dict[str, Any]) -> Decided:
    """Ask over HTTP; return whether it was allowed and by which policy it was decided, as the decision log has it."""
    method, _, target = row["ask"].partition(" ")
    auth = f"{row['as']}:the secret of {row['as']}" if "as" in row else None
    answer = box.ask(method, target, row.get("body"), auth=auth)
    decided = map(json.loads, serving.whole_lines(box.folder / "decisions"))
    (record,) = [found for found in decided if found["id"] == answer.headers["x-decision-id"]]
    allowed = record["decision"] == "allow"
    assert answer.status in (CARRIED_OUT if allowed else (403,) if auth else (401,))
    return allowed, next(iter(record["policies"]), None)


def expected(row: dict[str, Any]) -> Decided:
    return "allow" in row, row.get("allow", row.get("deny"))


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_a_request_is_decided_by_the_policy_that_the_table_names(box: serving.Box, row: dict[str, Any]) -> None:
    assert asked(box, row) == expected(row)


@pytest.mark.parametrize("row", [row for row in ROWS if "why" in row], ids=name)
def test_whoever_may_ask_why_is_told_in_the_words_of_each_engine(box: serving.Box, row: dict[str, Any]) -> None:
    method, _, target = row["ask"].partition(" ")
    request = {"request-method": method.lower(), "uri": target}
    request |= {"client": {"id": row["as"]}} if "as" in row else {}
    request |= {"body": row["body"]} if "body" in row else {}
    answer = box.admin("POST", "/auth/test-policy", {"request": request}).json
    assert (answer["decision"] == "allow", next(iter(answer["by"]), None)) == expected(row)
    reasons = {held["id"]: [reason["message"] for reason in held["reasons"]] for held in answer["policies"]}
    for policy, sentence in row["why"].items():
        assert sentence in reasons[policy]


def test_all_engines_at_once_in_eight_threads_decide_what_they_decide_one_by_one(box: serving.Box) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert [*threads.map(lambda row: asked(box, row), ROWS * 4)] == [expected(row) for row in ROWS * 4]


def test_every_engine_takes_part_and_every_policy_decides_something() -> None:
    assert {policy["engine"] for policy in POLICIES.values()} == ENGINES
    assert {expected(row)[1] for row in ROWS} - {None} == POLICIES.keys()
    (outer,) = (policy for policy in POLICIES.values() if policy["engine"] == "complex")
    branches = {branch["engine"] for branch in [*outer["and"], *outer["and"][-1]["or"]]}
    assert branches == ENGINES - {"allow"}


def test_every_policy_is_in_force_by_its_own_engine(box: serving.Box) -> None:
    assert box.ask("GET", "/readyz").status == 200
    assert {row["id"]: row["engine"] for row in DECLARED if "engine" in row}.items() <= {
        entry["resource"]["id"]: entry["resource"]["engine"]
        for entry in box.admin("GET", "/AccessPolicy").json["entry"]
    }.items()
