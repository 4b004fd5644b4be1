"""Open the store that a URL names."""

from __future__ import annotations

from falconbox.errors import StartupError
from falconbox.store import Store
from falconbox.store.sqlite import SqliteStore


def open_store(url: str) -> Store:
    """Return the store at `sqlite:///relative/path`, `sqlite:////absolute/path` or a MongoDB URI.

    Raises StartupError for any other URL, and for a store that is not ours or of another version; StoreUnavailable.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return SqliteStore(rest[1:])
    if scheme in ("mongodb", "mongodb+srv") and rest:
        # The driver takes longer to import than everything else together; only who uses it waits for it.
        from falconbox.store.mongo import MongoStore

        return MongoStore(url)
    # The URL itself is not quoted: it may hold a password.
    raise StartupError("the store must be sqlite:///PATH (four slashes for an absolute path) or a mongodb:// URI")
