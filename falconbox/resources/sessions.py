"""`/Session`: what tokens were given out. Deleting a session stops its token at once."""

from __future__ import annotations

from typing import Any

import falcon

from falconbox.audit_log import AuditTrail
from falconbox.errors import Malformed
from falconbox.oauth.sessions import revocation, revoke_session
from falconbox.resources import exchange
from falconbox.snapshot import Snapshot
from falconbox.store import Record, Store

KIND = "Session"


class Sessions:
    """Read, list (by client), delete."""

    def __init__(self, store: Store, audit: AuditTrail, snapshot: Snapshot) -> None:
        self._store = store
        self._audit = audit
        self._snapshot = snapshot

    def on_get_collection(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List, a page at a time; `?client=ID` selects."""
        size, where = exchange.page_size(req), _where(req)
        page = self._store.find(KIND, where, after=exchange.page_start(req), limit=size + 1)
        records = page.records[:size]
        more = len(page.records) > size
        next_url = exchange.page_url(f"/{KIND}", records[-1].id, size, where) if more else None
        exchange.answer(req, resp, exchange.bundle([_shown(record) for record in records], page.total, next_url))

    on_head_collection = on_get_collection

    def on_get(self, req: falcon.Request, resp: falcon.Response, resource_id: str) -> None:
        """Read."""
        exchange.answer_resource(req, resp, _shown(self._existing(resource_id)))

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


def _where(req: falcon.Request) -> dict[str, str]:
    params = req.context.target.params
    unknown = params.keys() - {"client", "_count", "_after", "resource/type"}
    if unknown or not isinstance(params.get("client", ""), str):
        raise Malformed("sessions can be searched by client, given once; paging is by _count and _after")
    return {"client": params["client"]} if "client" in params else {}


def _shown(record: Record) -> dict[str, Any]:
    document = {"resourceType": KIND, "id": record.id, **record.body}
    return exchange.with_meta(document, record.version, record.updated_at)
