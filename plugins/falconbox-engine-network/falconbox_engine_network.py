"""The engine `network`: a policy says yes to requests that come from inside, or from outside, of its networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from falconbox import (
    NO_FACETS,
    AccessPolicy,
    CompileBranch,
    Document,
    Engine,
    Evaluator,
    PolicyInvalid,
    Problem,
    Reason,
    Undetermined,
    Verdict,
    hookimpl,
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class NetworkEvaluator:
    """A compiled policy."""

    reads = frozenset({"remote-addr"})
    facets = NO_FACETS

    def __init__(self, field: str, networks: tuple[Network, ...]) -> None:
        self._field = field
        self._networks = networks

    def evaluate(self, document: Document) -> bool:
        """Return whether the request comes from where the policy says. Raises Undetermined without an address."""
        text = document.get("remote-addr")
        try:
            # A number would be taken for an address too.
            address = ipaddress.ip_address(text if isinstance(text, str) else "")
        except ValueError:
            raise Undetermined("the request has no IP address") from None
        # 10.0.0.1 and ::ffff:10.0.0.1 are one address.
        mapped = getattr(address, "ipv4_mapped", None) or address
        inside = any(mapped in network for network in self._networks)
        return inside if self._field == "inside" else not inside

    def explain(self, document: Document) -> Verdict:
        """Return the same answer, with its reason."""
        matched = self.evaluate(document)
        where = "is" if matched else "is not"
        message = f"remote-addr {document['remote-addr']} {where} {self._field} of the policy's networks"
        return Verdict(matched, (Reason("network", message, "/remote-addr", f"/{self._field}"),))


def _network(text: str) -> Network:
    network = ipaddress.ip_network(text)
    if getattr(network.network_address, "ipv4_mapped", None) is not None:
        raise ValueError(f"{text} holds IPv4 addresses: write it as an IPv4 network")
    return network


class NetworkEngine:
    """Compiles policies with `inside` or `outside`."""

    name = "network"
    body_schema: Mapping[str, Any] = {
        "properties": {
            "inside": {"type": "array", "minItems": 1, "items": {"type": "string"}},
            "outside": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        }
    }

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Evaluator:
        """Return the evaluator. Raises PolicyInvalid for what is no network."""
        if len(policy.body) != 1:
            raise PolicyInvalid([Problem("", "must have either `inside` or `outside`")])
        ((field, texts),) = policy.body.items()
        networks: list[Network] = []
        problems: list[Problem] = []
        for position, text in enumerate(texts):
            try:
                networks.append(_network(text))
            except ValueError as error:
                problems.append(Problem(f"/{field}/{position}", f"is no network: {error}"))
        if problems:
            raise PolicyInvalid(problems)
        return NetworkEvaluator(field, tuple(networks))


@hookimpl
def falconbox_engines() -> Iterable[Engine]:
    """Add the engine."""
    return [NetworkEngine()]
