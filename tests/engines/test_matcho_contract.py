"""The contract of engines, kept by matcho."""

from __future__ import annotations

from falconbox.testing import Bad, Case, EngineContract
from falconbox_matcho import MatchoEngine

REQUEST = {
    "request-method": "get",
    "uri": "/Patient/1",
    "params": {"resource/type": "Patient", "resource/id": "1", "ids": ["1", "2"]},
    "client": {"id": "a", "details": {"patients": ["1", "2"], "patient": "1", "roles": [{"value": "doctor"}]}},
    "body": {"subject": {"reference": "Patient/1"}},
}


def case(pattern: object, answer: bool | None) -> Case:
    return Case({"matcho": pattern}, REQUEST, answer)


class TestMatcho(EngineContract):
    engine = MatchoEngine()
    cases = [
        case({}, True),
        case({"uri": "#^/Patient/", "request-method": {"$enum": ["get", "post"]}}, True),
        case({"uri": {"$one-of": ["/Patient", "#^/Patient/[^/]+$"]}, "client": {"id": "a"}}, True),
        case({"uri": "/Patient", "params": {"x": ".jwt.sub"}}, False),
        case({"params": {"resource/id": ".client.details.patient"}}, True),
        case({"params": {"resource/id": {"$not": ".client.details.patient"}}}, False),
        case({"params": {"resource/id": {"$not": ".jwt.patient"}}}, None),
        case({"params": {"resource/id": {"$one-of": ".client.details.patients"}}}, True),
        case({"client": {"details": {"roles": {"$contains": {"value": "nurse"}}}}}, False),
        case({"client": {"details": {"roles": [{"value": "not-blank?"}]}}, "session": "nil?"}, True),
        case({"body": {"subject": {"$reference": {"resourceType": "Patient", "id": ".client.details.patient"}}}}, True),
        case({"params": {"ids": {"$length": 2, "$present-all": ["2", "1"], "$every": "#^[0-9]$"}}}, True),
        case({"$one-of": [{"uri": "/Patient/1", "jwt": "present?"}, {"client": {"id": "b"}}]}, False),
        case({"$not": ".client.details"}, True),
        case({"client": {"$not": {"id": "a"}}, "uri": "present?"}, False),
        case({"body": {"subject": {"$reference": {"id": {"$not": "2"}}}}, "params": {"$not": ".body.none"}}, None),
    ]
    bad = [
        Bad({}, "/matcho"),
        Bad({"matcho": []}, "/matcho"),
        Bad({"matcho": {"uri": None}}, "/matcho/uri"),
        Bad({"matcho": {"uri": {"$oneof": ["/"]}}}, "/matcho/uri/$oneof"),
        Bad({"matcho": {"uri": "#/Patient/.client.id"}}, "/matcho/uri"),
    ]
