"""What a service does beside its requests, all of it put together."""

from __future__ import annotations

import time

from falconbox.authentication.secret_uses import SecretUses, forget_gone
from falconbox.authentication.upgrades import WORK_INTERVAL, Upgrades
from falconbox.housekeeping import Chore
from falconbox.last_used import WRITE_INTERVAL, LastUsed
from falconbox.oauth.client_sessions import forget_dead_sessions
from falconbox.snapshot import Snapshot
from falconbox.store import Store
from falconbox.sync import LOOK_INTERVAL, PolicyDirectory


def start_chores(
    store: Store,
    snapshot: Snapshot,
    session_uses: LastUsed,
    secret_uses: SecretUses,
    upgrades: Upgrades,
    *,
    directory: PolicyDirectory | None,
) -> tuple[Chore, ...]:
    """Start what is done now and then beside the requests."""
    chores = [
        Chore("removing what has expired", store.sweep),
        Chore(
            "removing sessions of clients and keys that are gone",
            lambda: forget_dead_sessions(store, snapshot.refresh, time.time()),
        ),
        Chore(
            "removing the uses of secrets that are gone",
            lambda: forget_gone(store, snapshot.refresh, time.time()),
        ),
        Chore("writing when sessions were last used", session_uses.write, WRITE_INTERVAL, at_the_end=True),
        Chore("writing when secrets were last used", secret_uses.write, WRITE_INTERVAL, at_the_end=True),
        Chore("hashing secrets anew", upgrades.work, WORK_INTERVAL),
    ]
    if directory is not None:
        chores.append(Chore("looking for changed secrets", directory.look, LOOK_INTERVAL))
    for chore in chores:
        chore.start()
    return tuple(chores)
