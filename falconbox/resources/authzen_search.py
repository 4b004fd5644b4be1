"""`/access/v1/search/subject`, `.../resource` and `.../action`: who, what and how, as OpenID AuthZEN 1.0 says."""

from __future__ import annotations

from typing import Any, ClassVar

import falcon

from falconbox.authzen.page_tokens import PageTokens
from falconbox.authzen.search import Found, Page, Search, find, read_page, read_search
from falconbox.decision_log import record
from falconbox.resources.authzen import Access, answer_json, asked_within, read_object, wants_context


class AccessSearch:
    """Answers one of the searches: for a `subject`, a `resource` or an `action`."""

    negotiates: ClassVar = False

    def __init__(self, access: Access, tokens: PageTokens, wanted: str) -> None:
        self._access = access
        self._tokens = tokens
        self._wanted = wanted

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Find a page, write the search down, and answer."""
        asked = read_object(req)
        search, page = read_search(self._wanted, asked), read_page(asked)
        digest = search.digest(req.context.caller.client_id)
        found = self._find(req, search, page or Page(), digest)
        record_id = record.new_id()
        self._access.decision_log.write(_record(record_id, req, search, found))
        answer: dict[str, Any] = {"results": found.results}
        if page is not None or found.more is not None:
            token = "" if found.more is None else self._tokens.seal(found.more, digest)
            answer["page"] = {"next_token": token, "count": len(found.results)}
        if wants_context(asked):
            answer["context"] = {"decision_id": record_id, "revision": req.context.world.revision}
        answer_json(resp, answer)

    def _find(self, req: falcon.Request, search: Search, page: Page, digest: bytes) -> Found:
        after = self._tokens.open(page.token, digest) if page.token else ""
        return find(search, self._access.inquiry(req), after=after, limit=page.limit)


def _record(record_id: str, req: falcon.Request, search: Search, found: Found) -> dict[str, Any]:
    return record.searched(
        record_id,
        asked_within(req),
        search.names(),
        candidates=found.candidates,
        results=len(found.results),
        failures=found.failures.values(),
        revision=req.context.world.revision,
    )
