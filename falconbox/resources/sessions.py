"""`/Session`: what tokens were given out. Deleting a session stops its token at once."""

from __future__ import annotations

from typing import Any

import falcon

from falconbox.audit_log import AuditTrail
from falconbox.errors import Malformed
from falconbox.oauth.client_sessions import forget_sessions, revoke_all
from falconbox.oauth.sessions import KIND, is_live, revocation, revoke_session, shown
from falconbox.resources import exchange
from falconbox.snapshot import Snapshot
from falconbox.store import Record, Store


class Sessions:
    """Read, list (by client), delete (one, or all of a client)."""

    def __init__(self, store: Store, audit: AuditTrail, snapshot: Snapshot) -> None:
        self._store = store
        self._audit = audit
        self._snapshot = snapshot

    def on_get_collection(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List, a page at a time; `?client=ID` selects."""
        size, where = exchange.page_size(req), _where(req, ("client", "_count", "_after"))
        page = self._store.find(KIND, where, after=exchange.page_start(req), limit=size + 1)
        records = page.records[:size]
        more = len(page.records) > size
        next_url = exchange.page_url(f"/{KIND}", records[-1].id, size, where) if more else None
        exchange.answer(req, resp, exchange.bundle([self._shown(record) for record in records], page.total, next_url))

    on_head_collection = on_get_collection

    def on_delete_collection(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Revoke all of a client."""
        client_id = _where(req, ("client",)).get("client")
        if client_id is None:
            raise Malformed(f"name the client whose sessions are to be deleted: DELETE /{KIND}?client=ID")
        exchange.check_preconditions(req, None)
        known = client_id in self._snapshot.refresh().clients
        if not known and self._store.find(KIND, {"client": client_id}, limit=1).total == 0:
            # A misspelt id must not look as if everything had been revoked.
            raise exchange.not_found()
        revoke_all(self._store, self._audit, exchange.actor(req), client_id)
        self._snapshot.refresh()
        removed = forget_sessions(self._store, client_id)
        exchange.answer(req, resp, {"revoked": f"Client/{client_id}", "sessions": removed})

    def on_get(self, req: falcon.Request, resp: falcon.Response, resource_id: str) -> None:
        """Read."""
        exchange.answer_resource(req, resp, self._shown(self._existing(resource_id)))

    on_head = on_get

    def on_delete(self, req: falcon.Request, resp: falcon.Response, resource_id: str) -> None:
        """Revoke."""
        record = self._existing(resource_id)
        exchange.check_preconditions(req, record.version)
        with self._audit.change(revocation(exchange.actor(req), record)):
            revoke_session(self._store, record)
        self._snapshot.refresh()
        exchange.answer(req, resp, {"deleted": f"{KIND}/{resource_id}"})

    def _existing(self, session_id: str) -> Record:
        record = self._store.get(KIND, session_id)
        if record is None:
            raise exchange.not_found()
        return record

    def _shown(self, record: Record) -> dict[str, Any]:
        active = is_live(record, self._snapshot.current)
        document = {"resourceType": KIND, "id": record.id, **shown(record), "active": active}
        return exchange.with_meta(document, record.version, record.updated_at)


def _where(req: falcon.Request, known: tuple[str, ...]) -> dict[str, str]:
    params = req.context.target.params
    unknown = params.keys() - {*known, "resource/type"}
    if unknown or not isinstance(params.get("client", ""), str):
        raise Malformed(f"sessions are told by these parameters, each given once: {', '.join(known)}")
    return {"client": params["client"]} if "client" in params else {}
