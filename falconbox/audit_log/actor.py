"""Who makes a change: a caller of the API, a command on the machine, a policy directory, or the service by itself."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from typing import Any

from falconbox.decision_log.record import Asked

Actor = Mapping[str, Any]
"""The fields of a record's `actor`."""


def by_caller(asked: Asked, decision: str) -> Actor:
    """Return the caller of a request as an actor; `decision` is the id of the record that let it pass."""
    actor = {"by": "caller", "remote_addr": asked.remote_addr, "decision": decision}
    if asked.caller.client is not None:
        actor["client"] = asked.caller.client.id
    if asked.caller.session is not None:
        actor["session"] = asked.caller.session
    return actor


def by_command(command: str) -> Actor:
    """Return a command of falconbox, and the user of the machine who runs it: as the system knows them.

    What the environment says (LOGNAME, USER) is whatever they have put there, or what `su` has left.
    """
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user need not have a name
        user = str(os.getuid())
    return {"by": "command", "command": command, "user": user}


def by_directory(directory: str, commit: str | None, *, dirty: bool = False) -> Actor:
    """Return a policy directory, at a git commit if it has one; `dirty`: with changes that are not in it."""
    actor: dict[str, Any] = {"by": "policy-directory", "directory": directory}
    if commit is not None:
        actor |= {"commit": commit, "dirty": dirty}
    return actor


def by_itself(why: str) -> Actor:
    """Return the service, which does something without being told to."""
    return {"by": "falconbox", "why": why}
