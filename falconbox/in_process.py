"""falconbox inside of an application: its guard, in the same process, without a service beside it.

    access = AccessControl(policies="policies")
    falcon.App(middleware=[access.guard])                       # Falcon
    application.wsgi_app = access.protect(application.wsgi_app)  # Flask, Django, any WSGI application

Importing this starts nothing; making an AccessControl starts two threads, and `close` ends them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from falconbox import arguments
from falconbox.admission import Admission
from falconbox.audit_log import AuditTrail
from falconbox.authentication import Authenticator
from falconbox.authentication.secrets import SecretHasher
from falconbox.authentication.verification import CredentialVerifier
from falconbox.compiling import PolicyCompiler
from falconbox.decision.point import DecisionPoint
from falconbox.decision_log.writer import DecisionLog
from falconbox.errors import StartupError
from falconbox.forwarded import Network, Proxies
from falconbox.guard import Guard, OpenRoutes
from falconbox.oauth.keys import SigningKeys
from falconbox.oauth.sealing import Seal
from falconbox.oauth.tokens import AccessTokens
from falconbox.plugins import load_plugins
from falconbox.request import WsgiDoor
from falconbox.snapshot import Snapshot
from falconbox.store import Store
from falconbox.store.opening import open_store
from falconbox.store.sqlite import SqliteStore
from falconbox.sync import Secrets, sync_directory
from falconbox.wsgi import GuardMiddleware

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

DOOR = "application"
"""What the decision log calls requests that are decided in an application."""


class AccessControl:
    """The clients and policies of a directory or of a store, and a guard that decides by them.

    `policies` is a policy directory, read once; `store` is the URL of a store, whose changes are followed: that of a
    service, whose tokens open the application too if `public_url` is the service's (and `key_passphrase`, if the keys
    are encrypted by one). With both, the directory becomes
    the store's managed set, as `falconbox serve` would make it. `open_routes` are methods and exact paths that are
    answered without a decision. `trusted_proxies` (a list of addresses and networks) and `decision_log` (`stdout`,
    `none`, or a file) are those of the service's settings, `max_staleness` is in seconds. `mounted_at` is the path
    under which the application is mounted, such as `/shop`: policies see the whole path.

    Raises StartupError, Invalid with every problem of the directory, and StoreError.
    """

    def __init__(
        self,
        *,
        policies: str | os.PathLike[str] | None = None,
        store: str | None = None,
        public_url: str = "http://localhost",
        key_passphrase: str | None = None,
        open_routes: OpenRoutes = (),
        trusted_proxies: Sequence[str | Network] = (),
        decision_log: str = "stdout",
        max_staleness: float = 60.0,
        mounted_at: str = "",
    ) -> None:
        arguments.check_mount(mounted_at)
        arguments.check_open_routes(open_routes)
        public_url = arguments.public_url(public_url)
        max_staleness = arguments.max_staleness(max_staleness)
        proxies = arguments.trusted_proxies(trusted_proxies)
        if policies is None and store is None:
            raise StartupError("there is nothing to decide by: name a policy directory, a store, or both")
        if key_passphrase is not None and (store is None or not key_passphrase):
            raise StartupError(
                "key_passphrase is what the keys in a store are encrypted with: leave it out, or name both"
            )
        self._closed = False
        plugins, hasher = load_plugins(), SecretHasher()
        with ExitStack() as opened:
            kept = _opened(store, opened)
            if policies is not None:
                secrets = Secrets(os.environ, hasher)
                # Who shares the store with a service leaves it the record of that.
                sync_directory(Path(policies), kept, AuditTrail(kept), Admission(plugins.engines), secrets)
            # None is made here: which algorithm it is for, and what it is encrypted with, is the service's to say.
            keys = SigningKeys.of_others(kept, Seal(key_passphrase, "key_passphrase"))
            compiler = PolicyCompiler(plugins.engines, plugins.shipped)
            self.snapshot = Snapshot(kept, compiler, prepare=lambda world: keys.follow(world.keys))
            self.snapshot.start()
            opened.callback(self.snapshot.stop)
            log = DecisionLog(arguments.decision_log(decision_log), plugins.decided)
            opened.callback(log.close)
            self.guard = Guard(
                self.snapshot,
                Authenticator(CredentialVerifier(hasher), AccessTokens(keys, public_url)),
                DecisionPoint(lambda: not self._closed and self.snapshot.age() <= max_staleness),
                log,
                WsgiDoor(DOOR, Proxies(proxies), mounted_at),
                open_routes=open_routes,
            )
            self._opened = opened.pop_all()

    def protect(self, application: WSGIApplication) -> GuardMiddleware:
        """Return an application that answers what may pass with the one given, and refuses the rest."""
        return GuardMiddleware(application, self.guard)

    def close(self) -> None:
        """Write what is left of the decision log, and let go of everything. What is asked later is not allowed."""
        self._closed = True
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _opened(url: str | None, opened: ExitStack) -> Store:
    """Return the store, one that lasts no longer than the process if there is no URL.

    That one is in no file: a process that is ended by a signal would leave it behind, and hashes and a key in it.
    """
    store = SqliteStore(None) if url is None else open_store(url)
    opened.callback(store.close)
    return store
