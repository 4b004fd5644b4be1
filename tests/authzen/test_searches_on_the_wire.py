"""Applications search over HTTP as OpenID AuthZEN 1.0 says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from worlds import at, requiring

import serving
from serving import Answer, Box

pytestmark = pytest.mark.blackbox
PEP = "pep:the-secret-of-the-pep"
SUBJECTS = {"subject": {"type": "user"}, "action": {"name": "read"}, "resource": {"type": "record", "id": "1"}}
RESOURCES = {"subject": {"type": "user", "id": "u1"}, "action": {"name": "read"}, "resource": {"type": "record"}}
ACTIONS = {"subject": {"type": "user", "id": "u1"}, "resource": {"type": "record", "id": "1"}}
ASKED = {"subject": SUBJECTS, "resource": RESOURCES, "action": ACTIONS}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A box with ten users, of which the odd ones may read what they own: all records."""
    with serving.running(tmp_path_factory.mktemp("box")) as running:
        for name in ("pep", "other"):
            client = {"id": name, "secret": "the-secret-of-the-pep", "grant_types": ["basic"]}
            assert running.admin("POST", "/Client", client).status == 201
        ask = {
            "id": "ask",
            "engine": "json-schema",
            "schema": {"required": ["client"], "properties": {"uri": {"pattern": "^/access/v1/"}}},
        }
        assert running.admin("POST", "/AccessPolicy", ask).status == 201
        odd = {"properties": {**at("subject.properties.odd", {"const": True})["properties"],
                              **at("action.name", {"enum": ["read", "write"]})["properties"]}}  # fmt: skip
        rule = {"id": "odd-read", "type": "authzen", **requiring(odd)}
        assert running.admin("POST", "/AccessPolicy", rule).status == 201
        for number in range(10):
            assert (
                running.admin("PUT", f"/User/u{number}", {"odd": number % 2 == 1, "secretly": "canary-91"}).status
                == 201
            )
        for kind, ids in (("Record", "123"), ("Action", ("read", "write", "delete"))):
            for name in ids:
                assert running.admin("PUT", f"/{kind}/{name}", {}).status == 201
        yield running


def ask(box: Box, wanted: str, changes: Any = (), auth: str = PEP) -> Answer:
    return box.ask("POST", f"/access/v1/search/{wanted}", {**ASKED[wanted], **dict(changes)}, auth=auth)


def users(*numbers: int) -> list[dict[str, str]]:
    return [{"type": "user", "id": f"u{number}"} for number in numbers]


def test_the_answer_is_exactly_the_results(box: Box) -> None:
    found = ask(box, "subject")
    assert (found.status, found.headers["content-type"], found.json) == (
        200,
        "application/json",
        {"results": users(1, 3, 5, 7, 9)},
    )
    assert ask(box, "resource").json == {"results": [{"type": "record", "id": name} for name in "123"]}
    assert ask(box, "action").json == {"results": [{"name": "read"}, {"name": "write"}]}


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [("subject", {"subject": {"type": "spaceship"}}), ("subject", {"subject": {"type": "client"}}), ("subject", {"subject": {"type": "Client"}}),
     ("subject", {"subject": {"type": ""}}), ("subject", {"subject": {"type": "signing-key"}}), ("subject", {"action": {"name": "delete"}}),
     ("resource", {"subject": {"type": "user", "id": "u2"}}), ("resource", {"subject": {"type": "user", "id": "nobody"}}),
     ("resource", {"resource": {"type": "page-key"}}), ("resource", {"resource": {"type": "accessPolicy"}}),
     ("action", {"subject": {"type": "user", "id": "nonexistent-user"}}), ("action", {"subject": {"type": "../User", "id": "u1"}})],
)  # fmt: skip
def test_an_unknown_id_or_type_finds_nothing(box: Box, wanted: str, changes: Any) -> None:
    answer = ask(box, wanted, changes)
    assert (answer.status, answer.json) == (200, {"results": []})


