"""Say which policies of a set decided, or why none of them permits, in the words of their author."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from falconbox import Reason
from falconbox.wording import quoted, shortened
from falconbox_engine_cedar.presenting import Asked
from falconbox_engine_cedar.syntax import Node, text_of

ANYTHING: Node = {"op": "All"}
ANYBODY: Node = {
    "effect": "permit", "principal": ANYTHING, "action": ANYTHING, "resource": ANYTHING,
    "conditions": [], "annotations": {},
}  # fmt: skip
MAX_REASONS = 10
Permits = Callable[[str, Asked], bool]


def decided(trees: Mapping[str, Node], names: Sequence[str], verb: str) -> tuple[Reason, ...]:
    """Return a reason for each policy that permitted or forbade, in their order."""
    order = [name for name in trees if name in names]
    return tuple(
        Reason(verb, f"{called(name, trees[name])} {verb}s it{_words(trees[name])}", policy_pointer="/policies")
        for name in order[:MAX_REASONS]
    )


def not_permitted(
    trees: Mapping[str, Node], conditions: Sequence[Sequence[str]], asked: Asked, permits: Permits
) -> tuple[Reason, ...]:
    """Return for each policy that could have permitted what kept it from that."""
    kept = (
        Reason("no-permit", f"{called(name, tree)} does not apply: {why}", policy_pointer="/policies")
        for (name, tree), written in zip(trees.items(), conditions, strict=True)
        if tree["effect"] == "permit"
        for why in islice(_kept(tree, written, asked, permits), 1)
    )
    return tuple(islice(kept, MAX_REASONS))


def _kept(tree: Node, written: Sequence[str], asked: Asked, permits: Permits) -> Iterator[str]:
    for variable in ("principal", "action", "resource"):
        if tree[variable] != ANYTHING:
            head = text_of({**ANYBODY, variable: tree[variable]})
            if not permits(head, asked):
                uid: Any = asked.request[variable]
                yield f"it is for {shortened(_only(head))}, and this is {uid['type']}::{quoted(uid['id'])}"
    for condition, text in zip(tree["conditions"], written, strict=True):
        if not permits(f"permit (principal, action, resource) {text};", asked):
            how = "does not hold" if condition["kind"] == "when" else "keeps it from that"
            yield f"{shortened(' '.join(text.split()))} {how}"


def _only(text: str) -> str:
    """Return what the head of a policy says of the one variable that it restricts."""
    head = text.strip().removeprefix("permit(").removesuffix(";").removesuffix(")")
    head = head.removeprefix("principal, ").removeprefix("action, ")
    return head.removesuffix(", resource").removesuffix(", action")


def called(name: str, tree: Node) -> str:
    """Return how a sentence names a policy: by its `@id`, or by its place in the set."""
    given = tree.get("annotations", {}).get("id")
    return shortened(given) if given else f"policy {int(name.removeprefix('policy')) + 1}"


def _words(tree: Node) -> str:
    words = [text for key, text in tree.get("annotations", {}).items() if key != "id" and text]
    return f": {shortened(words[0])}" if words else ""
