"""The box is the policy information point: what it knows counts, and is read once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from worlds import Stage, at, distinct, question, requiring

from falconbox.authzen.batch import read_batch
from falconbox.authzen.entities import box_type
from falconbox.authzen.evaluation import Evaluation, read_evaluation
from falconbox.decision.point import DecisionPoint
from falconbox.errors import SnapshotStale, StoreUnavailable

EDITOR = requiring(at("subject.properties.roles", {"contains": {"const": "editor"}}))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.mark.parametrize(
    ("entity_type", "kind"),
    [("user", "User"), ("User", "User"), ("todoItem", "TodoItem"), ("u", "U"), ("record2", "Record2"), ("", None), ("shared_document", None),
     ("client", None), ("Client", None), ("accessPolicy", None), ("signingKey", None), ("session", None), ("decision", None), ("key", None),
     ("managed-member", None), ("ßtuff", None), ("ǆ", None), ("ａbc", None), ("1a", None), ("user\n", None), ("user/1", None), ("x" * 65, None)],
)  # fmt: skip
def test_an_entity_of_a_type_is_a_resource_of_the_capitalised_type_or_of_none(
    entity_type: str, kind: str | None
) -> None:
    assert box_type(entity_type) == kind


def test_stored_attributes_are_properties_of_subject_and_resource(stage: Stage) -> None:
    stage.keep("User", "alice", roles=["editor"])
    stage.keep("Record", "1", status="active")
    stage.judge_by(requiring({"properties": {**at("subject.properties.roles", {"const": ["editor"]})["properties"],
                                             **at("resource.properties.status", {"const": "active"})["properties"]}}))  # fmt: skip
    assert stage.says(question())
    assert not stage.says(question(subject="bob"))
    assert not stage.says(question(resource="2"))
    assert not stage.says(question(subject={"type": "robot", "id": "alice"}))


def test_what_a_pep_says_never_overrides_what_is_stored(stage: Stage) -> None:
    stage.keep("User", "mallory", roles=["viewer"], nested={"a": 1})
    stage.judge_by(EDITOR)
    forged = {"type": "user", "id": "mallory", "properties": {"roles": ["editor"]}}
    assert not stage.says(question(subject=forged))
    assert not stage.says(question(subject={**forged, "type": "User"}))
    assert stage.says(question(subject={**forged, "id": "unknown"}))  # of whom the box knows nothing
    stage.judge_by(requiring(at("subject.properties.nested", {"const": {"a": 1}})))
    assert stage.says(question(subject={**forged, "properties": {"nested": {"a": 1, "b": 2}}}))


def test_what_the_box_does_not_know_may_be_sent(stage: Stage) -> None:
    stage.keep("User", "alice", roles=["viewer"])
    stage.judge_by(
        requiring(
            {
                "properties": {
                    "subject": {"properties": {"properties": {"const": {"roles": ["viewer"], "ip": "192.0.2.1"}}}}
                }
            }
        )
    )
    assert stage.says(question(subject={"type": "user", "id": "alice", "properties": {"ip": "192.0.2.1"}}))


WHOLE = [
    (question(), {"subject": {"type": "user", "id": "alice"}, "action": {"name": "read"}, "resource": {"type": "record", "id": "1"}}),
    (question(foo=1, context={"a": [None]}), {"subject": {"type": "user", "id": "alice"}, "action": {"name": "read"},
                                              "resource": {"type": "record", "id": "1"}, "context": {"a": [None]}}),
    ({**question(), "action": {"name": "x", "properties": {"soft": True}, "y": 1}},
     {"subject": {"type": "user", "id": "alice"}, "action": {"name": "x", "properties": {"soft": True}}, "resource": {"type": "record", "id": "1"}}),
    (question(subject={"type": "user", "id": "__proto__", "properties": {"__proto__": {"roles": ["editor"]}}}),
     {"subject": {"type": "user", "id": "__proto__", "properties": {"__proto__": {"roles": ["editor"]}}}, "action": {"name": "read"},
      "resource": {"type": "record", "id": "1"}}),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "document"), WHOLE, ids=range(len(WHOLE)))
def test_policies_see_the_four_members_and_nothing_else(stage: Stage, asked: Any, document: Any) -> None:
    stage.judge_by({"engine": "json-schema", "schema": {"const": document}})
    assert stage.says(asked)


def test_what_the_box_does_not_take_as_an_id_is_found_by_its_identifier(stage: Stage) -> None:
    stage.keep("User", "rick", identifier="rick@the-citadel.com", roles=["editor"])
    stage.judge_by(EDITOR)
    assert stage.says(question(subject="rick@the-citadel.com"))
    assert not stage.says(question(subject="Rick@the-citadel.com"))
    assert not stage.says(question(subject={"type": "record", "id": "rick@the-citadel.com"}))
    assert not stage.says(question(subject="rick"))  # one thing has one name


@pytest.mark.parametrize("other", ["morty", "", ".", 7, None, ["morty@x"], {"value": "morty@x"}, "m" * 257])
def test_an_identifier_that_is_none_is_a_member_like_others(stage: Stage, other: Any) -> None:
    stage.keep("User", "rick", identifier=other, roles=["editor"])
    stage.judge_by(EDITOR)
    assert stage.says(question(subject="rick")) is (other != ".")
    assert not stage.says(question(subject="morty"))


def test_an_identifier_of_several_is_nobodys_and_is_denied_whatever_policies_say(stage: Stage) -> None:
    for name in ("one", "two"):
        stage.keep("User", name, identifier="both@x", roles=["editor"])
        stage.keep("Identity", name, identifier="both@x")
    stage.judge_by({"engine": "allow"}, {"type": "rest", **requiring(at("subject", {"type": "object"}))})
    route = {"type": "route", "id": "/x"}
    for asked in (question(subject="both@x"), question(subject={"type": "identity", "id": "both@x"}, resource=route)):
        decision = stage.inquiry().decide(read_evaluation(asked))
        assert (decision.allow, decision.code) == (False, "ambiguous-entity")
    assert stage.says(question(subject={"type": "identity", "id": "other@x"}, resource=route))


@pytest.mark.parametrize(
    "odd",
    ["", ".", "..", "a/b", "a\x00b", "a\nb", "$ne", "x" * 65, "x" * 100_000, "ü", "alice ", "%61lice", "{}", "👤"],
)
def test_an_id_that_nothing_in_the_box_can_have_is_unknown_to_it_and_no_error(stage: Stage, odd: str) -> None:
    stage.judge_by(EDITOR)
    assert not stage.says(question(subject=odd, resource=odd))
    if not 0 < len(odd) <= 256:
        assert stage.store.reads == []


def test_reserved_types_are_never_looked_up(stage: Stage) -> None:
    stage.judge_by({"engine": "allow"})
    for name in ("client", "Client", "signingKey", "session", "accessPolicy", "tokenIssuer"):
        assert stage.says(question(subject={"type": name, "id": "first"}, resource={"type": name, "id": "first"}))
    assert stage.store.reads == []


def test_each_entity_is_read_once_in_a_request_however_often_it_is_named(stage: Stage) -> None:
    stage.keep("User", "alice", roles=["editor"])
    stage.judge_by(EDITOR)
    batch = read_batch(
        {**question(), "evaluations": [question(), question(resource="2"), question(subject="bob"), {}] * 50}
    )
    assert batch is not None
    inquiry = stage.inquiry()
    decisions = [inquiry.decide(one).allow for one in batch.evaluations() if isinstance(one, Evaluation)]
    assert decisions == [True, True, False, True] * 50
    assert distinct(stage.store.reads)
    assert len(stage.store.reads) == 4


@pytest.mark.parametrize("resource", ["1", {"type": "route", "id": "/x"}], ids=["record", "route"])
def test_of_many_large_entities_no_more_are_in_memory_than_there_is_room_for(stage: Stage, resource: Any) -> None:
    for number in range(20):
        stage.keep("User", f"u{number}", text="x" * 1000)
    reading = {"engine": "matcho", "matcho": {"subject": {"properties": {"text": "present?"}}}}
    stage.judge_by(reading, {"type": "rest", **reading})
    subjects = [{"subject": {"type": "user", "id": f"u{number}"}} for number in range(20)]
    batch = read_batch({**question(resource=resource), "evaluations": subjects})
    assert batch is not None
    inquiry = stage.inquiry(room=3500)
    assert all(isinstance(one, Evaluation) and inquiry.decide(one).allow for one in batch.evaluations())
    assert stage.store.most_alive == 4  # three that are kept, and the one that has just been read
    assert distinct(stage.store.reads)


def test_what_a_batch_comes_back_to_is_not_read_again_for_what_it_names_once(stage: Stage) -> None:
    stage.keep("User", "alice", text="x" * 1000)
    for number in range(20):
        stage.keep("Record", f"{number}", text="x" * 1000)
    stage.judge_by({"engine": "allow"})
    inquiry = stage.inquiry(room=2500)
    assert all(inquiry.decide(read_evaluation(question(resource=f"{number}"))).allow for number in range(20))
    assert distinct(stage.store.reads)
    assert stage.store.most_alive <= 3


def test_a_store_that_goes_away_is_an_error_and_never_a_decision(stage: Stage) -> None:
    stage.judge_by({"engine": "allow"})
    for reads in range(2):
        stage.store.reads, stage.store.left = [], reads
        with pytest.raises(StoreUnavailable):
            stage.says(question())


def test_a_snapshot_that_is_too_old_is_an_error_and_never_a_decision(stage: Stage) -> None:
    stage.judge_by({"engine": "allow"})
    stage.point = DecisionPoint(lambda: False)
    with pytest.raises(SnapshotStale):
        stage.says(question())
