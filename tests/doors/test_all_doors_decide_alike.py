"""Whichever door a request comes in by, the same policies decide it in the same way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doors import Asked, Decided, Door, doors

pytestmark = pytest.mark.blackbox
WORLD: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "decisions.yaml").read_text())
SECRETS = {client["id"]: f"{client['id']}:{client['secret']}" for client in WORLD["clients"]}


@pytest.fixture(scope="module")
def all_doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Door]]:
    with doors(tmp_path_factory.mktemp("doors"), WORLD) as opened:
        yield opened


def asked(row: dict[str, Any]) -> Asked:
    method, _, target = row["ask"].partition(" ")
    return Asked(method, target, SECRETS.get(row.get("as", "")), [*row.get("headers", {}).items()])


def expected(row: dict[str, Any]) -> Decided:
    deciding = row.get("allow", row.get("deny"))
    return Decided("allow" in row, () if deciding is None else (deciding,))


@pytest.mark.parametrize("row", WORLD["decisions"], ids=lambda row: f"{row['ask']} as {row.get('as', 'nobody')}")
def test_a_request_is_decided_alike_at_every_door(all_doors: list[Door], row: dict[str, Any]) -> None:
    request = asked(row)
    answers = {door.name: door.decide(request) for door in all_doors if door.is_asked(request)}
    assert len(answers) >= len(all_doors) - 1
    assert answers == dict.fromkeys(answers, expected(row))


def test_every_policy_decides_something_in_the_table() -> None:
    deciding = {row.get("allow", row.get("deny")) for row in WORLD["decisions"]} - {None}
    assert deciding == {policy["id"] for policy in WORLD["policies"]}


SEGMENTS = ["Notice", "Patient", "secret", "files", "Organization", "%4eotice", "%6Eotice", "..", ".", "%2e%2e", "", "a;b", "%2f", "%5c", "%00", "%0d%0a",
            "caf%C3%A9", "cafe%CC%81", "caf\xe9", "%ff", "%u0041", "%", "%252e", "\uff0e".encode().decode("latin-1"), "a b", "\t", "*", "@", "Notice#x"]  # fmt: skip
targets = st.builds(
    lambda start, segments, query: start + "/".join(segments) + query,
    st.sampled_from(["/", "/", "/", "/", "//", "", "/./", "http://box.example/", "http://evil.example/", "\\"]),
    st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3),
    st.sampled_from(
        [
            "",
            "",
            "",
            "?",
            "?active=true",
            "?active=true&active=true",
            "?resource/type=Patient",
            "?%00",
            "?a=%ff",
            "?a#b",
            "?;",
            "?active=tru%65",
        ]
    ),
)
headers = st.lists(
    st.tuples(
        st.sampled_from(["X-Tenant", "x-tenant", "X_Tenant", "X-Tenant ", "Accept"]),
        st.sampled_from(["blue", " blue", "blue\t", "BLUE", "red", "blue, red", "bl\xfce", ""]),
    ),
    max_size=2,
)  # fmt: skip
requests = st.builds(
    Asked,
    st.sampled_from(["GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "get", "TRACE", "X-Y"]),
    targets,
    st.sampled_from([None, *SECRETS.values(), "app:wrong", "app", "app:"]),
    headers,
)


@given(requests)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_two_doors_disagree_about_an_odd_request(all_doors: list[Door], request: Asked) -> None:
    decided = {door.name: door.decide(request) for door in all_doors if door.is_asked(request)}
    assert len(set(decided.values())) == 1, decided
