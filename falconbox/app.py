"""The composition root: the only module that knows everybody."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import falcon

from falconbox.admission import Admission
from falconbox.api import description
from falconbox.audit_log import AuditLog, AuditTrail
from falconbox.authentication import Authenticator
from falconbox.authentication.secret_uses import SecretUses
from falconbox.authentication.secrets import SecretHasher
from falconbox.authentication.upgrades import Upgrades
from falconbox.authentication.verification import CredentialVerifier
from falconbox.bootstrap import ensure_admin
from falconbox.chores import start_chores
from falconbox.compiling import PolicyCompiler
from falconbox.decision.point import DecisionPoint
from falconbox.decision_log.sinks import open_sink
from falconbox.decision_log.writer import DecisionLog
from falconbox.errors import FalconboxError
from falconbox.forward_auth import ForwardAuth
from falconbox.forwarded import Proxies
from falconbox.guard import Guard
from falconbox.last_used import LastUsed
from falconbox.oauth.algorithms import ALGORITHMS
from falconbox.oauth.identity import IdentityTokens
from falconbox.oauth.keys import SigningKeys
from falconbox.oauth.metadata import metadata_of
from falconbox.oauth.sealing import Seal
from falconbox.oauth.sessions import KIND as SESSION
from falconbox.oauth.tokens import AccessTokens
from falconbox.plugins import Plugins, load_plugins
from falconbox.request import WsgiDoor
from falconbox.resources.authzen import Access
from falconbox.resources.authzen_table import authzen_resources
from falconbox.resources.box import Box
from falconbox.resources.clients import Clients
from falconbox.resources.debug_policy import DebugDoor, DebugPolicy
from falconbox.resources.description import Docs, OpenApi
from falconbox.resources.exchange import Negotiation
from falconbox.resources.failures import add_error_handlers
from falconbox.resources.health import Healthz, Readyz
from falconbox.resources.oauth_table import oauth_resources
from falconbox.resources.policies import Policies
from falconbox.resources.response_headers import ResponseHeaders
from falconbox.resources.secret_rotation import SecretRotation
from falconbox.resources.sessions import Sessions
from falconbox.resources.test_policy import TestPolicy
from falconbox.routes import add_routes, inserted
from falconbox.service import Readiness, Service
from falconbox.settings import Settings
from falconbox.snapshot import Snapshot
from falconbox.store import Store
from falconbox.store.opening import open_store
from falconbox.sync import PolicyDirectory, Secrets, SyncResult

WELL_KNOWN: Final = (
    "/.well-known/authzen-configuration",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-protected-resource",
    "/.well-known/openid-configuration",
)
OPEN_ROUTES: Final = frozenset(
    {
        ("POST", "/auth/introspect"),
        ("POST", "/auth/revoke"),
        ("POST", "/auth/token"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        *((method, path) for method in ("GET", "HEAD") for path in WELL_KNOWN),
    }
)
"""Everything that is answered without a decision: method and exact path.

