"""The resources of OpenID AuthZEN 1.0, by the names that the route table has for them."""

from __future__ import annotations

from falconbox.authzen.metadata import decision_point
from falconbox.authzen.page_tokens import PageTokens
from falconbox.resources.authzen import Access, AccessEvaluation, AccessEvaluations
from falconbox.resources.authzen_search import AccessSearch
from falconbox.resources.well_known import WellKnown


def authzen_resources(access: Access, public_url: str) -> dict[str, object]:
    """Return them."""
    tokens = PageTokens(access.store)
    return {
        "authzen_configuration": WellKnown(lambda: decision_point(public_url)),
        "access_evaluation": AccessEvaluation(access),
        "access_evaluations": AccessEvaluations(access),
        "search_subject": AccessSearch(access, tokens, "subject"),
        "search_resource": AccessSearch(access, tokens, "resource"),
        "search_action": AccessSearch(access, tokens, "action"),
    }
