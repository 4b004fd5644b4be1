"""The store contract: what falconbox asks of a database, and no more.

Two implementations keep it (`falconbox.store.sqlite`, `falconbox.store.mongo`); one suite, tests/store/, holds both.

A document has a `kind`, an `id` and a JSON `body`. Written with `put` or deleted, it takes the next *change number*
of the whole store as its version; a number is never used twice, so a version seen once can never name other content.
Documents written with `append` carry a random negative version instead and are not in the change feed: they do not
contend for the counter (sessions, audit records).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Protocol, TypeVar

Row = TypeVar("Row")

SCHEMA_VERSION: Final = 1
"""Version of the stored layout. A store of another version is refused at opening."""


TRACE_LIFETIME: Final = 24 * 3600.0
"""Seconds that the trace of a deletion is kept for readers of the change feed."""


class Expect(Enum):
    """What `put` and `delete` expect of the document as it is, beside a version number."""

    ANYTHING = "anything"
    ABSENT = "absent"


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """A stored document. Times are seconds since the epoch; `expires_at` None never expires."""

    kind: str
    id: str
    version: int
    body: Mapping[str, Any]
    updated_at: float
    expires_at: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One entry of the change feed: the newest state of a document, `record` None when it was deleted."""

    kind: str
    id: str
    version: int
    record: Record | None


@dataclasses.dataclass(frozen=True, slots=True)
class Changes:
    """A piece of the feed. `cursor` is what to ask with next time, `head` the highest number given out by then.

    A store whose numbers can become visible out of order tells recent entries again, so they may come more than once
    and with versions below the cursor: a reader applies an entry only if its version is above the one that it has for
    that document.
    """

    items: tuple[Change, ...]
    cursor: int
    head: int


UNCOUNTED: Final = -1


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """A page of `find`, ordered by id.

    `total` counts all documents that fit, on this page or not: UNCOUNTED if they were not to be counted.
    `cut`: at least one that would be on this page had no room there.
    """

    records: tuple[Record, ...]
    total: int
    cut: bool = False


def within(rows: Iterable[Row], body: Callable[[Row], str], room: int | None) -> tuple[list[Row], bool]:
    """Return as many rows as there is room for, the first whatever its size, and whether one was left out."""
    found: list[Row] = []
    taken = 0
    for row in rows:
        taken += len(body(row))
        if found and room is not None and taken > room:
            return found, True
        found.append(row)
    return found, False


class Store(Protocol):
    """Documents with compare-and-set, equality search, expiry and a change feed. Safe to call from many threads.

    Every method raises StoreUnavailable when the database cannot be reached or does not answer in time.
    An expired document is treated as absent everywhere.
    """

    @property
    def description(self) -> str:
        """Which store this is, for people: product and place, never a password."""

    def get(self, kind: str, id: str) -> Record | None:
        """Return the document, or None."""

    def get_many(self, kind: str, ids: Collection[str]) -> Mapping[str, Record]:
        """Return those of these documents that are there, by id."""

    def put(
        self,
        kind: str,
        id: str,
        body: Mapping[str, Any],
        *,
        expect: int | Expect = Expect.ANYTHING,
        fields: Mapping[str, Sequence[str]] | None = None,
        expires_at: float | None = None,
    ) -> Record:
        """Create or replace a document if it is in the expected state (a version, or an Expect); durable on return.

        `fields` are the values by which `find` can select it. Raises StoreConflict with the current version.
        """

    def append(
        self,
        kind: str,
        id: str,
        body: Mapping[str, Any],
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
        expires_at: float | None = None,
    ) -> Record:
        """Create a document outside the change feed, with a random negative version.

        Raises StoreConflict when the id is taken.
        """

    def delete(self, kind: str, id: str, *, expect: int | Expect = Expect.ANYTHING) -> int:
        """Delete a document and return the change number of the deletion (its old version, if it was appended).

        Raises StoreConflict with `current` None when it is absent, and with its version when that is not `expect`.
        """

    def mark_used(self, kind: str, used: Mapping[str, int], *, append: bool = False) -> None:
        """Note by id when appended documents were last used: `last_used` in the body of each rises to that time.

        It is no part of what a version names. Documents that are not there are passed over, or appended with an empty
        body; an id of a document that was put must not be given.
        """

    def remove(self, kind: str, ids: Collection[str]) -> int:
        """Delete appended documents, and return how many were there; those that were put are passed over."""

    def find(
        self,
        kind: str,
        where: Mapping[str, str] | None = None,
        *,
        after: str = "",
        limit: int = 100,
        room: int | None = None,
        counted: bool = True,
    ) -> Page:
        """Return documents of a kind that carry every field value in `where`, ids above `after`, at most `limit`.

        Counting all that fit takes the longer the more there are: whoever goes through all pages does without.

        With `room`, no more of them than have that many characters of JSON together, but for the first, whatever its
        size.
        """

    def head(self) -> int:
        """Return the highest change number given out so far."""

    def changes(self, since: int, kinds: Collection[str]) -> Changes:
        """Return what happened to documents of these kinds after cursor `since` (0: from the beginning).

        Raises FeedGap when deletions after `since` have already been swept: load everything anew from 0.
        """

    def versions(self, kinds: Collection[str]) -> Mapping[tuple[str, str], int]:
        """Return the version of every live numbered document of these kinds: the truth that a reader reconciles to."""

    def sweep(self) -> int:
        """Remove expired documents and old traces of deletions; return how many were removed."""

    def close(self) -> None:
        """Let go of the database. The store cannot be used afterwards."""
