"""The box: JSON resources of any capitalised type, kept in falconbox itself and guarded like everything else."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import falcon

from falconbox.errors import Invalid, Problem, StoreConflict
from falconbox.identifiers import fields_of
from falconbox.media import JSON, YAML
from falconbox.problems import HTTPProblem
from falconbox.resources import exchange
from falconbox.routes import is_id
from falconbox.store import Expect, Record, Store

ROOM: Final[Mapping[str, int]] = {JSON: 8 * 1024 * 1024, YAML: 512 * 1024}
"""Characters of JSON that a page of a list has at most, if it has more than one resource, by what it is written in.

Writing YAML takes a hundred times as long.
"""


class Box:
    """Create, read, list, replace and delete documents of a type."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_post_collection(self, req: falcon.Request, resp: falcon.Response, resource_type: str) -> None:
        """Create; without an `id`, one is made."""
        document = exchange.read_object(req)
        body = _checked({"id": str(uuid.uuid4()), **document}, resource_type)
        try:
            record = self._store.put(resource_type, body["id"], body, expect=Expect.ABSENT, fields=fields_of(body))
        except StoreConflict as error:
            detail = "there is a resource of that id; replace it with PUT"
            raise HTTPProblem(HTTPStatus.CONFLICT, "exists", detail) from error
        exchange.answer_resource(req, resp, _shown(record), status=HTTPStatus.CREATED)

    def on_get_collection(self, req: falcon.Request, resp: falcon.Response, resource_type: str) -> None:
        """List, a page at a time."""
        size = exchange.page_size(req)
        room = ROOM.get(req.context.media_type, ROOM[YAML])
        page = self._store.find(resource_type, after=exchange.page_start(req), limit=size + 1, room=room)
        records = page.records[:size]
        more = page.cut or len(page.records) > size
        next_url = exchange.page_url(f"/{resource_type}", records[-1].id, size, {}) if more else None
        exchange.answer(req, resp, exchange.bundle([_shown(record) for record in records], page.total, next_url))

    on_head_collection = on_get_collection

    def on_get(self, req: falcon.Request, resp: falcon.Response, resource_type: str, resource_id: str) -> None:
        """Read."""
        exchange.answer_resource(req, resp, _shown(self._existing(resource_type, resource_id)))

    on_head = on_get

    def on_put(self, req: falcon.Request, resp: falcon.Response, resource_type: str, resource_id: str) -> None:
        """Create (201) or replace (200)."""
        body = _checked(exchange.check_id(exchange.read_object(req), resource_id), resource_type)
        previous = self._store.get(resource_type, resource_id)
        exchange.check_preconditions(req, None if previous is None else previous.version)
        expected = Expect.ABSENT if previous is None else previous.version
        record = self._store.put(resource_type, resource_id, body, expect=expected, fields=fields_of(body))
        status = HTTPStatus.CREATED if previous is None else HTTPStatus.OK
        exchange.answer_resource(req, resp, _shown(record), status=status)

    def on_delete(self, req: falcon.Request, resp: falcon.Response, resource_type: str, resource_id: str) -> None:
        """Delete."""
        previous = self._existing(resource_type, resource_id)
        exchange.check_preconditions(req, previous.version)
        self._store.delete(resource_type, resource_id, expect=previous.version)
        exchange.answer(req, resp, {"deleted": f"{resource_type}/{resource_id}"})

    def _existing(self, resource_type: str, resource_id: str) -> Record:
        record = self._store.get(resource_type, resource_id)
        if record is None:
            raise exchange.not_found()
        return record


def _checked(document: dict[str, Any], resource_type: str) -> dict[str, Any]:
    problems = []
    if document.get("resourceType", resource_type) != resource_type:
        problems.append(Problem("/resourceType", f"must be {resource_type!r}, as in the URL"))
    if not isinstance(document["id"], str) or not is_id(document["id"]):
        problems.append(Problem("/id", "must be 1 to 64 characters out of A-Z a-z 0-9 . _ - and neither . nor .."))
    if problems:
        raise Invalid(problems)
    kept = {key: value for key, value in document.items() if key not in ("resourceType", "id", "meta")}
    return {"resourceType": resource_type, "id": document["id"], **kept}


def _shown(record: Record) -> dict[str, Any]:
    return exchange.with_meta(record.body, record.version, record.updated_at)
