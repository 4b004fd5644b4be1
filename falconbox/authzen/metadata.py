"""What the decision point says of itself, so that PEPs need not be told (AuthZEN section 9)."""

from __future__ import annotations

from typing import Final

ENDPOINTS: Final = {
    "access_evaluation_endpoint": "/access/v1/evaluation",
    "access_evaluations_endpoint": "/access/v1/evaluations",
    "search_subject_endpoint": "/access/v1/search/subject",
    "search_resource_endpoint": "/access/v1/search/resource",
    "search_action_endpoint": "/access/v1/search/action",
}


def decision_point(public_url: str) -> dict[str, str]:
    """Return the metadata. `public_url` is what PEPs know the decision point by, exactly."""
    return {
        "policy_decision_point": public_url,
        **{name: f"{public_url}{path}" for name, path in ENDPOINTS.items()},
    }
