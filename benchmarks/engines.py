"""What one decision costs in each engine: the same rule, written for each of them. `make bench-engines` runs this.

A reader may read what lies below /Patient: the method, the start of the uri, a role of the client. The rule alone (its
evaluator, as falconbox asks it: plugins are handed a copy of what they read), and the whole decision, of a request that
the rule allows and of one that it does not. Side by side, interleaved, medians of several rounds, in time of the
processor. Ratios hold from machine to machine, figures do not. Needs the plugins beside falconbox; results go to
benchmarks/results/engines.json, and docs/explanation/which-engine.svg is drawn from the rounded ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chart
from rounds import medians, write

from falconbox.compiling import PolicyCompiler
from falconbox.decision.point import DecisionPoint
from falconbox.decision.policy_set import PolicySet
from falconbox.model import AccessPolicy
from falconbox.plugins import load_plugins
from falconbox.world import World

PLUGINS = load_plugins()
COMPILER = PolicyCompiler(PLUGINS.engines, PLUGINS.shipped)
PICTURE = Path(__file__).parents[1] / "docs" / "explanation" / "which-engine.svg"
TITLE = "One decision by the same rule, in microseconds"

SCHEMA = {
    "required": ["request-method", "uri", "client"],
    "properties": {
        "request-method": {"const": "get"},
        "uri": {"pattern": "^/Patient/"},
        "client": {
            "required": ["details"],
            "properties": {
                "details": {
                    "required": ["roles"],
                    "properties": {"roles": {"type": "array", "contains": {"const": "reader"}}},
                }
            },
        },
    },
}
MATCHO = {
    "request-method": "get",
    "uri": "#^/Patient/",
    "client": {"details": {"roles": {"$contains": "reader"}}},
}
POINT = 'request["request-method"] == "get" && request.uri.startsWith("/Patient/")'
CEDAR = """permit (principal is Client, action == Action::"get", resource in Uri::"/Patient")
when { principal has details && principal.details has roles && principal.details.roles.contains("reader") };"""
REGO = """package falconbox
default allow := false
allow if {
  input["request-method"] == "get"
  startswith(input.uri, "/Patient/")
  "reader" in input.client.details.roles
}"""
BODIES: dict[str, dict[str, Any]] = {
    "allow": {},
    "json-schema": {"schema": SCHEMA},
    "matcho": {"matcho": MATCHO},
    "complex": {
        "and": [
            {"engine": "json-schema", "schema": {**SCHEMA, "required": ["request-method", "uri"]}},
            {"engine": "matcho", "matcho": {"client": MATCHO["client"]}},
        ]
    },
    "cel": {"expression": f'{POINT} && "reader" in request.client.details.roles'},
    "jmespath": {
        "expression": "\"request-method\" == 'get' && starts_with(uri, '/Patient/')"
        " && contains(client.details.roles, 'reader')"
    },
    "cedar": {"policies": CEDAR},
    "rego": {"module": REGO},
}
"""The rule in each engine; `allow`, which has none, is the floor."""


class Question:
    """A request like many: ten headers, two parameters, no body."""

    unknown: frozenset[str] = frozenset()

    def __init__(self, role: str) -> None:
        self.document = {
            "request-method": "get",
            "scheme": "http",
            "uri": "/Patient/1",
            "params": {"resource/type": "Patient", "resource/id": "1", "_count": "10", "active": "true"},
            "headers": {f"x-header-{number}": "value" for number in range(10)},
            "remote-addr": "127.0.0.1",
            "client": {"resourceType": "Client", "id": "app", "grant_types": ["basic"], "details": {"roles": [role]}},
        }

    def read(self, keys: object, *, body: bool) -> dict[str, Any]:
        return self.document


def measure() -> dict[str, dict[str, float]]:
    actions: dict[tuple[str, str], Callable[[], object]] = {}
    point, yes, no = DecisionPoint(lambda: True), Question("reader"), Question("writer")
    for engine, body in BODIES.items():
        compiled = PolicySet().patched({"p": AccessPolicy("p", engine, body)}, COMPILER)
        evaluator, world = compiled.policies["p"].evaluator, World(policies=compiled)
        for question in (yes, no):
            expected = question is yes or engine == "allow"
            assert evaluator.evaluate(question.document) is expected, engine
            assert point.decide(world, "app", question).allow is expected, engine
        actions[engine, "yes"] = lambda asked=evaluator: asked.evaluate(yes.document)
        actions[engine, "no"] = lambda asked=evaluator: asked.evaluate(no.document)
        actions[engine, "decision"] = lambda asked=world: point.decide(asked, "app", yes)
    found = medians(actions, time.process_time)
    return {engine: {what: found[engine, what] for what in ("yes", "no", "decision")} for engine in BODIES}


def rounded(microseconds: float) -> float:
    """Return two significant digits: more would change with every run."""
    return float(f"{microseconds:.2g}")


def main() -> None:
    found = measure()
    judging = {engine: times for engine, times in found.items() if engine != "allow"}
    fastest = min(times["decision"] for times in judging.values())
    ratios = {engine: times["decision"] / fastest for engine, times in found.items()}
    print("| engine | yes | no | decision | ratio |\n|---|---|---|---|---|")
    for engine in sorted(found, key=lambda engine: found[engine]["decision"]):
        cells = [*(f"{rounded(times):g}" for times in found[engine].values()), f"{ratios[engine]:.1f}"]
        print(f"| `{engine}` | {' | '.join(cells)} |")
    write("engines", {"microseconds": found, "ratio of decisions to the fastest that judges": ratios})
    PICTURE.write_text(chart.svg(TITLE, {engine: rounded(times["decision"]) for engine, times in found.items()}))


if __name__ == "__main__":
    main()
