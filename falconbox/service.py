"""Everything that runs, put together, and whether it can do its work."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from falconbox.audit_log import AuditLog
from falconbox.decision.point import DecisionPoint
from falconbox.decision_log.writer import DecisionLog
from falconbox.errors import FalconboxError
from falconbox.forward_auth import ForwardAuth
from falconbox.housekeeping import Chore
from falconbox.oauth.keys import SigningKeys
from falconbox.plugins import Plugins
from falconbox.settings import Settings
from falconbox.snapshot import Snapshot
from falconbox.store import Store
from falconbox.sync import SyncResult


@dataclasses.dataclass(frozen=True, slots=True)
class Service:
    """Everything that runs, put together. `close` lets go of it."""

    application: ForwardAuth
    settings: Settings
    store: Store
    plugins: Plugins
    snapshot: Snapshot
    decision_log: DecisionLog
    audit_log: AuditLog
    chores: tuple[Chore, ...]
    generated_secret: str | None
    synced: SyncResult | None
    sync_problem: FalconboxError | None

    def close(self) -> None:
        """Stop following the store, write what is left of the decision log, and close both."""
        for chore in self.chores:
            chore.stop()
        self.snapshot.stop()
        self.audit_log.close()
        self.decision_log.close()
        self.store.close()


class Readiness:
    """What readiness means: the checks by name, each with `ok` and figures, and nothing that is stored."""

    def __init__(
        self,
        max_staleness: float,
        store: Store,
        snapshot: Snapshot,
        *,
        decision_log: DecisionLog,
        audit_log: AuditLog,
        decision_point: DecisionPoint,
        keys: SigningKeys,
        sync_problem: Callable[[], FalconboxError | None],
    ) -> None:
        self._max_staleness = max_staleness
        self._store = store
        self._snapshot = snapshot
        self._decision_log = decision_log
        self._audit_log = audit_log
        self._decision_point = decision_point
        self._keys = keys
        self._sync_problem = sync_problem

    def __call__(self) -> dict[str, dict[str, Any]]:
        """Look, and return what was found."""
        policies = self._snapshot.current.policies
        age = self._snapshot.age()
        broken = policies.broken()
        keys = self._keys.current
        unreadable = self._keys.unreadable
        return {
            "store": {"ok": self._store_answers()},
            "policies": {"ok": broken == 0, "total": len(policies.policies), "broken": broken},
            "snapshot": {"ok": age <= self._max_staleness, "age_seconds": round(age, 3)},
            "keys": {"ok": bool(keys) and not unreadable, "total": len(keys), "unreadable": unreadable},
            "policy_directory": {"ok": self._sync_problem() is None},
            "evaluations": {"ok": True, "slow": self._decision_point.slow_evaluations},
            "decision_log": {"ok": True, "dropped": self._decision_log.dropped},
            "audit_log": {"ok": True, "dropped": self._audit_log.dropped, **self._waiting()},
        }

    def _waiting(self) -> dict[str, int]:
        try:
            return {"waiting": self._audit_log.waiting()}
        except FalconboxError:
            return {}  # they stand in the store, which cannot be reached

    def _store_answers(self) -> bool:
        try:
            self._store.head()
        except FalconboxError:
            return False
        return True
