"""For each engine with facets: looking policies up decides, with its reasons, what asking each of them decides."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from falconbox.model import AccessPolicy, Effect
from falconbox.plugins import load_plugins
from falconbox.testing import Agreement

PLUGINS = load_plugins()
PAIRS = 100_000
"""How often a policy is asked about a document, by the index and by itself."""
URIS = ["/Patient", "/Patient/1", "/Patient/2", "/Encounter", "/", "/patient", "/Patient\n"]
METHODS = ["get", "post", "GET", ""]
NAMES = ["a", "b", 1, True, 1.0]
REGEXES = ["#^/Patient", "#^/Patient$", "#^/Patient/[0-9]+$", "#/Patient", "#^/P|/E", "#^/Patients?$", "#^g", "#^get$", "#^\\/Patient\\/1$", "#^/Patient(/|$)", "#^/(Patient|Encounter)(/1|$)", "#^/P(x|a)|/E", "#^(get|/Patient)"]  # fmt: skip
PATHS = [".client.id", ".jwt.sub", ".params.id", ".params.owners", ".body.owner"]


class Dice:
    """Makes policies that speak of what facets are made of, and of what they are not."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def word(self, words: list[Any]) -> Any:
        return self.random.choice(words)

    def often(self, chance: float) -> bool:
        return self.random.random() < chance

    def matcho(self) -> dict[str, Any]:
        return {"matcho": self._pattern()}

    def _pattern(self, depth: int = 0) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if self.often(0.8):
            made["uri"] = self._text(URIS)
        if self.often(0.5):
            made["request-method"] = self._text(METHODS)
        if self.often(0.3):
            made["client"] = self.word(
                [
                    {"id": self.word(NAMES)},
                    {"id": {"$enum": ["a"]}},
                    {"id": {"$enum": ["a", "b"]}},
                    {"id": {"$enum": ["b", 1], "$not": "a"}},
                    "nil?",
                    "present?",
                    {"id": {"$not": "a"}},
                    {"$not": {"id": "a"}},
                ]
            )
        if self.often(0.3):
            made["params"] = {
                "id": self.word([*PATHS, *NAMES, {"$not": self.word(PATHS)}, {"$one-of": ".params.owners"}])
            }
        if self.often(0.1):
            made["body"] = self.word(["present?", "nil?", {"owner": ".client.id"}])
        if depth < 2 and self.often(0.3):
            several = [self._pattern(depth + 1) for _ in range(self.random.randint(1, 3))]
            return self.word([{"$one-of": several}, {**made, "$not": several[0]}])
        return made

    def _text(self, words: list[str]) -> Any:
        chosen = self.random.sample(words, self.random.randint(1, 2))
        return self.word([
            chosen[0], chosen[0], {"$enum": chosen}, {"$enum": [*chosen, 1, True]}, "present?", "nil?", "not-blank?", self.word(REGEXES), self.word(REGEXES),
            {"$not": chosen[0]}, {"$one-of": [chosen[0], self.word(REGEXES)]}, {"$one-of": [*chosen, 5]}, {"$one-of": [chosen[0], self.word(PATHS)]},
            {"$enum": words[:3], "$not": chosen[0]}, self.word(PATHS), {"$one-of": ".params.owners"}, {"x": 1}, {"$length": 1}, [chosen[0]],
        ])  # fmt: skip

    def complex(self, depth: int = 0) -> dict[str, Any]:
        return {self.word(["and", "or"]): [self._branch(depth) for _ in range(self.random.randint(1, 2))]}

    def _branch(self, depth: int) -> dict[str, Any]:
        if depth < 2 and self.often(0.2):
            return {"engine": "complex", **self.complex(depth + 1)}
        if self.often(0.2):
            return {
                "engine": "json-schema",
                "schema": {"required": ["uri"], "properties": {"uri": {"const": self.word(URIS)}}},
            }
        return {"engine": "matcho", **self.matcho()}

    def policy(self, engine: str, number: int) -> AccessPolicy:
        name = "allow" if number == 12 else engine
        body = {} if name == "allow" else MAKERS[name](self)
        links = self.word([None, None, frozenset({"a"}), frozenset({"a", "b"})])
        effect = Effect.DENY if self.often(0.15) else Effect.ALLOW
        return AccessPolicy(f"p{number:02}", name, body, links, effect)

    def unknown(self) -> frozenset[str]:
        return frozenset(key for key in ("body", "client", "headers") if self.often(0.05))

    def document(self) -> dict[str, Any]:
        params = {key: self.word([*NAMES, ["a", 1], None]) for key in ("id", "owners") if self.often(0.5)}
        made: dict[str, Any] = {"uri": self.word(URIS), "request-method": self.word(METHODS), "params": params}
        if self.often(0.6):
            made["client"] = {"id": self.word([*NAMES, [1], None])}
        if self.often(0.2):
            made["jwt"] = {"sub": self.word(["a", "/Patient"])}
        if self.often(0.1):
            made["body"] = {"owner": "a"}
        if self.often(0.1):
            made["uri"] = self.word([None, ["/Patient"], {"x": 1}, 5])
        if self.often(0.1):
            del made[self.word([*made])]
        return made


MAKERS: Mapping[str, Callable[[Dice], dict[str, Any]]] = {"matcho": Dice.matcho, "complex": Dice.complex}


@pytest.mark.parametrize("engine", MAKERS)
def test_a_look_up_decides_with_its_reasons_what_asking_everybody_decides(engine: str) -> None:
    dice, found, asked, skipped = Dice(2025), Counter[str](), Counter[str](), 0
    while asked["pairs"] < PAIRS:
        policies = [dice.policy(engine, number) for number in range(dice.random.randint(5, 25))]
        held = Agreement(policies, PLUGINS.engines, PLUGINS.shipped)
        for _ in range(40):
            found[held.decide(dice.document(), dice.word([None, "a", "b", "c"]), unknown=dice.unknown()).code] += 1
        asked += {"pairs": held.pairs, "explained": held.explained}
        skipped += held.skipped
    assert found.keys() == {"denied-by-policy", "allowed-by-policy", "no-policy-allows"}
    assert min(found.values()) > 1000, "each of the three is decided often"
    assert asked["explained"] > PAIRS // 2, "and the reasons of a no are compared"
    assert asked["pairs"] - asked["explained"] > PAIRS // 10, "as are a yes, and a failure"
    assert skipped > PAIRS // 10, "the facets of these policies keep many of them from being asked"
