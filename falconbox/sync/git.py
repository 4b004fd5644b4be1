"""What git knows of a policy directory. Without git, or outside a repository, nothing."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path
from typing import Final

TIMEOUT: Final = 20
"""Seconds that one git command may take."""

# A repository's own configuration must not make reading it run anything.
_SAFE: Final = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.file.allow=never")


@dataclasses.dataclass(frozen=True, slots=True)
class Commit:
    """The commit that is checked out, its time in seconds since the epoch, and whether files differ from it."""

    id: str
    time: int
    dirty: bool


def current_commit(directory: Path) -> Commit | None:
    """Return the commit of a directory, or None."""
    shown = _git(directory, "log", "-1", "--format=%H %ct", "--end-of-options", "HEAD")
    status = _git(directory, "status", "--porcelain", "--", ".")
    if shown is None or status is None or not shown.strip():
        return None
    commit, _, time = shown.strip().partition(" ")
    # A directory that git has been told to ignore belongs to no commit.
    if _git(directory, "ls-files", "--", ".") == "":
        return None
    return Commit(commit, int(time), dirty=bool(status.strip()))


def is_older(directory: Path, commit: Commit, other: str, other_time: int) -> bool:
    """Whether a commit of the directory comes before another one: its ancestor, or, if git cannot tell, earlier."""
    if commit.id == other:
        return False
    if _git(directory, "cat-file", "-e", f"{other}^{{commit}}") is not None:
        return _git(directory, "merge-base", "--is-ancestor", "--end-of-options", commit.id, other) is not None
    return commit.time < other_time


def _git(directory: Path, *arguments: str) -> str | None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environ |= {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603  # no shell, and nothing in it comes from a request
            ["git", "-C", str(directory), *_SAFE, *arguments],  # noqa: S607  # the git of the machine
            capture_output=True,
            env=environ,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None
