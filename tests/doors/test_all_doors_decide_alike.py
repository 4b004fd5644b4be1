"""Whichever door a request comes in by, the same policies decide it in the same way."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

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


Draw = Callable[[SearchStrategy[Any]], Any]


def escaped(draw: Draw, one: Asked) -> Asked:
    """Write one character of the path as an escape."""
    path, mark, query = one.target.partition("?")
    place = draw(st.integers(0, len(path) - 1))
    escape = draw(st.sampled_from(["%{:02x}", "%{:02X}", "%25{:02x}"])).format(ord(path[place]))
    return dataclasses.replace(one, target=f"{path[:place]}{escape}{path[place + 1 :]}{mark}{query}")


def with_something_put_in(draw: Draw, one: Asked) -> Asked:
    place, piece = draw(st.integers(0, len(one.target))), draw(st.sampled_from(PIECES))
    return dataclasses.replace(one, target=one.target[:place] + piece + one.target[place:])


def with_more_query(draw: Draw, one: Asked) -> Asked:
    mark = "&" if "?" in one.target else "?"
    more = draw(st.sampled_from(["", "active=true", "active=false", "resource/type=Patient", "a[b].c=d", "a=%C3%A9", "a=%ff", "a+b=%2B", ";", "=", "&&", "/../"]))  # fmt: skip
    return dataclasses.replace(one, target=f"{one.target}{mark}{more}")


def with_more_headers(draw: Draw, one: Asked) -> Asked:
    return dataclasses.replace(one, headers=[*one.headers, *draw(headers)])


def of_another_caller(draw: Draw, one: Asked) -> Asked:
    return dataclasses.replace(one, credentials=draw(st.sampled_from([None, *SECRETS.values(), "app:wrong"])))


PIECES = ["/", "//", "/./", "/../", ".", ";", "%2f", "%5c", "%00", "%ff", "%2e", "#", "?", " ", "\t", "*", "@", "%", "\xe9", "%C3%A9", "%EF%BC%8F", "x"]  # fmt: skip
CHANGES = [escaped, escaped, with_something_put_in, with_more_query, with_more_headers, of_another_caller]
DECIDED = [asked(row) for row in WORLD["decisions"] if {"allow", "deny"} & row.keys()]


@st.composite
def nearly_those_of_the_table(draw: Draw) -> Asked:
    """What a policy decides, with up to two things about it written as nobody writes them."""
    one = draw(st.sampled_from(DECIDED))
    for change in draw(st.lists(st.sampled_from(CHANGES), max_size=2)):
        one = change(draw, one)
    return one


def test_no_two_doors_disagree_about_an_odd_request(all_doors: list[Door]) -> None:
    """Nearly all requests that are odd all over are refused; of those that are odd in one place many are allowed."""
    seen = Counter[Any]()

    @given(requests | nearly_those_of_the_table() | nearly_those_of_the_table())
    @settings(max_examples=240, deadline=None)
    def they_agree(request: Asked) -> None:
        decided = {door.name: door.decide(request) for door in all_doors if door.is_asked(request)}
        assert len(set(decided.values())) == 1, decided
        seen[decided["box"].allow] += 1
        seen[decided["box"].by] += 1

    they_agree()
    assert min(seen[True], seen[False]) > 20, seen
    assert len(seen) > 5, "several policies decide"
