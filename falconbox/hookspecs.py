"""The hooks that a plugin may implement. Their docstrings are the reference.

A plugin is an importable module with functions marked `@falconbox.hookimpl`, registered as an entry point in the
group `falconbox`. Hooks run when plugins are loaded, never while a request is decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pluggy

from falconbox.engine import Engine

PROJECT = "falconbox"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def falconbox_engines() -> Iterable[Engine]:  # type: ignore[empty-body]  # pluggy: a specification has no body
    """Return the engines that this plugin adds.

    Called once, when plugins are loaded. Two engines of one name, a result that is no engine, and any exception stop
    the start with an error that names the distribution.
    """


@hookspec
def falconbox_decided(batch: Sequence[Mapping[str, Any]]) -> None:
    """Receive decision log records that have just been written, in order, possibly many at once.

    Called by the decision log's writer thread, never on the path of a request. What it raises is logged and changes
    nothing. See docs/reference/decision-log.md for the shape of a record.
    """