@pytest.mark.parametrize(
    "target", [{"type": "user", "id": "u2"}, {"type": "user", "id": 7}, {"type": "user", "properties": {"odd": True}}]
)
def test_of_what_is_searched_for_only_the_type_counts(box: Box, target: Any) -> None:
    assert ask(box, "subject", {"subject": target}).json == {"results": users(1, 3, 5, 7, 9)}
    assert len(ask(box, "action", {"action": target}).json["results"]) == 2


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [(wanted, {name: value}) for wanted in ASKED for name in ASKED[wanted] for value in (None, "x", 7, [], {}) ]
    + [("subject", {"resource": {"type": "record"}}), ("resource", {"subject": {"type": "user"}}), ("action", {"subject": {"type": "user"}}),
       ("action", {"resource": {"id": "1"}}), ("subject", {"subject": {"type": 1}}), ("subject", {"context": []}), ("subject", {"page": []}),
       ("subject", {"page": "next"}), ("subject", {"page": None})]
    + [("subject", {"page": {"limit": limit}}) for limit in (-1, "1", None, 1.5, True, [], 1.0)]
    + [("subject", {"page": {"token": token}}) for token in (None, 1, [], "x", "../../etc", "A" * 5000, "ü", "\x00")],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_read_is_a_400_with_a_message(box: Box, wanted: str, changes: Any) -> None:
    answer = ask(box, wanted, changes)
    assert answer.status == 400, answer
    assert isinstance(answer.json["message"], str)


def test_a_member_that_is_not_there_is_a_400(box: Box) -> None:
    for wanted, asked in ASKED.items():
        for name in asked:
            less = {key: value for key, value in asked.items() if key != name}
            assert box.ask("POST", f"/access/v1/search/{wanted}", less, auth=PEP).status == 400


def test_a_page_is_answered_to_who_asks_for_one_and_the_last_token_is_empty(box: Box) -> None:
    assert ask(box, "subject", {"page": {}}).json == {
        "results": users(1, 3, 5, 7, 9),
        "page": {"next_token": "", "count": 5},
    }
    pages, page = [], {"limit": 2, "properties": {"order": "any"}}
    while not pages or page["token"]:
        pages.append(ask(box, "subject", {"page": page}).json)
        page = {"limit": 2, "token": pages[-1]["page"]["next_token"]}
    assert [one["results"] for one in pages] == [users(1, 3), users(5, 7), users(9)]
    assert [one["page"]["count"] for one in pages] == [2, 2, 1]
    rest = ask(box, "subject", {"page": {"token": pages[0]["page"]["next_token"]}}).json
    assert rest["results"] == users(5, 7, 9)


def test_a_token_is_of_no_use_to_another_client_nor_in_another_search(box: Box) -> None:
    page = {"token": ask(box, "subject", {"page": {"limit": 1}}).json["page"]["next_token"]}
    assert ask(box, "subject", {"page": page}).status == 200
    assert ask(box, "subject", {"page": page}, auth="other:the-secret-of-the-pep").status == 400
    assert ask(box, "resource", {"page": page}).status == 400
    assert ask(box, "subject", {"page": page, "action": {"name": "write"}}).status == 400


def test_a_context_is_opt_in_and_the_record_has_counts_and_no_results(box: Box) -> None:
    answer = ask(box, "subject", {"options": {"context": True}}).json
    assert answer.keys() == {"results", "context"}
    (record,) = box.records(answer["context"]["decision_id"])
    assert (record["kind"], record["code"], record["candidates"], record["results"]) == ("search", "searched", 10, 5)
    assert (record["subject"], record["action"], record["resource"]) == (
        {"type": "user"},
        "read",
        {"type": "record", "id": "1"},
    )
    assert "decision" not in record
    assert box.records(record["request"])[0]["decision"] == "allow"
    assert "canary-91" not in box.output()


def test_who_may_not_ask_finds_nothing_out(box: Box) -> None:
    assert box.ask("POST", "/access/v1/search/subject", SUBJECTS).status == 401
    assert ask(box, "subject", auth="pep:wrong").status == 401


def test_the_key_of_the_tokens_cannot_be_reached_as_a_resource(box: Box) -> None:
    ask(box, "subject", {"page": {"limit": 1}})
    for path in ("/page-key", "/page-key/first", "/Page-key/first"):
        assert box.admin("GET", path).status == 404


def test_everything_found_is_permitted_and_nothing_else_is(box: Box) -> None:
    found = ask(box, "subject").json["results"]
    asked = {
        "action": {"name": "read"},
        "resource": {"type": "record", "id": "1"},
        "evaluations": [{"subject": one} for one in users(*range(10))],
    }
    answer = box.ask("POST", "/access/v1/evaluations", json.dumps(asked), auth=PEP).json["evaluations"]
    assert [one["decision"] for one in answer] == [subject in found for subject in users(*range(10))]
