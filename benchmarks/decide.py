"""What one decision costs, and how that grows with policies that do not concern it. `make bench` runs this.

Side by side, interleaved, medians of several rounds: the decision point, with every policy linked to a client of its
own, and with all of them for everybody, found by their uris; a bare call of the one validator that matters
(the limit); and a scan of every policy's validator, which is what a decision point without an index does. Ratios hold
from machine to machine, figures do not. Results go to benchmarks/results/decide.json.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from rounds import medians, write

from falconbox.compiling import PolicyCompiler
from falconbox.decision.point import DecisionPoint
from falconbox.decision.policy_set import PolicySet
from falconbox.model import AccessPolicy
from falconbox.plugins import load_plugins
from falconbox.world import World

SIZES = (10, 1_000, 10_000)
PLUGINS = load_plugins()
COMPILER = PolicyCompiler(PLUGINS.engines, PLUGINS.shipped)


class Question:
    unknown: frozenset[str] = frozenset()

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def read(self, keys: object, *, body: bool) -> dict[str, Any]:
        return self.document


def policy(number: int) -> AccessPolicy:
    schema = {
        "type": "object",
        "required": ["request-method", "uri"],
        "properties": {"request-method": {"const": "get"}, "uri": {"enum": [f"/Patient/{number}", "/Encounter"]}},
    }
    return AccessPolicy(f"p{number}", "json-schema", {"schema": schema}, frozenset({f"client{number}"}))


def for_everybody(policies: dict[str, AccessPolicy]) -> dict[str, AccessPolicy]:
    return {key: dataclasses.replace(made, links=None) for key, made in policies.items()}


def measure(size: int) -> dict[str, float]:
    policies = {made.id: made for made in map(policy, range(size))}
    started = time.perf_counter()
    compiled = PolicySet().patched(policies, COMPILER)
    compile_us = (time.perf_counter() - started) / size * 1e6
    asked = size - 1
    document = {"request-method": "get", "uri": f"/Patient/{asked}", "params": {}, "headers": {"host": "x"}}
    question, world, point = Question(document), World(policies=compiled), DecisionPoint(lambda: True)
    evaluators = [held.evaluator for held in compiled.policies.values()]
    last = compiled.policies[f"p{asked}"].evaluator
    everybody = World(policies=PolicySet().patched(for_everybody(policies), COMPILER))
    actions: dict[str, Callable[[], object]] = {
        "decide": lambda: point.decide(world, f"client{asked}", question),
        "for everybody": lambda: point.decide(everybody, f"client{asked}", question),
        "bare validator": lambda: last.evaluate(document),
        "scan of all": lambda: [evaluator.evaluate(document) for evaluator in evaluators],
    }
    assert point.decide(world, f"client{asked}", question).allow
    assert point.decide(everybody, f"client{asked}", question).allow
    return {**medians(actions), "compile": compile_us}


def main() -> None:
    # Whatever is imported or made once is not a part of what a policy costs.
    COMPILER.compile(policy(0))
    results = {str(size): measure(size) for size in SIZES}
    columns = ("decide", "for everybody", "bare validator", "scan of all", "compile")
    print(f"{'policies':>9}  " + "  ".join(f"{name:>14}" for name in columns) + "   (microseconds; compile: a policy)")
    for size, found in results.items():
        print(f"{size:>9}  " + "  ".join(f"{found[name]:>14.2f}" for name in columns))
    first, last = results[str(SIZES[0])]["decide"], results[str(SIZES[-1])]["decide"]
    print(f"decide with {SIZES[-1]} policies costs {last / first:.2f} times what it costs with {SIZES[0]}")
    write("decide", {"microseconds": results})


if __name__ == "__main__":
    main()
