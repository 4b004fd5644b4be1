"""Looking policies up, and showing them what they read, decides with its reasons what asking each of them decides."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from typing import Any

from falconbox_engine_cedar import CedarEngine

from falconbox import AccessPolicy
from falconbox.model import Effect
from falconbox.testing import Agreement

PAIRS = int(os.environ.get("FALCONBOX_TEST_PAIRS", "3000"))
"""How often a policy is asked about a document, by the index and by itself."""

URIS = ["/Patient", "/Patient/1", "/Patient/1/x", "/Patients", "/Encounter", "/", "/patient", "/Patient/", "Patient"]
METHODS = ["get", "post", "GET", ""]
CONDITIONS = [
    "true", 'principal.id == "a"', "principal has id && principal.id like \"*\"", 'principal.details.roles.contains("x")', "principal has details",
    'context.uri == "/Patient"', 'context.params.id == "a"', "context.params has id", "context has body && context.body.owner == principal.id", "context.body.n > 1",
    'context == {"uri": "/"}', 'principal in Client::"a"', 'resource in Uri::"/Patient"', 'resource == Uri::"/"', "context.jwt.sub == context.params.id", 'action == Action::"get"',
]  # fmt: skip


class Dice(random.Random):
    """Makes sets of policies that speak of what facets are made of, and of what they are not."""

    def entity(self, kind: str, ids: list[str]) -> str:
        return f"{kind}::{json.dumps(self.choice(ids))}"

    def head(self) -> str:
        client, action, uri = (
            self.entity("Client", ["a", "b"]),
            self.entity("Action", METHODS),
            self.entity("Uri", URIS),
        )
        principal = self.choice(
            ["", "", f" == {client}", f" in {client}", " is Client", " is Anonymous", f" is Client in {client}"]
        )
        other = self.entity("Action", METHODS)
        method = self.choice(["", f" == {action}", f" == {action}", f" in [{action}, {other}]", f" in {action}"])
        kind = self.choice([uri, uri, uri, 'Client::"a"'])
        resource = self.choice(
            ["", f" == {kind}", f" in {kind}", f" in {kind}", f" is Uri in {uri}", " is Uri", " is Client"]
        )
        return f"(principal{principal}, action{method}, resource{resource})"

    def set(self) -> str:
        effects = ["permit", *(self.choice(["permit", "permit", "forbid"]) for _ in range(self.randint(0, 2)))]
        conditions = [
            "".join(f" {self.choice(['when', 'unless'])} {{ {self.choice(CONDITIONS)} }}" for _ in range(self.randint(0, 2))) for _ in effects
        ]  # fmt: skip
        return "\n".join(f"{effect} {self.head()}{said};" for effect, said in zip(effects, conditions, strict=True))

    def policy(self, number: int) -> AccessPolicy:
        links = self.choice([None, None, frozenset({"a"}), frozenset({"a", "b"})])
        effect = Effect.DENY if self.random() < 0.15 else Effect.ALLOW
        return AccessPolicy(f"p{number:02}", "cedar", {"policies": self.set()}, links, effect)

    def document(self) -> dict[str, Any]:
        made: dict[str, Any] = {"uri": self.choice(URIS), "request-method": self.choice(METHODS)}
        made["params"] = {"id": self.choice(["a", 2, ["a"], None])} if self.random() < 0.5 else {}
        client = {"id": self.choice("ab"), "details": self.choice([{}, {"roles": ["x"]}, {"roles": "x"}])}
        others = (("client", client), ("jwt", {"sub": "a"}), ("body", {"owner": "a", "n": 1.5}))
        made |= {key: value for key, value in others if self.random() < 0.5}
        if self.random() < 0.1:
            made["uri"] = self.choice([None, ["/Patient"], {"x": 1}, 5])
        if self.random() < 0.1:
            del made[self.choice([*made])]
        return made


def test_a_look_up_decides_with_its_reasons_what_asking_everybody_decides() -> None:
    dice, engines = Dice(2026), {"cedar": CedarEngine()}
    decided, met = Counter[str](), Counter[str]()
    while met["pairs"] < PAIRS:
        held = Agreement([dice.policy(number) for number in range(dice.randint(5, 15))], engines)
        for _ in range(40):
            unknown = frozenset(key for key in ("body", "client") if dice.random() < 0.05)
            decided[held.decide(dice.document(), dice.choice([None, "a", "b", "c"]), unknown=unknown).code] += 1
        met += {"pairs": held.pairs, "explained": held.explained, "skipped": held.skipped}
    assert min(decided[code] for code in ("denied-by-policy", "allowed-by-policy", "no-policy-allows")) > PAIRS // 200
    assert met["explained"] > PAIRS // 3, "the reasons of a no are compared"
    assert met["pairs"] - met["explained"] > PAIRS // 10, "as are a yes, and a failure"
    assert met["skipped"] > PAIRS // 10, "facets keep many of these policies from being asked"
