"""Which constants a policy is found by: those without which its schema says no of every document there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from policies_of_schemas import compiled

from falconbox.admission import Admission
from falconbox.authzen.evaluation import read_evaluation
from falconbox.canonical import read_target
from falconbox.document import build_document
from falconbox.errors import FalconboxError, Malformed
from falconbox.model import Caller
from falconbox.plugins import load_plugins
from falconbox.testing import holds
from falconbox_json_schema.necessary import ALWAYS_OBJECTS


def at(*steps: str, value: Any, objects: bool = False) -> dict[str, Any]:
    """Return a schema that wants a value there, if what is above is an object; or one that wants that too."""
    made: dict[str, Any] = value
    for step in reversed(steps):
        made = {**({"type": "object"} if objects else {}), "required": [step], "properties": {step: made}}
    return made


X = {"const": "x"}
FOUND_BY: dict[str, tuple[Any, dict[str, Any]]] = {
    "a parameter of the route": (at("params", "resource/type", value=X), {"/params/resource~1type": "x"}),
    "a header": (at("headers", "x-tenant", value=X), {"/headers/x-tenant": "x"}),
    "what is known of the client": (at("client", "details", "role", value=X), {"/client/details/role": "x"}),
    "a claim": (at("jwt", "sub", value=X), {"/jwt/sub": "x"}),
    "the type of a resource": (at("resource", "type", value=X), {"/resource/type": "x"}),
    "a property of a subject": (at("subject", "properties", "role", value=X), {"/subject/properties/role": "x"}),
    "the name of an action": (at("action", "name", value=X), {"/action/name": "x"}),
    "a text at the top": (at("scheme", value=X), {"/scheme": "x"}),
    "constant, and an enum of one": (at("params", "a", value={"constant": 1, "enum": [1]}), {"/params/a": 1}),
    "one of several": (at("params", "a", value={"enum": [1, 2]}), {}),
    "a list": (at("params", "a", value={"const": ["x"]}), {}),
    "a body, which may be a list": (at("body", "kind", value=X), {}),
    "a body that must be an object": (at("body", "kind", value=X, objects=True), {"/body/kind": "x"}),
    "an object in a claim, which may be a text": (at("jwt", "act", "sub", value=X), {}),
    "an object in a claim that must be one": (at("jwt", "act", "sub", value=X, objects=True), {"/jwt/act/sub": "x"}),
    "what need not be there": ({"properties": {"params": {"properties": {"a": X}}}}, {}),
    "method and uri, which are found otherwise": (at("uri", value=X), {}),
}


@pytest.mark.parametrize(("schema", "constants"), FOUND_BY.values(), ids=FOUND_BY)
def test_a_policy_is_found_by_what_must_stand_in_a_request(schema: Any, constants: dict[str, Any]) -> None:
    assert compiled(schema).facets.constants == constants


@pytest.mark.parametrize("document", [{"body": ["x"]}, {"jwt": {"act": "somebody"}}, {"body": "x"}])
def test_what_is_no_object_and_so_fits_is_not_passed_over(document: Mapping[str, Any]) -> None:
    (step,) = document
    schema = at(step, "act", "sub", value=X) if step == "jwt" else at(step, "kind", value=X)
    evaluator = compiled(schema)
    assert evaluator.evaluate(document)
    assert holds(evaluator.facets, document)


def test_what_a_schema_need_not_call_an_object_is_one_in_every_request_and_every_evaluation() -> None:
    admission = Admission(load_plugins().engines)
    with pytest.raises(FalconboxError, match="details"):
        admission.client({"id": "a", "grant_types": ["basic"], "details": "x"})
    members = ("subject", "action", "resource", "context")
    evaluation = {"subject": {"type": "a", "id": "b"}, "action": {"name": "c"}, "resource": {"type": "d", "id": "e"}}
    for name in members:
        with pytest.raises(Malformed, match=name):
            read_evaluation({**evaluation, name: "x"})
        with pytest.raises(Malformed, match="properties"):
            read_evaluation({**evaluation, "subject": {**evaluation["subject"], "properties": []}})
    document = build_document(
        method="GET", scheme="http", target=read_target("/Patient?a=1"), headers={"a": "b"}, remote_addr="127.0.0.1",
        caller=Caller(session="s", claims={"sub": "a"}),
    )  # fmt: skip
    objects = {f"/{name}" for name, value in document.items() if isinstance(value, Mapping)}
    evaluated = {f"/{name}" for name in members} | {f"/{name}/properties" for name in members if name != "context"}
    assert objects | {"/client", "/client/details"} | evaluated == ALWAYS_OBJECTS
