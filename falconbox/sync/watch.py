"""A policy directory of a running service: brought in at the start, and again when the file of a secret changes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from falconbox.admission import Admission
from falconbox.audit_log import AuditTrail
from falconbox.errors import FalconboxError, Invalid, StartupError
from falconbox.managed import POINTER
from falconbox.store import Store
from falconbox.sync.apply import Secrets, SyncResult, sync_directory
from falconbox.sync.directory import read_directory

LOOK_INTERVAL: Final = 10.0
"""Seconds between two looks at the files that hold secrets."""

SETTLE: Final = 1.0
"""Seconds for which a file that has changed must stay as it is, so that none is read while it is being written."""

Identity = tuple[int, int, int, int] | None
"""Device, inode, time of the last write (nanoseconds) and size of a file; None: it is not there."""

log = logging.getLogger(__name__)


class PolicyDirectory:
    """A policy directory and the files that its secrets are in. To be called by one thread at a time.

    `problem` is what is wrong with it, while the last good set stays in force.
    """

    def __init__(
        self,
        directory: Path,
        store: Store,
        audit: AuditTrail,
        admission: Admission,
        secrets: Secrets,
        *,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.problem: FalconboxError | None = None
        self._directory = directory
        self._store = store
        self._audit = audit
        self._admission = admission
        self._secrets = secrets
        self._wait = wait
        self._seen: dict[Path, Identity] = {}

    def bring_in(self) -> SyncResult | None:
        """Bring it in, all of it or nothing. None: it is broken, and the last good set stays in force.

        Raises Invalid and StartupError if it is broken and there is no good set, and StoreError.
        """
        # Looked at before they are read: what changes in between is found by the next look.
        seen = _identities(self._secret_files())
        result = None
        try:
            result = sync_directory(self._directory, self._store, self._audit, self._admission, self._secrets)
            self.problem = None
        except (Invalid, StartupError) as error:
            if self._store.get(*POINTER) is None:
                raise
            detail = error.detail
            if self.problem is None or self.problem.detail != detail:
                log.error("the policy directory is broken; the last good set stays in force: %s", detail)  # noqa: TRY400
            self.problem = error
        self._seen = seen
        return result

    def look(self) -> None:
        """Bring the directory in again if a file that holds a secret has changed, or if it was broken.

        A secret that has changed while something else was wrong would otherwise never count. Raises what `bring_in`
        does.
        """
        now = _identities(self._seen)
        if now == self._seen and self.problem is None:
            return
        self._wait(SETTLE)
        if _identities(self._seen) != now:
            return  # it is still being written: the next look sees
        result = self.bring_in()
        if result is not None:
            log.info("the policy directory was brought in again: %s", result.message)

    def _secret_files(self) -> set[Path]:
        """Return the files that secrets are in; those that were known, if the directory cannot be read."""
        with suppress(Invalid, OSError):
            references = [entry.document.get("secret") for entry in read_directory(self._directory)]
            return {
                self._directory / reference["file"]
                for reference in references
                if isinstance(reference, Mapping) and isinstance(reference.get("file"), str)
            }
        return set(self._seen)


def _identities(paths: Iterable[Path]) -> dict[Path, Identity]:
    return {path: _identity(path) for path in paths}


def _identity(path: Path) -> Identity:
    """Return the identity of the file that a path leads to, through all links: kubernetes swaps one of them."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
