"""What a MongoDB database has before the first document: numbers, and indexes."""

from __future__ import annotations

from pymongo.collection import Collection

from falconbox.errors import StartupError
from falconbox.store import SCHEMA_VERSION
from falconbox.store.mongo_rows import Row, ignored_duplicate


def lay_out(documents: Collection[Row], numbers: Collection[Row], place: str) -> None:
    """Make what is not there yet. Raises StartupError for a layout of another version, and PyMongoError."""
    for name, value in (("schema", SCHEMA_VERSION), ("head", 0), ("floor", 0)):
        # Another node may make it at the same moment; then its value is the one.
        if numbers.find_one({"_id": name}) is None:
            with ignored_duplicate():
                numbers.insert_one({"_id": name, "value": value})
    version = number_of(numbers, "schema")
    if version != SCHEMA_VERSION:
        raise StartupError(
            f"the store {place} has layout {version}, and this falconbox reads layout {SCHEMA_VERSION}:"
            " start it with the falconbox that wrote it, or name another database"
        )
    documents.create_index([("kind", 1), ("version", 1)])
    documents.create_index([("kind", 1), ("name", 1)])
    documents.create_index([("kind", 1), ("updated", 1)])
    # Garbage collection only: whether a document has expired is looked at whenever it is read.
    documents.create_index("expires_on", expireAfterSeconds=3600)


def number_of(numbers: Collection[Row], name: str) -> int:
    """Return a number that the store keeps by name. Raises PyMongoError."""
    row = numbers.find_one({"_id": name})
    return 0 if row is None else int(row["value"])