With a public URL that has a path, also where the well-known documents about that are looked for (`routes.inserted`).
"""


def build(settings: Settings) -> Service:
    """Open the store, bring in the policy directory, and put the application together.

    Raises StartupError, StoreError, and Invalid for a policy directory that is broken while no good set is stored.
    """
    plugins = load_plugins()
    store = open_store(settings.store)
    try:
        return _put_together(settings, _opened(settings, plugins, store))
    except BaseException:
        store.close()
        raise


@dataclasses.dataclass(frozen=True)
class _Opened:
    """What is there before anything is asked: the store as this start has left it, and followed from now on."""

    plugins: Plugins
    store: Store
    hasher: SecretHasher
    keys: SigningKeys
    admission: Admission
    snapshot: Snapshot
    directory: PolicyDirectory | None
    generated: str | None
    synced: SyncResult | None

    @property
    def sync_problem(self) -> FalconboxError | None:
        return None if self.directory is None else self.directory.problem


def _opened(settings: Settings, plugins: Plugins, store: Store) -> _Opened:
    # So that a flood of unfamiliar secrets leaves threads for everything else.
    hasher = SecretHasher(queue=max(1, settings.threads - 2))
    # There is no log yet: what the start changes is left in the store for it.
    audit = AuditTrail(store)
    generated = ensure_admin(store, audit, hasher, settings.admin_secret, settings.data_dir / "admin-secret")
    keys = SigningKeys.open(store, ALGORITHMS[settings.token_algorithm], Seal(settings.key_passphrase))
    admission = Admission(plugins.engines, import_sha256_secrets=settings.import_sha256_secrets)
    directory = None
    if settings.policies is not None:
        directory = PolicyDirectory(settings.policies, store, audit, admission, Secrets(os.environ, hasher))
    synced = None if directory is None else directory.bring_in()
    compiler = PolicyCompiler(plugins.engines, plugins.shipped)
    snapshot = Snapshot(store, compiler, prepare=lambda world: keys.follow(world.keys))
    snapshot.start()
    return _Opened(plugins, store, hasher, keys, admission, snapshot, directory, generated, synced)


def _put_together(settings: Settings, opened: _Opened) -> Service:
    store, snapshot, keys = opened.store, opened.snapshot, opened.keys
    session_uses, secret_uses = LastUsed(partial(store.mark_used, SESSION)), SecretUses(store)
    decision_log, audit_log = _logs(settings, opened.plugins, store)
    upgrades = Upgrades(store, audit_log, opened.hasher)
    verifier = CredentialVerifier(opened.hasher, proven=upgrades.note, used=secret_uses.note)
    tokens = AccessTokens(keys, settings.public_url)
    authenticator = Authenticator(verifier, tokens, used=session_uses.note)

    def fresh() -> bool:
        return snapshot.age() <= settings.max_staleness

    decision_point = DecisionPoint(fresh)
    proxies = Proxies(settings.trusted_proxies, settings.forwarded_headers)
    metadata = metadata_of(settings.public_url)
    guard_at = partial(Guard, snapshot, authenticator, decision_point, decision_log, resource_metadata=metadata)
    resources = {
        **_configuration(opened, audit_log),
        **oauth_resources(
            tokens,
            keys,
            store,
            snapshot,
            verify=verifier.verify,
            endpoint_audience=settings.token_endpoint_audience,
            identity_audience=settings.forward_auth_audience,
            fresh=fresh,
            audit_log=audit_log,
            decision_log=decision_log,
        ),
        **authzen_resources(Access(store, decision_point, decision_log), settings.public_url),
        "test_policy": TestPolicy(snapshot, opened.admission, decision_point, store),
        "readyz": Readyz(_readiness(settings, opened, decision_log, audit_log, decision_point)),
    }
    application = _guarded(settings, resources, guard_at, WsgiDoor("box", proxies), decision_point)
    chores = start_chores(store, snapshot, session_uses, secret_uses, upgrades, directory=opened.directory)
    return Service(
        ForwardAuth(application, guard_at, proxies, _identity_tokens(settings, keys)),
        settings,
        store,
        opened.plugins,
        snapshot,
        decision_log,
        audit_log,
        chores,
        opened.generated,
        opened.synced,
        opened.sync_problem,
    )


def _guarded(
    settings: Settings,
    resources: Mapping[str, object],
    guard_at: Callable[..., Guard],
    box: WsgiDoor,
    decision_point: DecisionPoint,
) -> falcon.App[Any, Any]:
    """Return the application of the box, with the guard in front, and the one that answers why before it."""
    public_path = urlsplit(settings.public_url).path
    open_routes = OPEN_ROUTES | {(method, path) for method in ("GET", "HEAD") for path in inserted(public_path)}
    guards = [DebugPolicy(guard_at(DebugDoor(box)), box, decision_point), guard_at(box, open_routes=open_routes)]
    return create_app(guards, resources, public_path, https=settings.public_url.startswith("https:"))


def _readiness(
    settings: Settings, opened: _Opened, decision_log: DecisionLog, audit_log: AuditLog, decision_point: DecisionPoint
) -> Readiness:
    return Readiness(
        settings.max_staleness,
        opened.store,
        opened.snapshot,
        decision_log=decision_log,
        audit_log=audit_log,
        decision_point=decision_point,
        keys=opened.keys,
        sync_problem=lambda: opened.sync_problem,
    )


def _configuration(opened: _Opened, audit_log: AuditLog) -> dict[str, object]:
    """Return what reads and writes the store, and what says how."""
    store, snapshot, admission = opened.store, opened.snapshot, opened.admission
    clients = Clients(store, audit_log, snapshot, admission, hash_secret=opened.hasher.hash_written)
    return {
        "Client": clients,
        "secret_rotation": SecretRotation(clients, opened.hasher),
        "AccessPolicy": Policies(store, audit_log, snapshot, admission),
        "Session": Sessions(store, audit_log, snapshot),
        "box": Box(store),
        "healthz": Healthz(),
        "openapi": OpenApi(description(opened.plugins.engines)),
        "docs": Docs(),
    }


def _identity_tokens(settings: Settings, keys: SigningKeys) -> IdentityTokens | None:
    audience = settings.forward_auth_audience
    return None if audience is None else IdentityTokens(keys, settings.public_url, audience)


def _logs(settings: Settings, plugins: Plugins, store: Store) -> tuple[DecisionLog, AuditLog]:
    """Open the logs; two that go to one place are one, so that no line of theirs gets into another."""
    required = settings.decision_log_required
    decisions = DecisionLog(open_sink(settings.decision_log), plugins.decided, required=required)
    apart = os.path.realpath(settings.audit_log) != os.path.realpath(settings.decision_log)
    changes = DecisionLog(open_sink(settings.audit_log), plugins.decided, required=required) if apart else decisions
    audit_log = AuditLog(store, changes, apart=apart)
    audit_log.start()
    return decisions, audit_log


def create_app(
    guards: Sequence[Any], resources: Mapping[str, object], public_path: str = "", *, https: bool
) -> falcon.App[Any, Any]:
    """Return the WSGI application: the guards in front, then the routes. `https`: TLS is in front of it."""
    application: falcon.App[Any, Any] = falcon.App(middleware=[*guards, Negotiation(), ResponseHeaders(https=https)])
    add_error_handlers(application)
    add_routes(application, resources, public_path)
    return application
