"""Follow the store's changes; swap policies, clients and revocations together.

Requests read `current` once and never touch the store. Writers on this node call `refresh` before they
acknowledge.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from falconbox.compiling import PolicyCompiler
from falconbox.errors import FalconboxError, FeedGap, StoreNotAsked
from falconbox.store import Record, Store
from falconbox.world import FOLLOWED, Assembly, World

POLL_INTERVAL: Final = 0.25
"""Seconds between two looks at the change feed: what a change on another node may take to count here."""

RECONCILE_INTERVAL: Final = 30.0
"""Seconds between two comparisons of everything held with everything stored."""

log = logging.getLogger(__name__)


class Snapshot:
    """The newest World, kept up to date by a thread of its own. Safe to call from many threads."""

    def __init__(
        self,
        store: Store,
        compiler: PolicyCompiler,
        clock: Callable[[], float] = time.monotonic,
        *,
        prepare: Callable[[World], None] = lambda _: None,
    ) -> None:
        """`prepare` is called with each world before it counts, by one thread at a time. It must not raise."""
        self.current = World()
        self._store = store
        self._compiler = compiler
        self._prepare = prepare
        self._clock = clock
        self._assembly = Assembly(compiler, self._fetch_member)
        self._intact = True
        self._cursor = 0
        self._head = 0
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._reconciled_at = float("-inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="snapshot", daemon=True)

    def age(self) -> float:
        """Return the seconds since the store was last read successfully (infinite before the first time)."""
        return self._clock() - self._read_at

    def refresh(self) -> World:
        """Take in everything that has happened up to now, and return the world. Raises StoreError."""
        with self._lock:
            started = self._clock()
            self._catch_up()
            if started - self._reconciled_at > RECONCILE_INTERVAL:
                self._reconcile()
                self._reconciled_at = started
            self._read_at = started
            return self.current

    def _catch_up(self) -> None:
        if self._intact:
            try:
                return self._read_feed()
            except FeedGap as gap:
                log.info("everything is read anew: %s", gap.detail)
        return self._reload()

    def start(self) -> None:
        """Load the world, then follow the store in the background. Raises StoreError."""
        self.refresh()
        self._thread.start()

    def stop(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _follow(self) -> None:
        while not self._stop.wait(POLL_INTERVAL):
            try:
                self.refresh()
            except StoreNotAsked:
                continue
            except FalconboxError as error:
                log.warning("the store cannot be followed: %s", error.detail)
            except Exception:
                # Following must go on whatever a stored document does; meanwhile the snapshot grows stale.
                log.exception("following the store failed")

    def _read_feed(self) -> None:
        feed = self._store.changes(self._cursor, FOLLOWED)
        if feed.head < self._head:
            raise FeedGap("the store's numbers have gone back: it was restored from a backup")
        if feed.items:
            self._intact = False  # until all of it has been taken in
            self._swap(self._assembly.next_world(self.current, feed.items, feed.head))
            self._intact = True
        elif feed.head > self.current.revision:
            self.current = dataclasses.replace(self.current, revision=feed.head)
        self._cursor, self._head = feed.cursor, feed.head

    def _reload(self) -> None:
        """Build a new world from nothing, beside the current one, and swap it in."""
        assembly = Assembly(self._compiler, self._fetch_member)
        feed = self._store.changes(0, FOLLOWED)
        self._swap(assembly.next_world(World(), feed.items, max(feed.head, self.current.revision)))
        self._assembly, self._cursor, self._head, self._intact = assembly, feed.cursor, feed.head, True

    def _swap(self, world: World) -> None:
        self._prepare(world)
        self.current = world

    def _reconcile(self) -> None:
        """Find what the feed did not tell: numbers may become visible late; the store knows the truth."""
        head = self._store.head()
        stored = self._store.versions(FOLLOWED)
        self._read_feed()
        self.current = self._assembly.without_lapsed(self.current, stored.keys(), head)
        held = self._assembly.versions()
        missed = sum(version > held.get(key, 0) for key, version in stored.items())
        missed += sum(version <= head and key not in stored for key, version in held.items())
        if missed:
            log.warning("the change feed had missed %d changes; they count now", missed)
            self._reload()

    def _fetch_member(self, member_id: str) -> Record | None:
        return self._store.get("managed-member", member_id)
