"""Showing policies what they read decides, with its reasons, what showing them everything decides."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

from falconbox_engine_jmespath import JMESPathEngine

from falconbox import AccessPolicy
from falconbox.model import Effect
from falconbox.testing import Agreement

PAIRS = int(os.environ.get("FALCONBOX_TEST_PAIRS", "10000"))
"""How often a policy is asked about a document, among others and by itself."""

CONDITIONS = [
    "uri == '/Patient'", "starts_with(uri, '/Patient')", "\"request-method\" == 'get'", "client.id == 'a'", "client.id == jwt.sub", "client", "!client", "!body",
    "body.owner == client.id", "length(@) > `3`", "contains(keys(@), 'body')", "* | length(@) == `4`", "params.id > `1`", "contains(params.owners, 'a')", "params.owners[?@ == 'a']",
    "[0] == `null`", "[] == `null`", "[?uri == 'a'] == `null`", "{a: uri}.a == '/Patient'", "[uri, body][1] == `null`", "@ == `{}`", "not_null(body, jwt, 'x') == 'x'",
    "sort_by(params.owners, &@)[0] == 'a'", "params.*[] | [0] == 'a'", "map(&uri, [@])[0] == '/Patient'", "`true`", "`1`",
]  # fmt: skip


class Dice(random.Random):
    """Makes expressions that look at the document in all ways there are."""

    def expression(self, depth: int = 0) -> str:
        parts = [self.choice(CONDITIONS) for _ in range(self.randint(1, 3))]
        if depth < 2 and self.random() < 0.3:
            parts.append(f"{self.choice(['', '!'])}({self.expression(depth + 1)})")
        return self.choice([" && ", " && ", " || "]).join(f"({part})" if " | " in part else part for part in parts)

    def policy(self, number: int) -> AccessPolicy:
        links = self.choice([None, None, frozenset({"a"}), frozenset({"a", "b"})])
        effect = Effect.DENY if self.random() < 0.1 else Effect.ALLOW
        return AccessPolicy(f"p{number:02}", "jmespath", {"expression": self.expression()}, links, effect)

    def document(self) -> dict[str, Any]:
        made: dict[str, Any] = {"uri": self.choice(["/Patient", "/Patient/1", "/"]), "request-method": "get"}
        made["params"] = {key: self.choice(["a", 2, ["a", "b"], None]) for key in ("id", "owners")}
        others = (("client", {"id": self.choice("ab")}), ("jwt", {"sub": "a"}), ("body", {"owner": "a"}))
        made |= {key: value for key, value in others if self.random() < 0.5}
        if self.random() < 0.1:
            del made[self.choice([*made])]
        return made


def test_a_projected_document_is_decided_with_its_reasons_as_the_whole_one() -> None:
    dice, engines = Dice(2026), {"jmespath": JMESPathEngine()}
    decided, met, narrow = Counter[str](), Counter[str](), 0
    while met["pairs"] < PAIRS:
        held = Agreement([dice.policy(number) for number in range(dice.randint(2, 12))], engines)
        narrow += sum(isinstance(one.reads, frozenset) for one in held.compiled.policies.values())
        for _ in range(20):
            unknown = frozenset(key for key in ("body", "client") if dice.random() < 0.05)
            decided[held.decide(dice.document(), dice.choice([None, "a", "b"]), unknown=unknown).code] += 1
        met += {"pairs": held.pairs, "explained": held.explained}
    assert min(decided[code] for code in ("denied-by-policy", "allowed-by-policy", "no-policy-allows")) > PAIRS // 200
    assert min(met["explained"], met["pairs"] - met["explained"]) > PAIRS // 4, "reasons of each kind are compared"
    assert narrow > PAIRS // 100, "many of these policies see a part of the document only"
