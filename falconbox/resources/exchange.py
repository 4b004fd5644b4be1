"""What the resources share of HTTP: bodies in, representations out, preconditions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import falcon

from falconbox.audit_log import Actor, by_caller
from falconbox.errors import Malformed, NotAcceptable
from falconbox.media import choose, write
from falconbox.problems import HTTPProblem, http_problem

READ_METHODS: Final = ("GET", "HEAD")


class Negotiation:
    """Middleware: settle the media type of the answer before anything is done, so that a 406 changes nothing."""

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, _params: Mapping[str, Any]
    ) -> None:
        """Leave the media type in `req.context.media_type`. Raises a 406, but for what has one representation only."""
        if not getattr(resource, "negotiates", True):
            return
        resp.append_header("Vary", "Accept")
        try:
            req.context.media_type = choose(req.get_header("Accept"))
        except NotAcceptable as error:
            raise http_problem(error) from error


def actor(req: falcon.Request) -> Actor:
    """Return who asks, for the audit log."""
    return by_caller(req.context.asked(), req.context.record_id)


def read_object(req: falcon.Request) -> dict[str, Any]:
    """Return the body, which must be an object. Raises Malformed."""
    document = req.context.body.parsed()
    if not isinstance(document, dict):
        raise Malformed("the body must be an object (a mapping of names to values)")
    return document


def answer(req: falcon.Request, resp: falcon.Response, value: Any, *, status: HTTPStatus = HTTPStatus.OK) -> None:
    """Answer with a value in the negotiated media type."""
    resp.status = status
    resp.content_type = req.context.media_type
    resp.data = write(req.context.media_type, value)


def answer_resource(
    req: falcon.Request, resp: falcon.Response, resource: Mapping[str, Any], *, status: HTTPStatus = HTTPStatus.OK
) -> None:
    """Answer with a resource and its entity tag; a new one has a Location."""
    resp.set_header("ETag", f'"{resource["meta"]["versionId"]}"')
    if status is HTTPStatus.CREATED:
        resp.set_header("Location", f"/{resource['resourceType']}/{resource['id']}")
    answer(req, resp, resource, status=status)


def with_meta(document: Mapping[str, Any], version: int, updated_at: float, **more: Any) -> dict[str, Any]:
    """Return a document with the `meta` that the server writes: version, time of the last write, and `more`.

    What is None is left out.
    """
    meta = {"versionId": str(version), "lastUpdated": iso(updated_at), **more}
    return {**document, "meta": {name: value for name, value in meta.items() if value is not None}}


def iso(moment: float) -> str:
    """Return a time (seconds since the epoch) as resources show it: UTC, milliseconds."""
    return dt.datetime.fromtimestamp(moment, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def bundle(resources: list[dict[str, Any]], total: int, next_url: str | None = None) -> dict[str, Any]:
    """Return a searchset Bundle."""
    found: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": total}
    if next_url is not None:
        found["link"] = [{"relation": "next", "url": next_url}]
    found["entry"] = [{"resource": resource} for resource in resources]
    return found


def page_url(path: str, after: str, size: int, where: Mapping[str, str]) -> str:
    """Return the URL of the page that starts behind an id, of the same search."""
    return f"{path}?{urlencode({**where, '_after': after, '_count': size})}"


def not_found() -> HTTPProblem:
    """Return the error for something that is not there."""
    return HTTPProblem(HTTPStatus.NOT_FOUND, "not-found", "there is no such resource")


def check_preconditions(req: falcon.Request, current: int | None) -> None:
    """Raise a 412 unless `If-Match` and `If-None-Match: *` agree with the current version (RFC 9110 section 13).

    Raises Malformed for another `If-None-Match`.
    """
    wanted, unwanted = req.get_header("If-Match"), req.get_header("If-None-Match")
    if unwanted is not None and unwanted.strip() != "*":
        raise Malformed("If-None-Match is understood only as: *")
    if wanted is not None:
        tags = [tag.strip() for tag in wanted.split(",")]
        if current is None or ("*" not in tags and f'"{current}"' not in tags):
            raise HTTPProblem(
                HTTPStatus.PRECONDITION_FAILED, "version-differs", "the resource is not at the version in If-Match"
            )
    if unwanted is not None and current is not None:
        raise HTTPProblem(HTTPStatus.PRECONDITION_FAILED, "exists", "the resource exists already")


def check_id(document: dict[str, Any], resource_id: str) -> dict[str, Any]:
    """Return the document with the id of its URL. Raises a 422 when it names another one."""
    if document.get("id", resource_id) != resource_id:
        raise HTTPProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "id-differs", "the id in the document differs from the one in the URL"
        )
    return {**document, "id": resource_id}


def page_size(req: falcon.Request) -> int:
    """Return `_count`, from 1 to 1000; 100 if it is not given. Raises Malformed."""
    text = req.context.target.params.get("_count", "100")
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or not 1 <= int(text[:5]) <= 1000:
        raise Malformed("_count must be a number from 1 to 1000")
    return int(text)


def page_start(req: falcon.Request) -> str:
    """Return `_after`, the id behind which a page starts. Raises Malformed."""
    text = req.context.target.params.get("_after", "")
    if not isinstance(text, str):
        raise Malformed("_after must be given once")
    return text
