"""The reference of complex says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from falconbox.compiling import MAX_BRANCH_DEPTH, MAX_BRANCHES, PolicyCompiler
from falconbox.mapping import policy_from_document
from falconbox.media import strict_yaml
from falconbox.plugins import load_plugins
from falconbox_complex import LIST

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "complex.md").read_text()


def test_the_limits_are_those_of_the_code() -> None:
    limits = PAGE.partition("## Limits")[2].partition("## ")[0]
    assert re.findall(r"\| (\d+)", limits) == [
        str(limit) for limit in (MAX_BRANCH_DEPTH, MAX_BRANCHES, LIST["maxItems"])
    ]


def test_the_policy_gets_the_explanation_that_is_shown() -> None:
    policy, told = (strict_yaml.loads(block.encode()) for block in re.findall(r"```yaml\n(.+?)```", PAGE, re.DOTALL))
    evaluator = PolicyCompiler(load_plugins().engines).compile(policy_from_document(policy))
    verdict = evaluator.explain({"uri": "/Report/7", "client": {"details": {"roles": ["nurse"]}}})
    assert [{name: getattr(reason, name) for name in told[0]} for reason in verdict.reasons[: len(told)]] == told
    assert evaluator.evaluate({"uri": "/Report/annual"})
    assert evaluator.evaluate({"uri": "/Report/7", "client": {"details": {"roles": ["doctor"]}}})
