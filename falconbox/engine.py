"""The engine contract: how a policy is compiled, and what a compiled policy answers. Public API.

An engine is registered by a plugin through the hook `falconbox_engines` (see `falconbox.hookspecs`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from falconbox.errors import PolicyInvalid, Undetermined
from falconbox.facets import NO_FACETS, Facets
from falconbox.model import AccessPolicy, Document, Reason, Verdict


class All:
    """The type of `ALL`."""

    def __repr__(self) -> str:
        return "ALL"


ALL: Final = All()
"""Every top-level key of the request document: what an evaluator reads unless its engine can prove otherwise."""


class Evaluator(Protocol):
    """A compiled policy. It is called from many threads at once and must not change the document."""

    @property
    def reads(self) -> frozenset[str] | All:
        """The top-level keys of the document that it can see: a sound over-approximation, ALL if in doubt."""

    @property
    def facets(self) -> Facets:
        """Necessary conditions for a yes. They must hold for every document that is not simply answered no."""

    def evaluate(self, document: Document) -> bool:
        """Answer. Only `True` means yes.

        Raises Undetermined when it cannot tell; that, and any other exception, counts as a failure: an allow policy
        does not allow then, a deny policy denies.
        """

    def explain(self, document: Document) -> Verdict:
        """Give the answer of `evaluate` with its reasons. May be slow; raises what `evaluate` raises."""


class CompileBranch(Protocol):
    """How an engine compiles a policy nested in its own body, by whatever engine the nested policy names."""

    def __call__(self, subpolicy: Mapping[str, Any], pointer: str) -> Evaluator:
        """Compile `subpolicy`, found at `pointer` in the policy. Raises PolicyInvalid with pointers from the top."""


class Engine(Protocol):
    """A way to judge request documents. Compiling and checking are one act: what compiles may be stored."""

    @property
    def name(self) -> str:
        """The value of `engine` in the policies that it judges."""

    @property
    def body_schema(self) -> Mapping[str, Any]:
        """JSON Schema (`properties`, `required`) of the policy fields that this engine owns, such as `schema`."""

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Evaluator:
        """Compile a policy; its own fields are in `policy.body`, already checked against `body_schema`.

        Raises PolicyInvalid, each problem with a JSON pointer that starts at the policy.
        """


__all__ = [
    "ALL",
    "NO_FACETS",
    "All",
    "CompileBranch",
    "Document",
    "Engine",
    "Evaluator",
    "Facets",
    "PolicyInvalid",
    "Reason",
    "Undetermined",
    "Verdict",
]
