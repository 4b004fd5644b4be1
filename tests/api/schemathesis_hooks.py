"""What schemathesis must not do, so that what it does afterwards means something."""

from __future__ import annotations

from typing import Any

import schemathesis

ROUTED_ELSEWHERE = ("Client", "AccessPolicy", "Session", "auth")


@schemathesis.hook
def before_call(_context: Any, case: Any, _options: Any) -> None:
    """Keep it from locking itself out, from letting everybody in, and from asking another operation than it thinks.

    A policy for everybody would decide every later request, one that denies or allows alike; so would a change of the
    administrator. A type of the box that is none, but has routes of its own, is another operation.
    """
    if isinstance(case.body, dict) and "engine" in case.body and case.body.get("mode", "enforce") == "enforce":
        case.body = {**case.body, "mode": "off"}
    for held in (case.path_parameters, case.body):
        if isinstance(held, dict) and held.get("id") == "admin":
            held["id"] = "somebody"
    if isinstance(case.path_parameters, dict) and case.path_parameters.get("type") in ROUTED_ELSEWHERE:
        case.path_parameters["type"] = "SigningKey"
