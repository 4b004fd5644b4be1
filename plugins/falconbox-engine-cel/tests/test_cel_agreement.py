"""Looking policies up, and showing them what they read, decides with its reasons what asking each of them decides."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

from falconbox_engine_cel import CELEngine

from falconbox import AccessPolicy
from falconbox.model import Effect
from falconbox.testing import Agreement

PAIRS = int(os.environ.get("FALCONBOX_TEST_PAIRS", "10000"))
"""How often a policy is asked about a document, by the index and by itself."""

URIS = ["/Patient", "/Patient/1", "/Patient/2", "/Encounter", "/", "/patient", "/Patient\n"]
METHODS = ["get", "post", "GET", ""]
REGEXES = ["^/Patient", "^/Patient$", "^/Patient/[0-9]+$", "/Patient", "^/P|/E", "^/Patients?$", "^g", "^get$"]
OTHERS = [
    "true", "false", "1", "request.client.id == 'a'", "request.client.id == request.jwt.sub", "has(request.client)", "has(request.client) && request.client.id == 'a'",
    "!has(request.body)", "request.body.owner == request.client.id", "size(request) > 3", "request.params.id == 'a'", "request.params.id > 1", "'a' in request.params.owners",
    "request.params.owners.exists(x, x == 'a')", "request['uri'] == '/Patient'", "request.uri != '/Patient'", "request == {}",
]  # fmt: skip


class Dice(random.Random):
    """Makes expressions that speak of what facets are made of, and of what they are not."""

    def text(self, place: str, words: list[str]) -> str:
        quoted = [repr(word) for word in self.sample(words, 2)]
        return self.choice([
            f"{place} == {quoted[0]}", f"{place} == {quoted[0]}", f"{place} in [{', '.join(quoted)}]", f"{place} in [{quoted[0]}, request.client.id]", f"{place} in []",
            f"{place}.startsWith({quoted[0]})", f"{place}.startsWith('')", f"{place}.matches({self.choice(REGEXES)!r})", f"!({place} == {quoted[0]})", f"{place} != {quoted[0]}",
            f"{quoted[0]} == {place}", f"{place}.endsWith({quoted[0]})", f"{place} in [{quoted[0]}] == true", f"{place} == {quoted[0]} == false", f"{place} == r{quoted[0]}",
        ])  # fmt: skip

    def condition(self) -> str:
        return self.choice([
            self.text("request.uri", URIS), self.text("request.uri", URIS), self.text('request["request-method"]', METHODS), self.choice(OTHERS),
        ])  # fmt: skip

    def expression(self, depth: int = 0) -> str:
        parts = [self.condition() for _ in range(self.randint(1, 3))]
        if depth < 2 and self.random() < 0.4:
            inner = self.expression(depth + 1)
            parts.append(self.choice([f"({inner})", f"!({inner})", f"[1].all(x, {inner})"]))
            self.shuffle(parts)
        if self.random() < 0.15:
            return f"{parts[0]} ? {parts[-1]} : {self.condition()}"
        return self.choice([" && ", " && ", " && ", " || "]).join(parts)

    def policy(self, number: int) -> AccessPolicy:
        links = self.choice([None, None, frozenset({"a"}), frozenset({"a", "b"})])
        effect = Effect.DENY if self.random() < 0.2 else Effect.ALLOW
        return AccessPolicy(f"p{number:02}", "cel", {"expression": self.expression()}, links, effect)

    def document(self) -> dict[str, Any]:
        made: dict[str, Any] = {"uri": self.choice(URIS), "request-method": self.choice(METHODS), "params": {}}
        made["params"] = {key: self.choice(["a", 2, ["a", 1], None]) for key in ("id", "owners") if self.random() < 0.5}
        others = (("client", {"id": self.choice("ab")}), ("jwt", {"sub": "a"}), ("body", {"owner": "a"}))
        made |= {key: value for key, value in others if self.random() < 0.5}
        if self.random() < 0.1:
            made["uri"] = self.choice([None, ["/Patient"], {"x": 1}, 5])
        if self.random() < 0.1:
            del made[self.choice([*made])]
        return made


def test_a_look_up_decides_with_its_reasons_what_asking_everybody_decides() -> None:
    dice, engines = Dice(2026), {"cel": CELEngine()}
    decided, met = Counter[str](), Counter[str]()
    while met["pairs"] < PAIRS:
        held = Agreement([dice.policy(number) for number in range(dice.randint(5, 20))], engines)
        for _ in range(40):
            unknown = frozenset(key for key in ("body", "client") if dice.random() < 0.05)
            decided[held.decide(dice.document(), dice.choice([None, "a", "b", "c"]), unknown=unknown).code] += 1
        met += {"pairs": held.pairs, "explained": held.explained, "skipped": held.skipped}
    assert min(decided[code] for code in ("denied-by-policy", "allowed-by-policy", "no-policy-allows")) > PAIRS // 200
    assert met["explained"] > PAIRS // 3, "the reasons of a no are compared"
    assert met["pairs"] - met["explained"] > PAIRS // 10, "as are a yes, and a failure"
    assert met["skipped"] > PAIRS // 10, "facets keep many of these policies from being asked"
