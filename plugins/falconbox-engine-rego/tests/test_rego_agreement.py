"""Showing policies what they read decides, with its reasons, what showing them everything decides."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

from falconbox_engine_rego import RegoEngine

from falconbox import AccessPolicy
from falconbox.model import Effect
from falconbox.testing import Agreement

PAIRS = int(os.environ.get("FALCONBOX_TEST_PAIRS", "3000"))
"""How often a policy is asked about a document, among others and by itself."""

CONDITIONS = [
    'input.uri == "/Patient"', 'startswith(input.uri, "/Patient")', 'input["request-method"] == "get"', 'who.id == "a"', "who.id == input.jwt.sub", "not input.body",
    "input.body.owner == who.id", "count(input) > 3", 'some key in object.keys(input); key == "body"', "input[input.params.id]", 'to_number(input.params.id) > 1',
    '"a" in input.params.owners', 'every owner in input.params.owners { owner == "a" }', 'object.get(input, "body", 1) == 1', "is_patient", "not is_patient", "true", "false",
    'input[`jwt`].sub == "a"', 'x := input; x.uri == "/"', "[1 | input.body][0] == 1",
]  # fmt: skip
MODULE = """package falconbox
import input.client as who
{default}
is_patient if input.uri == "/Patient"
{rules}
reasons contains "there is no body" if not input.body
reasons contains input.uri if input.jwt
"""


class Dice(random.Random):
    """Makes modules that look at the document in all ways there are."""

    def policy(self, number: int) -> AccessPolicy:
        links = self.choice([None, None, frozenset({"a"}), frozenset({"a", "b"})])
        effect = Effect.DENY if self.random() < 0.1 else Effect.ALLOW
        default = f"default {effect.value} := false" if self.random() < 0.8 else ""
        rules = "\n".join(
            f"{effect.value} if {{ {'; '.join(self.sample(CONDITIONS, self.randint(1, 2)))} }}" for _ in range(self.randint(1, 2))
        )  # fmt: skip
        module = MODULE.format(default=default, rules=rules)
        return AccessPolicy(f"p{number:02}", "rego", {"module": module}, links, effect)

    def document(self) -> dict[str, Any]:
        made: dict[str, Any] = {"uri": self.choice(["/Patient", "/Patient/1", "/"]), "request-method": "get"}
        made["params"] = {"id": self.choice(["body", "2", 2.5]), "owners": self.choice(["a", ["a"], ["a", "b"]])}
        others = (("client", {"id": self.choice("ab")}), ("jwt", {"sub": "a"}), ("body", {"owner": "a"}))
        made |= {key: value for key, value in others if self.random() < 0.5}
        if self.random() < 0.1:
            del made[self.choice([*made])]
        return made


def test_a_projected_document_is_decided_with_its_reasons_as_the_whole_one() -> None:
    dice, engines = Dice(2026), {"rego": RegoEngine()}
    decided, met, narrow = Counter[str](), Counter[str](), 0
    while met["pairs"] < PAIRS:
        held = Agreement([dice.policy(number) for number in range(dice.randint(2, 12))], engines)
        narrow += sum(isinstance(one.reads, frozenset) for one in held.compiled.policies.values())
        for _ in range(40):
            unknown = frozenset(key for key in ("body", "client") if dice.random() < 0.05)
            decided[held.decide(dice.document(), dice.choice([None, "a", "b"]), unknown=unknown).code] += 1
        met += {"pairs": held.pairs, "explained": held.explained}
    assert min(decided[code] for code in ("denied-by-policy", "allowed-by-policy", "no-policy-allows")) > PAIRS // 200
    assert min(met["explained"], met["pairs"] - met["explained"]) > PAIRS // 10, "reasons of each kind are compared"
    assert narrow > PAIRS // 1000, "many of these policies see a part of the document only"
