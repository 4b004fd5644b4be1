"""The nouns: clients, policies, sessions, and what is said about a request.

Everything here is immutable and knows nothing of HTTP, of the store or of an engine.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

Document = Mapping[str, Any]
"""A request document: plain JSON, absent things absent. See docs/reference/request-document.md."""

ID_PATTERN: Final = r"^[A-Za-z0-9._-]{1,64}$"
"""What every id looks like; `.` and `..` are refused besides."""

RESERVED_TYPES: Final = frozenset(
    {"Client", "AccessPolicy", "Session", "SigningKey", "TokenIssuer", "Decision", "Status", "Key"}
)
"""Types that are never box resources, whether or not they exist yet."""

POLICY_TYPES: Final = ("rest", "authzen")
"""What a policy can judge: request documents, or AuthZEN evaluations. None judges both."""

MAX_DEPTH: Final = 64
"""How deeply arrays and objects may nest in any document, policy or body that is read."""


class Effect(StrEnum):
    """What a policy's yes means."""

    ALLOW = "allow"
    DENY = "deny"


class Mode(StrEnum):
    """Whether a policy takes part: `shadow` is evaluated and logged but never changes an answer."""

    ENFORCE = "enforce"
    SHADOW = "shadow"
    OFF = "off"


class Outcome(StrEnum):
    """What came of asking one policy. FAILED: it raised, could not tell, or has no engine."""

    YES = "yes"
    NO = "no"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """Where a managed resource came from: the policy directory, the file in it, the git commit."""

    directory: str
    file: str
    commit: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class StoredSecret:
    """One secret of a client. Its `id` is random and says nothing of it. Times are seconds since the epoch.

    `created` None: it is not known any more. `expires` None: never.
    """

    id: str
    hash: str = dataclasses.field(repr=False)
    created: float | None = None
    expires: float | None = None


def live(secrets: Sequence[StoredSecret], now: float) -> tuple[StoredSecret, ...]:
    """Return the secrets that have not expired at a time."""
    return tuple(secret for secret in secrets if secret.expires is None or now < secret.expires)


@dataclasses.dataclass(frozen=True, slots=True)
class Client:
    """An API client.

    `public` is what the API and the request document show: the client as it was written, without its secret.
    `token_lifetime` is in seconds; None means that its tokens do not expire. `audiences` None means any.
    `generation` changes when the client is created or deactivated, or may do less than before: tokens carry it. `jwks`
    holds its public keys, as JWKs. `answers_to` holds the audiences by which tokens are for it, its id among them.
    """

    id: str
    version: int
    generation: str
    active: bool
    grant_types: frozenset[str]
    secrets: tuple[StoredSecret, ...]
    token_lifetime: int | None
    audiences: frozenset[str] | None
    public: Mapping[str, Any]
    updated_at: float
    source: Source | None = None
    scopes: tuple[str, ...] = ()
    jwks: tuple[Mapping[str, Any], ...] = ()
    answers_to: frozenset[str] = frozenset()

    @property
    def document_view(self) -> Mapping[str, Any]:
        """What may be shown of it."""
        return self.public


@dataclasses.dataclass(frozen=True, slots=True)
class AccessPolicy:
    """One stored rule.

    `links` holds client ids; None is a global policy. `type` is one of POLICY_TYPES. `body` holds the fields that its
    engine owns (`schema`, ...), `document` the whole policy as it was written.
    """

    id: str
    engine: str
    body: Mapping[str, Any]
    links: frozenset[str] | None = None
    effect: Effect = Effect.ALLOW
    mode: Mode = Mode.ENFORCE
    type: str = "rest"
    document: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    version: int = 0
    updated_at: float = 0.0
    source: Source | None = None

    @property
    def document_view(self) -> Mapping[str, Any]:
        """What may be shown of it."""
        return self.document


@dataclasses.dataclass(frozen=True, slots=True)
class Reason:
    """One sentence of a why.

    `pointer` is a JSON pointer into the request document, `policy_pointer` one into the policy. `details` is the same
    for programs, in the form that users of the engine know. Sentence and details may quote the document; the decision
    log keeps only `code` and the pointers, because documents hold secrets.
    """

    code: str
    message: str
    pointer: str | None = None
    policy_pointer: str | None = None
    details: Mapping[str, Any] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """One evaluator's answer with its reasons: `matched` is what `evaluate` says of the same document."""

    matched: bool
    reasons: tuple[Reason, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """What one candidate policy answered, and why (filled in for failures and explanations)."""

    policy: str
    engine: str
    effect: Effect
    mode: Mode
    outcome: Outcome
    reasons: tuple[Reason, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one request.

    `code` is one of `allowed-by-policy`, `denied-by-policy`, `no-policy-allows`, `snapshot-stale`.
    `by` names the deciding policies, `answers` holds failures, shadow answers and (for a denial) what was missing.
    `revision` is the store version of the snapshot that was asked.
    """

    allow: bool
    code: str
    by: tuple[str, ...] = ()
    answers: tuple[PolicyAnswer, ...] = ()
    revision: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking. No client: anonymous. `session` and `claims` come from a verified access token."""

    client: Client | None = None
    session: str | None = None
    claims: Mapping[str, Any] | None = None

    @property
    def client_id(self) -> str | None:
        """The client's id; None for an anonymous caller."""
        return None if self.client is None else self.client.id


ANONYMOUS: Final = Caller()
