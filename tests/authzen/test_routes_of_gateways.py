"""An API gateway asks about HTTP requests, and hears what the box itself would answer: the same policies, one canonicaliser."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import Stage, at, question, requiring

from falconbox.authzen.evaluation import read_evaluation
from falconbox.authzen.gateway import named
from falconbox.canonical import read_target
from falconbox.errors import Malformed, StoreUnavailable
from falconbox.mapping import client_from_body

sys.path.insert(0, str(Path(__file__).parents[1] / "attacks"))

import catalogue  # it stands beside the tests of the catalogue

REST = {"type": "rest"}
EVERYTHING = {**REST, "engine": "allow"}
MINE = [{"reference": "Client/consumer"}]


def route(
    uri: str | None = "/Patient", method: str = "GET", subject: Any = ("identity", "consumer"), **more: Any
) -> dict[str, Any]:
    properties = more.pop("properties", {})
    if uri is not None:
        properties = {"uri": uri, **properties}
    return {
        "subject": {"type": subject[0], "id": subject[1]} if isinstance(subject, tuple) else subject,
        "action": {"name": method},
        "resource": {"type": "route", "id": more.pop("id", "/{type}"), "properties": properties},
        **more,
    }


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return furnished(Stage(tmp_path))


def furnished(stage: Stage) -> Stage:
    for name, fields in {"consumer": {}, "off": {"active": False}, "idle": {"grant_types": []}}.items():
        document = {"resourceType": "Client", "id": name, "grant_types": ["basic"], **fields}
        body = {"document": document, "generation": "g", "secret_hash": "canary-hash"}
        stage.world.clients[name] = client_from_body(body, version=1, updated_at=0.0)  # type: ignore[index]
    return stage


SEED = {**REST, "link": MINE, "engine": "json-schema",
        "schema": {"type": "object", "properties": {"request-method": {"constant": "get"}, "uri": {"enum": ["/Patient", "/Encounter"]}}}}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [(route(), True), (route("/Encounter"), True), (route("/Observation"), False), (route(method="POST"), False), (route(method="get"), True),
     (route("https://api.example.com/Patient?active=true"), True), (route("http://user@host:8080/Patient"), True), (route("HTTPS://h/Patient"), True),
     (route("/%50atient"), True), (route("/Patient/"), False), (route(subject=("identity", "other")), False), (route(subject=("user", "consumer")), False),
     (route(subject=("client", "consumer")), True), (route(subject=("Client", "consumer")), False), (route(None, id="/Patient"), True),
     (route(None), False), (route(properties={"path": "/Patient", "uri": "/Observation"}), False)],
)  # fmt: skip
def test_a_route_is_judged_as_the_request_of_the_client_that_it_names(stage: Stage, asked: Any, allowed: bool) -> None:
    stage.judge_by(SEED)
    assert stage.says(asked) is allowed


def test_policies_for_evaluations_never_judge_routes_and_those_for_routes_never_evaluations(stage: Stage) -> None:
    stage.judge_by({"engine": "allow"})
    assert not stage.says(route())
    assert stage.says(question())
    stage.judge_by(EVERYTHING)
    assert stage.says(route())
    assert not stage.says(question())


def test_a_link_means_the_client_of_the_request_and_not_the_gateway(stage: Stage) -> None:
    stage.judge_by({**EVERYTHING, "link": [{"reference": "Client/pep"}]})
    assert not stage.says(route(), pep="pep")
    stage.judge_by({**EVERYTHING, "link": MINE})
    assert stage.says(route(), pep="pep")
    assert stage.says(route(), pep=None)


@pytest.mark.parametrize(
    "subject",
    [
        ("client", "nobody"),
        ("client", "off"),
        ("client", "idle"),
        ("identity", "off"),
        ("identity", "idle"),
        ("client", ""),
    ],
)
def test_a_client_that_could_not_ask_itself_is_denied_whatever_policies_say(stage: Stage, subject: Any) -> None:
    stage.judge_by(EVERYTHING)
    decision = stage.inquiry().decide(read_evaluation(route(subject=subject)))
    assert (decision.allow, decision.code, decision.by) == (False, "subject-rejected", ())


def test_somebody_who_is_no_client_is_judged_by_the_policies_for_everybody_and_by_what_the_box_knows(
    stage: Stage,
) -> None:
    stage.keep("Identity", "morty", roles=["editor"])
    editors = requiring({"properties": {**at("subject.properties.roles", {"contains": {"const": "editor"}})["properties"],
                                        **at("route", {"const": "/{type}"})["properties"]}})  # fmt: skip
    stage.judge_by({**REST, **editors})
    assert stage.says(route(subject=("identity", "morty")))
    assert not stage.says(route(subject=("identity", "jerry")))
    assert not stage.says(route(subject=("identity", "morty"), id="/other"))
    nobody = {"properties": {"client": False}}
    stage.judge_by({**REST, "engine": "json-schema", "schema": nobody})
    assert stage.says(route(subject=("identity", "morty")))
    assert not stage.says(route())


@pytest.mark.parametrize("key", ["body", "session", "jwt"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_a_gateway_cannot_tell_fails_every_policy_that_reads_it(stage: Stage, key: str, method: str) -> None:
    told = {key: {"a": 1}, "context": {key: {"a": 1}, "headers": {}}, "properties": {key: {"a": 1}}}
    free = {"engine": "json-schema", "schema": {"properties": {key: True}}}
    stage.judge_by({**REST, **free})
    assert not stage.says(route(method=method, **told))
    stage.judge_by(EVERYTHING, {**REST, "effect": "deny", "engine": "json-schema", "schema": {"required": [key]}})
    assert not stage.says(route(method=method, **told))


@pytest.mark.parametrize(
    ("key", "value", "told", "untold"),
    [("remote-addr", "192.0.2.7", {"properties": {"ip": "192.0.2.7"}}, [{}, {"properties": {"ip": ""}}, {"properties": {"ip": "192.0.2.7, 10.0.0.1"}},
                                                                       {"properties": {"ip": 7}}, {"properties": {"ip": "::1%x"}}]),
     ("remote-addr", "192.0.2.7", {"properties": {"ip": "::ffff:192.0.2.7"}}, []),
     ("scheme", "https", {"uri": "https://h/Patient"}, [{"uri": "/Patient"}, {"uri": "/Patient", "properties": {"scheme": "https"}}]),
     ("headers", {"x-tenant": "a"}, {"context": {"headers": {"X-Tenant": "a", "Authorization": "Basic x", "X-Forwarded-For": "1.2.3.4"}}},
      [{}, {"context": {}}, {"context": {"headers": []}}, {"context": {"headers": {"X-Tenant": 1}}}, {"context": {"headers": {"a": "1", "A": "2"}}},
       {"context": {"headers": {"X-Tenant": "a", "\u212aey": "b"}}}, {"context": {"headers": {"X-Tenant": "a", "": "b"}}}])],
)  # fmt: skip
def test_what_a_gateway_may_tell_is_seen_and_is_unknown_where_it_does_not(
    stage: Stage, key: str, value: Any, told: Any, untold: Any
) -> None:
    stage.judge_by({**REST, **requiring(at(key, {"const": value}))})
    assert stage.says(route(**told))
    for less in untold:
        assert not stage.says(route(**less))
    stage.judge_by(EVERYTHING, {**REST, "effect": "deny", **requiring(at(key, {"const": "another"}))})
    assert stage.says(route(**told))
    for less in untold:
        assert not stage.says(route(**less))  # and would be, were it absent


def test_nothing_of_a_client_is_seen_but_what_it_shows(stage: Stage) -> None:
    shown = {"resourceType": "Client", "id": "consumer", "grant_types": ["basic"]}
    stage.judge_by({**REST, **requiring(at("client", {"const": shown}))})
    assert stage.says(route())


@pytest.mark.parametrize("method", ["", " ", "GET ", "G ET", "GET\r\n", "ＧＥＴ", "İ", "a/b", "{}", "\x00"])
def test_an_action_that_is_no_method_is_denied(stage: Stage, method: str) -> None:
    stage.judge_by(EVERYTHING)
    assert stage.inquiry().decide(read_evaluation(route(method=method))).code == "malformed"


ODD = ["", "Patient", "//Patient", "/a/../Patient", "/./Patient", "/a//b", "/a%2fb", "/a\\b", "/a;b", "/a#b", "/a b", "/a\x00", "/%zz", "/%2550",
       "/ü", "/%ff", "/Pati%EF%BD%85nt", "http://", "http://h", "http:///Patient", "http:/Patient", "https://h\\x/Patient", "ftp://h/Patient",
       "javascript:alert(1)", "*", "/a\r\nb", "https://h?/Patient", "https://h#/Patient", "//h/Patient",
       "/ahttp://h/Patient", "/http://h/Patient", "xhttp://h/Patient", "http://h https://h/Patient", "https://a\u2100b/Patient", "https://\u017f/Patient", "http://h//Patient", "/a?x=%ff"]  # fmt: skip


@pytest.mark.parametrize("uri", ODD)
def test_a_target_that_can_be_read_in_two_ways_is_denied_whatever_policies_say(stage: Stage, uri: str) -> None:
    stage.judge_by(EVERYTHING)
    for asked in (route(uri), route(None, id=uri)):
        decision = stage.inquiry().decide(read_evaluation(asked))
        assert (decision.allow, decision.code) == (False, "malformed")
    assert not stage.says(route(None, properties={"uri": 7}, id="/Patient"))


@pytest.mark.parametrize("before", ["", "https://h", "HTTP://[::1]:8080", "http://[h"])
def test_only_what_stands_before_the_path_is_taken_for_a_host(stage: Stage, before: str) -> None:
    stage.judge_by({**REST, **requiring({"properties": {**at("uri", {"const": "/a"})["properties"],
                                                        **at("query-string", {"const": "to=https://h/b&c=http://h/d"})["properties"],
                                                        **at("params.to", {"const": "https://h/b"})["properties"]}})})  # fmt: skip
    assert stage.says(route(f"{before}/a?to=https://h/b&c=http://h/d"))
    assert not stage.says(route(f"{before}/a?to=/b&c=/d"))


@catalogue.NEEDED
def test_the_catalogue_of_paths_is_decided_as_at_the_box(stage: Stage) -> None:
    stage.judge_by(SEED)
    tried = 0
    for entry in catalogue.entries():
        if entry["group"] != "path" or entry["id"] in {
            "PATH-046",
            "PATH-062",
        }:  # another authority, and no client at all
            continue
        method, uri = entry["raw"].split("\r\n")[0].removesuffix(" HTTP/1.1").split(" ", 1)
        assert stage.says(route(uri, method)) is (200 in entry["expected"]["status"]), entry["id"]
        tried += 1
    assert tried > 25


def without_host(uri: str) -> str:
    scheme, mark, rest = uri.partition("://")
    authority, slash, path = rest.partition("/")
    absolute = mark and slash and scheme.lower() in ("http", "https") and authority
    return f"/{path}" if absolute and not {*authority} & {*"?#\\ \x00ü{}"} else uri


@given(
    st.lists(st.sampled_from([*"/aP.%2fe5cb0?=&;#\\ \x00ü{}~", "http://h", "HTTPS://h:1"]), max_size=12).map("".join)
)
@settings(max_examples=500, deadline=None)
def test_the_target_that_is_judged_is_the_one_that_the_canonicaliser_reads(one: Stage, uri: str) -> None:
    decision = one.inquiry().decide(read_evaluation(route(uri)))
    try:
        target = read_target(without_host(uri))
    except Malformed:
        assert decision.code == "malformed"
        assert named(read_evaluation(route(uri))) == {}
    else:
        assert decision.allow is (target.path == "/P")
        assert named(read_evaluation(route(uri))) == {"target": target.path}


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = furnished(Stage(tmp_path_factory.mktemp("store")))
    stage.judge_by({**REST, **requiring(at("uri", {"const": "/P"}))})
    return stage


def test_the_store_is_asked_only_for_a_subject_that_a_policy_reads(stage: Stage) -> None:
    stage.store.left = 0
    stage.judge_by(SEED)
    assert stage.says(route())
    stage.judge_by({**REST, **requiring(at("subject.properties.roles", {"const": []}))})
    with pytest.raises(StoreUnavailable):
        stage.says(route())


def test_the_record_names_the_path_and_not_the_query(stage: Stage) -> None:
    asked = read_evaluation(route("https://user:secret@h/Patient?token=canary"))
    assert json.dumps({**asked.names(), **named(asked)}).count("canary") == 0
    assert named(asked) == {"target": "/Patient"}
    assert named(read_evaluation(question())) == {}
