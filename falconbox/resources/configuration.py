"""Clients and access policies over HTTP: created, read, listed, replaced, deleted.

Reads come from the snapshot, writes go to the store by compare-and-set and count on this node before they are
acknowledged. What a policy directory declares can be read here and not be changed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

import falcon

from falconbox.admission import Admission
from falconbox.audit_log import AuditTrail, Code, change
from falconbox.errors import Malformed, StoreConflict
from falconbox.model import AccessPolicy, Client
from falconbox.problems import HTTPProblem
from falconbox.resources import exchange
from falconbox.resources.shown import shown
from falconbox.schemas import did_you_mean
from falconbox.snapshot import Snapshot
from falconbox.store import Record, Store

PAGING = ("_count", "_after")


class Configuration(ABC):
    """What clients and policies have in common."""

    kind: ClassVar[str]
    searchable: ClassVar[Mapping[str, tuple[str, ...]]]
    """Search parameters, and the values that each can have; none: any."""

    def __init__(self, store: Store, audit: AuditTrail, snapshot: Snapshot, admission: Admission) -> None:
        self.store = store
        self.audit = audit
        self.snapshot = snapshot
        self.admission = admission

    @abstractmethod
    def held(self) -> Mapping[str, Client | AccessPolicy]:
        """Return what the snapshot holds, by id."""

    @abstractmethod
    def stored_body(self, document: dict[str, Any], previous: Record | None) -> Mapping[str, Any]:
        """Check a document and return what is stored of it. Raises Invalid."""

    @abstractmethod
    def search_values(self, document: Mapping[str, Any], name: str) -> set[str]:
        """Return the values by which a document is found under a search parameter."""

    def on_post_collection(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Create. An id that exists is a conflict: an upsert would silently take over a secret."""
        document = exchange.read_object(req)
        body = self.stored_body(document, None)
        resource_id = document["id"]
        if resource_id in self.held():
            raise _exists()
        try:
            self._put(req, resource_id, None, body)
        except StoreConflict as error:
            raise _exists() from error
        self._answer_written(req, resp, resource_id, HTTPStatus.CREATED)

    def on_get_collection(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List by equality search."""
        params = dict(req.context.target.params)
        size, after = exchange.page_size(req), exchange.page_start(req)
        wanted = {name: value for name, value in params.items() if name not in (*PAGING, "resource/type")}
        self._check_search(wanted)
        held = self.held()
        found = [key for key in sorted(held) if self._fits(held[key].document_view, wanted)]
        rest = [key for key in found if key > after]
        resources = self.shown([held[key] for key in rest[:size]])
        more = len(rest) > size
        next_url = exchange.page_url(f"/{self.kind}", rest[size - 1], size, wanted) if more else None
        exchange.answer(req, resp, exchange.bundle(resources, len(found), next_url))

    on_head_collection = on_get_collection

    def on_get(self, req: falcon.Request, resp: falcon.Response, resource_id: str) -> None:
        """Read."""
        exchange.answer_resource(req, resp, self._shown(resource_id))

    on_head = on_get

    def on_put(self, req: falcon.Request, resp: falcon.Response, resource_id: str) -> None:
        """Create (201) or replace (200)."""
        document = exchange.check_id(exchange.read_object(req), resource_id)
        self._check_own(resource_id)
        previous = self.store.get(self.kind, resource_id)
        exchange.check_preconditions(req, None if previous is None else previous.version)
        body = self.stored_body(document, previous)
        self._put(req, resource_id, previous, body)
        self._answer_written(req, resp, resource_id, HTTPStatus.OK if previous else HTTPStatus.CREATED)

    def on_delete(self, req: falcon.Request, resp: falcon.Response, resource_id: str) -> None:
        """Delete."""
        previous = self.existing(req, resource_id)
        with self.audit.change(change.delete(exchange.actor(req), previous)):
            self.store.delete(self.kind, resource_id, expect=previous.version)
        self.snapshot.refresh()
        exchange.answer(req, resp, {"deleted": f"{self.kind}/{resource_id}", **self.left_behind(resource_id)})

    def existing(self, req: falcon.Request, resource_id: str) -> Record:
        """Return what is about to be changed. Raises a 404, a 409 if it is managed, a 412 by the preconditions."""
        self._check_own(resource_id)
        previous = self.store.get(self.kind, resource_id)
        exchange.check_preconditions(req, None if previous is None else previous.version)
        if previous is None:
            raise exchange.not_found()
        return previous

    def replace(
        self, req: falcon.Request, resp: falcon.Response, previous: Record, body: Mapping[str, Any], code: Code
    ) -> None:
        """Store a body in the place of what was there, and answer with the resource."""
        self._put(req, previous.id, previous, body, code)
        self._answer_written(req, resp, previous.id, HTTPStatus.OK)

    def shown(self, found: Sequence[Client | AccessPolicy]) -> list[dict[str, Any]]:
        """Return what the API shows of clients or policies."""
        return [shown(each) for each in found]

    def left_behind(self, _resource_id: str) -> dict[str, Any]:
        """Return what the answer to a deletion says besides."""
        return {}

    def _put(
        self,
        req: falcon.Request,
        resource_id: str,
        previous: Record | None,
        body: Mapping[str, Any],
        code: Code | None = None,
    ) -> None:
        self.audit.put(exchange.actor(req), self.kind, resource_id, previous, body, code=code)

    def _answer_written(self, req: falcon.Request, resp: falcon.Response, resource_id: str, status: HTTPStatus) -> None:
        self.snapshot.refresh()
        exchange.answer_resource(req, resp, self._shown(resource_id), status=status)

    def _shown(self, resource_id: str) -> dict[str, Any]:
        found = self.held().get(resource_id)
        if found is None:
            raise exchange.not_found()
        return self.shown([found])[0]

    def _check_own(self, resource_id: str) -> None:
        found = self.held().get(resource_id)
        if found is not None and found.source is not None:
            detail = f"it is managed by a policy directory: change it there ({found.source.file})"
            raise HTTPProblem(HTTPStatus.CONFLICT, "managed", detail)

    def _check_search(self, wanted: Mapping[str, Any]) -> None:
        for name, value in wanted.items():
            if name not in self.searchable:
                known = (*self.searchable, *PAGING)
                close = did_you_mean(name, known)
                raise Malformed(f"{self.kind} cannot be searched by that{close}; by: {', '.join(known)}")
            if not isinstance(value, str):
                raise Malformed("a search parameter must be given once")
            choices = self.searchable[name]
            if choices and value not in choices:
                # Nothing would be found, which is easily taken for: there is nothing.
                raise Malformed(f"{name} must be one of: {', '.join(choices)}")

    def _fits(self, document: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
        return all(value in self.search_values(document, name) for name, value in wanted.items())


def _exists() -> HTTPProblem:
    return HTTPProblem(HTTPStatus.CONFLICT, "exists", "there is a resource of that id; replace it with PUT")
